"""What the commands do that only look at a mirror, or remove from it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolroll_shared.errors import UsageError
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.sqlite import errors_of

from .lock import claimed, unchanging
from .manifest import MANIFEST_NAME, FileRecord, Manifest, Mirrored, open_manifest, require_manifest
from .places import Wanted, wanted_files
from .prune import Policy, Removal, doomed, remove
from .rules import Rules
from .status import Standing, standings
from .survey import Eyes, is_as_recorded
from .verify import chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOptions:
    """What to remove.

    Attributes:
        dest: the mirror's folder.
        names: repositories, or none for all.
        policy: the conditions.
        rules: what a configuration wants, by the repositories' names in lower case.
    """

    dest: Path
    names: Sequence[str] = ()
    policy: Policy
    rules: Mapping[str, Rules] = field(default_factory=dict)


def read_standings(dest: Path, *, log: Log = NO_LOG) -> list[Standing]:
    """Return how each repository of a mirror stands.

    Raises:
        ToolError: there is no manifest, or none that can be read.
    """
    with log.action("status", str(dest)) as fields:
        require_manifest(dest)
        with open_manifest(dest, writing=False) as manifest:
            found = standings(manifest)
        fields["rows"] = len(found)
    return found


def prune(
    options: PruneOptions, *, really: bool, notify: Callable[[str], None], log: Log = NO_LOG
) -> list[Removal]:
    """Do what `_prune` does, and record it and each file that was to be removed."""
    with log.action("prune", str(options.dest)) as fields:
        removals = _prune(options, really=really, notify=notify)
        failed = sum(one.trouble is not None for one in removals)
        fields.update(files=len(removals), outcome="removed" if really else "shown")
        fields.update(failed=failed, ok=not failed)
        if really:
            _record(log, removals)
    return removals


def _prune(options: PruneOptions, *, really: bool, notify: Callable[[str], None]) -> list[Removal]:
    """Remove what the policy says, or return only what that would be.

    Raises:
        TryLater: another process works in DEST.
        UsageError: nobody knows what a configuration wants of a repository.
        ToolError: there is no manifest, or none that can be used.
    """
    dest = options.dest
    require_manifest(dest)
    with (
        claimed(dest) if really else unchanging(dest),
        open_manifest(dest, writing=really) as manifest,
        errors_of(dest / MANIFEST_NAME),
    ):
        removals: list[Removal] = []
        repositories = chosen(manifest, options.names)
        _refuse_doubtful(options, repositories, manifest.repositories())
        for repository in repositories:
            found = _doomed(options, manifest, repository)
            if really:
                removals += remove(dest, manifest, repository, found, notify=notify)
            else:
                removals += [Removal(repository.name, record) for record in found]
    return removals


def _refuse_doubtful(
    options: PruneOptions, repositories: Iterable[Mirrored], mirrored: Iterable[Mirrored]
) -> None:
    """Refuse where nobody knows whether a configuration wants a repository, or what of it.

    Raises:
        UsageError: it may mean it by another name, or its latest release is not known.
    """
    if not options.policy.unwanted:
        return
    strange = options.rules.keys() - {one.name.lower() for one in mirrored}
    for one in repositories:
        rules = options.rules.get(one.name.lower())
        if rules is None and strange:
            raise UsageError(
                f"the rules name {min(strange)}, which is not mirrored here, and not {one.name}: "
                "if it was renamed, name it as it is called now; else sync first"
            )
        if rules is not None and rules.latest and one.latest_release_id is None:
            raise UsageError(f"{one.name}: which release is its latest is not known: sync first")


def _doomed(options: PruneOptions, manifest: Manifest, repository: Mirrored) -> list[FileRecord]:
    records = manifest.files(repository.id)
    releases = manifest.releases(repository.id)
    assets = manifest.assets(repository.id)

    def places(rules: Rules) -> list[Wanted]:
        latest_id = repository.latest_release_id
        return wanted_files(repository.name, releases, assets, records, rules, latest_id=latest_id)

    rules = options.rules.get(repository.name.lower())
    return doomed(
        records.values(),
        releases,
        options.policy,
        wanted={item.path for item in places(rules) if not item.too_large} if rules else (),
        superseded=_superseded(options.dest, records, places(Rules(prereleases=True))),
    )


def _superseded(
    dest: Path, records: Mapping[str, FileRecord], places: Iterable[Wanted]
) -> set[str]:
    """Return the paths of files that are here at another place, too: the present one."""
    eyes = Eyes(dest)
    place_of = {
        item.asset_id: item.path for item in places if _is_at_its_place(item, records, eyes)
    }
    return {
        record.path
        for record in records.values()
        if record.asset_id is not None and place_of.get(record.asset_id, record.path) != record.path
    }


def _is_at_its_place(item: Wanted, records: Mapping[str, FileRecord], eyes: Eyes) -> bool:
    record = records.get(item.path)
    return (
        record is not None
        and record.asset_id == item.asset_id
        and not record.removed_at
        and is_as_recorded(record, eyes.look(item.path))
    )


def _record(log: Log, removals: Iterable[Removal]) -> None:
    for one in removals:
        log.record(
            "remove",
            one.record.path,
            duration_s=0.0,
            ok=one.trouble is None,
            bytes=one.record.size if one.trouble is None else 0,
            error=one.trouble,
        )
