"""What a composite action tells its job after a run: outputs, and a summary on the run's page.

It needs no more than Python. Names of files come from outside: in the summary they are text
and nothing else.

    python packing/step.py FILE CODE [NAME=VALUE...]

FILE holds the tool's summary as JSON, if it came to write one; each of its numbers becomes an
output of its name, the exit code and the values given become outputs as well.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

SHOWN_FAILURES = 50  # a summary may be 1 MiB long at most
SHOWN_CHARACTERS = 500  # of a reason
PLAIN = frozenset(" ,;()-=")  # what means nothing to Markdown within a table


def load(path: Path) -> dict[str, Any]:
    """Return a tool's summary; an empty one if it ended before it could write it."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def counts(summary: dict[str, Any]) -> dict[str, str]:
    """Return what a summary counts, by name."""
    return {
        name: str(value)
        for name, value in summary.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def as_text(value: object) -> str:
    """Return Markdown that shows a value, whatever stands in it."""
    text = "-" if value is None else str(value)[:SHOWN_CHARACTERS]
    return "".join(one if one.isalnum() or one in PLAIN else f"&#{ord(one)};" for one in text)


def table(header: list[str], rows: list[list[object]]) -> str:
    """Return a table in Markdown."""
    lines = [map(as_text, header), ["---"] * len(header), *(map(as_text, row) for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines) + "\n"


def page(title: str, summary: dict[str, Any], code: int) -> str:
    """Return the summary for the run's page."""
    text = f"### {as_text(title)}\n\nexit code {code}\n\n"
    numbers = counts(summary)
    if numbers:
        text += table(list(numbers), [list(numbers.values())])
    failures = [one for one in summary.get("failures") or [] if isinstance(one, dict)]
    rows = [[one.get(key) for key in ("repository", "tag", "asset", "reason")] for one in failures]
    if rows:
        text += table(["repository", "tag", "asset", "reason"], rows[:SHOWN_FAILURES])
    if len(rows) > SHOWN_FAILURES:
        text += f"and {len(rows) - SHOWN_FAILURES} more\n\n"
    return text


def output(name: str, value: str) -> str:
    """Return the lines that set an output; no value can end them early."""
    fence = secrets.token_hex(16)
    return f"{name.replace('_', '-')}<<{fence}\n{value}\n{fence}\n"


def append(variable: str, text: str) -> None:
    """Append to a file that the runner has named in the environment."""
    with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
        file.write(text)


def main() -> int:
    """Tell the runner."""
    path, code, *given = sys.argv[1:]
    summary = load(Path(path))
    values = {**counts(summary), "exit-code": code, "summary": path}
    values |= dict(one.partition("=")[::2] for one in given)
    title = values.pop("title", "")
    append("GITHUB_OUTPUT", "".join(output(name, value) for name, value in values.items()))
    append("GITHUB_STEP_SUMMARY", page(title, summary, int(code)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
