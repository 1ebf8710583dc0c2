"""How plans, summaries and findings are shown: for people, and as JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from toolroll_shared.output import human_size, json_document, printable

from .plan import Action
from .report import Report, RepositoryReport

_SILENT = {"keep"}
"""Nothing to say about, file by file."""


def report_json(report: Report, *, duration_s: float) -> str:
    """Return the summary as one JSON document."""
    repositories = [_counts(one) for one in report.repositories]
    totals = {key: sum(one[key] for one in repositories) for key in _COUNTS}
    return json_document(
        {
            "repositories": [
                {"repository": one.repository, **counts}
                for one, counts in zip(report.repositories, repositories, strict=True)
            ],
            **totals,
            "duration_ms": round(duration_s * 1000),
            "interrupted": report.interrupted,
            "error": None if report.error is None else str(report.error),
            "failures": [asdict(failure) for failure in report.failures],
        }
    )


_COUNTS = ("downloaded", "skipped", "failed", "replaced", "gone", "bytes")


def _counts(report: RepositoryReport) -> dict[str, int]:
    counts = {key: getattr(report, key) for key in _COUNTS}
    counts["failed"] = len(report.failures)
    return counts


def report_text(report: Report, *, duration_s: float) -> str:
    """Return the summary for people: a line for each repository, and for all, if several."""
    lines = [_line(one.repository, [one]) for one in report.repositories]
    if len(lines) != 1:
        lines.append(_line(f"all {len(lines)}", report.repositories))
    return "\n".join(lines) + f" in {duration_s:.1f} s\n"


def _line(name: str, reports: Iterable[RepositoryReport]) -> str:
    total: Counter[str] = Counter()
    for report in reports:
        total.update(_counts(report))
    rare = "".join(f", {total[key]} {text}" for key, text in _RARE.items() if total[key])
    return (
        f"{name}: {total['downloaded']} downloaded, {total['skipped']} skipped, "
        f"{total['failed']} failed{rare}, {human_size(total['bytes'])}"
    )


_RARE = {"replaced": "replaced upstream", "gone": "gone upstream"}


def plan_json(actions: Sequence[Action], report: Report, *, room: int) -> str:
    """Return a plan as one JSON document; `room` is the free space in bytes."""
    return json_document(
        {
            "plan": [_action_record(action) for action in actions],
            "downloads": sum(action.downloads for action in actions),
            "bytes": sum(action.missing for action in actions),
            "free_bytes": room,
            "failures": [asdict(failure) for failure in report.failures],
        }
    )


def plan_text(actions: Sequence[Action], *, room: int) -> str:
    """Return a plan for people: a line for each file that is not just kept, and a sum."""
    lines = [
        f"{action.kind:8}  {_size_text(action):>9}  {printable(action.path)}  "
        f"({printable(action.reason)})\n"
        for action in actions
        if action.kind not in _SILENT
    ]
    kinds = Counter(action.kind for action in actions)
    files, size = sum(one.downloads for one in actions), sum(one.missing for one in actions)
    others = ", ".join(f"{kind} {kinds[kind]}" for kind in _SUMMED)
    lack = f"; only {human_size(room)} are free" if size > room else ""
    return "".join(lines) + (
        f"would download {counted(files)}, {human_size(size)}{lack}; {others}\n"
    )


_SUMMED = ("keep", "adopt", "leave", "replaced", "gone", "refuse")


def _size_text(action: Action) -> str:
    return "?" if action.wanted.size is None else human_size(action.wanted.size)


def _action_record(action: Action) -> dict[str, object]:
    return {
        "action": action.kind,
        "repository": action.wanted.repository,
        "tag": action.wanted.tag,
        "asset": action.wanted.name,
        "size": action.wanted.size,
        "downloads": action.downloads,
        "bytes": action.missing,
        "path": action.path,
        "reason": action.reason,
    }


def counted(files: int, noun: str = "file") -> str:
    """Return a number of things in words."""
    return f"1 {noun}" if files == 1 else f"{files:,} {noun}s"
