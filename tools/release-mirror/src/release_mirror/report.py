"""What a run did: counts that grow while it runs, for each repository and in all."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from toolroll_shared.errors import Exit, ToolError

from .places import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that is not mirrored, and why.

    Attributes:
        repository: OWNER/REPO.
        tag: of the release; None where the whole repository failed.
        asset: its name; None likewise.
        reason: why, for people.
        throttled: whether it would work later, as it is.
    """

    repository: str
    tag: str | None = None
    asset: str | None = None
    reason: str
    throttled: bool = False

    def __str__(self) -> str:
        if self.asset is None:
            return self.reason
        return f"{self.repository}: {self.tag}/{self.asset}: {self.reason}"


@dataclass(slots=True, kw_only=True)
class RepositoryReport:
    """What a run did to one repository.

    Attributes:
        repository: OWNER/REPO as GitHub spells it.
        downloaded: files that were fetched.
        skipped: files that needed nothing, or are left for later.
        gone: files that are here, and upstream no more.
        replaced: assets that upstream has replaced under the same name.
        bytes: how many were downloaded.
        failures: what could not be mirrored.
        error: what ended the work on it before anything was downloaded, if something did.
    """

    repository: str
    downloaded: int = 0
    skipped: int = 0
    gone: int = 0
    replaced: int = 0
    bytes: int = 0
    failures: list[Failure] = field(default_factory=list)
    error: ToolError | None = None

    @property
    def failed(self) -> int:
        """How many assets failed."""
        return sum(failure.asset is not None for failure in self.failures)

    def fail(self, wanted: Wanted, reason: str, *, throttled: bool = False) -> Failure:
        """Note that an asset failed, and return the note."""
        failure = Failure(
            repository=wanted.repository,
            tag=wanted.tag,
            asset=wanted.name,
            reason=reason,
            throttled=throttled,
        )
        self.failures.append(failure)
        return failure

    def fail_sums(self, path: str, reason: str) -> Failure:
        """Note that our own SHA256SUMS could not be written, and return the note."""
        *_, tag, name = path.split("/")
        failure = Failure(repository=self.repository, tag=tag, asset=name, reason=reason)
        self.failures.append(failure)
        return failure

    def end(self, error: ToolError) -> Failure:
        """Note that the repository failed as a whole, and return the note."""
        self.error = error
        throttled = error.exit_code == Exit.TRY_LATER
        failure = Failure(repository=self.repository, reason=str(error), throttled=throttled)
        self.failures.append(failure)
        return failure


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did.

    Attributes:
        repositories: to each of them.
        error: what ended it before its end, if something did.
        interrupted: whether a signal did.
    """

    repositories: Sequence[RepositoryReport] = ()
    error: ToolError | None = None
    interrupted: bool = False

    @property
    def downloaded(self) -> int:
        """How many files were fetched."""
        return sum(one.downloaded for one in self.repositories)

    @property
    def failures(self) -> list[Failure]:
        """All failures, by repository."""
        return [failure for one in self.repositories for failure in one.failures]


def exit_code(report: Report) -> Exit:
    """Return 0 if nothing failed, 75 if only limits did, else what the failures have in common."""
    if report.error is not None:
        return report.error.exit_code
    codes = {_exit_code(one) for one in report.repositories}
    if Exit.CORRUPT in codes:
        return Exit.CORRUPT
    if len(codes) <= 1:
        return codes.pop() if codes else Exit.OK
    return Exit.TRY_LATER if codes <= {Exit.OK, Exit.TRY_LATER} else Exit.FAILED


def _exit_code(report: RepositoryReport) -> Exit:
    if report.error is not None:
        return report.error.exit_code
    if all(failure.throttled for failure in report.failures):
        return Exit.TRY_LATER if report.failures else Exit.OK
    return Exit.FAILED


def counted(files: int, noun: str = "file") -> str:
    """Return a number of things in words."""
    return f"1 {noun}" if files == 1 else f"{files:,} {noun}s"
