"""What a run did: counts that grow while it runs, and how they are shown at the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from toolroll_shared.output import human_size, json_document, printable

from .plan import Action, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An asset that is not mirrored, and why."""

    repository: str
    tag: str
    asset: str
    reason: str

    def __str__(self) -> str:
        return f"{self.repository}: {self.tag}/{self.asset}: {self.reason}"


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did to one repository.

    Attributes:
        repository: OWNER/REPO as GitHub spells it.
        downloaded: assets that were fetched.
        skipped: assets that needed nothing, or whose upload is unfinished.
        bytes: how many were downloaded.
        failures: assets that could not be mirrored.
    """

    repository: str
    downloaded: int = 0
    skipped: int = 0
    bytes: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add_failure(self, wanted: Wanted, reason: str) -> Failure:
        """Note that an asset failed, and return the note."""
        failure = Failure(
            repository=wanted.repository,
            tag=wanted.tag,
            asset=wanted.asset.name,
            reason=reason,
        )
        self.failures.append(failure)
        return failure


def report_json(report: Report, *, duration_s: float) -> str:
    """Return the summary as one JSON document."""
    counts = {
        "downloaded": report.downloaded,
        "skipped": report.skipped,
        "failed": len(report.failures),
        "bytes": report.bytes,
    }
    return json_document(
        {
            "repositories": [{"repository": report.repository, **counts}],
            **counts,
            "duration_ms": round(duration_s * 1000),
            "failures": [asdict(failure) for failure in report.failures],
        }
    )


def report_text(report: Report, *, duration_s: float) -> str:
    """Return the summary as one line for people."""
    return (
        f"{report.repository}: {report.downloaded} downloaded, {report.skipped} skipped, "
        f"{len(report.failures)} failed, {human_size(report.bytes)} in {duration_s:.1f} s\n"
    )


def plan_json(actions: Sequence[Action]) -> str:
    """Return a plan as one JSON document."""
    return json_document({"plan": [_action_record(action) for action in actions]})


def plan_text(actions: Sequence[Action]) -> str:
    """Return a plan for people: a line for each asset that is not just kept, and a sum."""
    lines = [
        f"{action.kind:6}  {human_size(action.wanted.asset.size):>9}  "
        f"{printable(action.wanted.path)}  ({action.reason})\n"
        for action in actions
        if action.kind != "keep"
    ]
    kinds = Counter(action.kind for action in actions)
    size = sum(action.wanted.asset.size for action in actions if action.kind == "fetch")
    return "".join(lines) + (
        f"would download {counted(kinds['fetch'])}, {human_size(size)}; adopt {kinds['adopt']}, "
        f"keep {kinds['keep']}, leave {kinds['leave']}, refuse {kinds['refuse']}\n"
    )


def _action_record(action: Action) -> dict[str, object]:
    return {
        "action": action.kind,
        "repository": action.wanted.repository,
        "tag": action.wanted.tag,
        "asset": action.wanted.asset.name,
        "size": action.wanted.asset.size,
        "path": action.wanted.path,
        "reason": action.reason,
    }


def counted(assets: int) -> str:
    """Return a number of assets in words."""
    return "1 asset" if assets == 1 else f"{assets} assets"
