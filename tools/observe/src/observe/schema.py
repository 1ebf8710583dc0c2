"""The JSON Schema of action records, which comes with the package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

SCHEMA_NAME = "record.schema.json"

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
    try:
        record = json.loads(line, parse_constant=_refuse)
    except RecursionError:
        return ["nested too deeply"]
    except ValueError as error:
        return [f"not JSON: {error}"]
    return sorted({_problem(error) for error in _validator().iter_errors(record)})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _problem(error: Any) -> str:
    place = "".join(f"{part}: " for part in error.instance_path)
    return f"{place}{error.message}"[:PROBLEM_LENGTH]
