"""The JSON Schema of action records, which comes with the package."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from functools import cache
from importlib.resources import files
from typing import Any

from .records import TOO_LONG, record_of

SCHEMA_NAME = "record.schema.json"

MAX_DIGITS = 400
"""Of a whole number; a larger one is beyond all others, too."""

PROBLEM_LENGTH = 300
"""Characters that are shown of a problem."""


@cache
def schema_text() -> str:
    """Return the schema."""
    return files(__package__).joinpath(SCHEMA_NAME).read_text(encoding="utf-8")


@cache
def _validator() -> Any:
    import jsonschema_rs  # noqa: PLC0415 - it is large

    return jsonschema_rs.validator_for(json.loads(schema_text()), validate_formats=True)


def problems_of(line: bytes) -> list[str]:
    """Return what is wrong with a line of a log: nothing, if it is a record."""
    if line == TOO_LONG:
        return ["too long for a record"]
    try:
        record = _parse(line.decode())
        found = {_problem(error) for error in _validator().iter_errors(record)}
    except (ValueError, RecursionError) as error:
        return [_no_json(line, error)]
    if not found and record_of(line) is None:  # what is valid here is counted elsewhere
        return ["a number or a text in it is beyond all bounds"]
    return sorted(found)


def _no_json(line: bytes, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte {error.start + 1}: {error.reason}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if line.startswith(BOM_UTF8):
        return "not JSON: it begins with a byte order mark"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: column {error.colno}: {error.msg}"
    return f"not JSON: {error}"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number there")


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twice} is there twice")
    return found


_parse = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse, parse_int=_whole_number
).decode


def _problem(error: Any) -> str:
    place = "".join(f"{part}: " for part in error.instance_path)
    return f"{place}{error.message}"[:PROBLEM_LENGTH]
