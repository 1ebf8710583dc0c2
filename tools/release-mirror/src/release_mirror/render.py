"""How plans, summaries and findings are shown: for people, and as JSON."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from toolroll_shared.output import human_size, json_document, printable, table
from toolroll_shared.spans import human_span

from .plan import Action
from .prune import Removal
from .report import Report, RepositoryReport, counted
from .status import Standing
from .verify import Finding, Findings

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
    kinds: Counter[str] = Counter(action.kind for action in actions)
    files, size = sum(one.downloads for one in actions), sum(one.missing for one in actions)
    others = ", ".join(f"{kind} {kinds[kind]}" for kind in _SUMMED if kind != "link" or kinds[kind])
    lack = f"; only {human_size(room)} are free" if size > room else ""
    return "".join(lines) + (
        f"would download {counted(files)}, {human_size(size)}{lack}; {others}\n"
    )


_SUMMED = ("link", "keep", "adopt", "leave", "replaced", "gone", "refuse")


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


def findings_json(
    findings: Findings, healed: Sequence[Finding], report: Report, *, duration_s: float
) -> str:
    """Return what a check found, and what was healed, as one JSON document."""
    kinds: Counter[str] = Counter(finding.kind for finding in findings.found)
    return json_document(
        {
            "checked": findings.checked,
            "bytes": findings.bytes,
            **{kind: kinds[kind] for kind in _FINDINGS},
            "repaired": len(healed),
            "duration_ms": round(duration_s * 1000),
            "findings": [_finding_record(one) for one in findings.found],
            "repairs": [_finding_record(one) for one in healed],
            "failures": [asdict(failure) for failure in report.failures],
        }
    )


_FINDINGS = ("missing", "changed", "orphaned", "unrecorded")


def _finding_record(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind,
        "path": finding.path,
        "repository": finding.repository,
        "reason": finding.reason,
    }


def findings_text(findings: Findings, healed: Sequence[Finding], *, duration_s: float) -> str:
    """Return what a check found for people: a line for each finding, and a sum."""
    lines = [("repaired", one) for one in healed] + [(one.kind, one) for one in findings.found]
    kinds: Counter[str] = Counter(finding.kind for finding in findings.found)
    sums = ", ".join(f"{kinds[kind]} {kind}" for kind in _FINDINGS)
    repaired = f", {len(healed)} repaired" if healed else ""
    return "".join(
        f"{kind:10}  {printable(one.path)}  ({printable(one.reason)})\n" for kind, one in lines
    ) + (
        f"checked {counted(findings.checked)}, {human_size(findings.bytes)} in "
        f"{duration_s:.1f} s: {sums}{repaired}\n"
    )


def status_json(found: Sequence[Standing], *, stale: Collection[Standing]) -> str:
    """Return how repositories stand as one JSON document."""
    return json_document(
        {
            "repositories": [{**asdict(one), "stale": one in stale} for one in found],
            "files": sum(one.files for one in found),
            "bytes": sum(one.bytes for one in found),
        }
    )


_STATUS_HEADER = ("REPOSITORY", "RELEASES", "FILES", "SIZE", "GONE", "NEWEST", "COMPLETE", "FAILED")
_STATUS_NUMBERS = ("RELEASES", "FILES", "SIZE", "GONE", "FAILED")


def status_text(found: Sequence[Standing], *, terminal: bool, now: datetime) -> str:
    """Return how repositories stand as a table; exact figures where no person looks."""
    rows = [
        (
            one.repository,
            str(one.releases),
            str(one.files),
            human_size(one.bytes) if terminal else str(one.bytes),
            str(one.gone_files),
            one.newest_tag or "-",
            _when(one, now) if terminal else one.complete_at or "-",
            "-" if one.failed is None else str(one.failed),
        )
        for one in found
    ]
    return table(_STATUS_HEADER, rows, terminal=terminal, numbers=_STATUS_NUMBERS)


def _when(standing: Standing, now: datetime) -> str:
    age = standing.age_s(now)
    return "never" if age is None else f"{human_span(age)} ago"


def removals_json(removals: Sequence[Removal], *, done: bool) -> str:
    """Return what was removed, or would be, as one JSON document."""
    gone = [one for one in removals if one.trouble is None]
    return json_document(
        {
            "removed" if done else "would_remove": len(gone),
            "bytes": sum(one.record.size for one in gone),
            "files": [
                {
                    "repository": one.repository,
                    "tag": one.record.tag,
                    "path": one.record.path,
                    "size": one.record.size,
                    "trouble": one.trouble,
                }
                for one in removals
            ],
        }
    )


def removals_text(removals: Sequence[Removal], *, done: bool) -> str:
    """Return what was removed, or would be, for people."""
    verb = "removed" if done else "would remove"
    lines = [
        f"{verb}  {human_size(one.record.size):>9}  {printable(one.record.path)}\n"
        for one in removals
        if one.trouble is None
    ]
    size = sum(one.record.size for one in removals if one.trouble is None)
    hint = "" if done else " (--yes does it)"
    return "".join(lines) + f"{verb} {counted(len(lines))}, {human_size(size)}{hint}\n"
