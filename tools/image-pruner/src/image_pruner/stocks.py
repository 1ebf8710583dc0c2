"""From the daemon's answers to plain values; what Podman and old daemons say otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .models import Container, Image, Space, Stock, short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

CONTAINERD_STORE = "io.containerd.snapshotter.v1"
"""What a daemon that keeps its images in containerd has in its DriverStatus."""

_ID = re.compile(r"(sha256:)?[0-9a-f]{64}|")
"""Podman's containers of a folder have an empty one for their image."""


def stock_of(
    images: Sequence[Mapping[str, Any]],
    containers: Sequence[Container],
    usage: Mapping[str, Any],
    about: Mapping[str, Any],
    *,
    is_podman: bool,
) -> Stock:
    """Return a daemon's stock from its answers.

    Args:
        images: to `/images/json?all=1`.
        containers: all of them.
        usage: to `/system/df`.
        about: to `/info`.
        is_podman: whether it is Podman, which calls nothing shared, and its layers 0 bytes.
    """
    by_layers = not is_podman and CONTAINERD_STORE not in str(about.get("DriverStatus"))
    shared: dict[str, int] = {}
    if by_layers:
        shared = {full_id(one["Id"]): one["SharedSize"] for one in usage.get("Images") or ()}
    return Stock(
        images=_merged(_image(one, shared) for one in images),
        containers=containers,
        space=space_of(usage, is_podman=is_podman),
        exact=by_layers,
        daemon=_identity(about, is_podman=is_podman),
    )


def _identity(about: Mapping[str, Any], *, is_podman: bool) -> str:
    """Return what tells a daemon from all others; Podman makes up a new ID for each answer."""
    if is_podman:
        return f"podman {about.get('Name')} {about.get('DockerRootDir')}"
    return str(about.get("ID") or "")


def space_of(usage: Mapping[str, Any], *, is_podman: bool) -> Space:
    """Return the space that `/system/df` tells of."""
    cache = usage.get("BuildCache") or ()
    size = usage.get("LayersSize")
    return Space(
        layers=None if size is None or (is_podman and not size) else int(size),
        cache_shared=sum(one["Size"] for one in cache if one.get("Shared")),
        cache_own=sum(one["Size"] for one in cache if not one.get("Shared")),
    )


def _merged(images: Iterable[Image]) -> list[Image]:
    """Return each image once: Docker 24's containerd store lists one for each of its names."""
    found: dict[str, Image] = {}
    for image in images:
        if twin := found.get(image.id):
            tags, digests = {*twin.tags, *image.tags}, {*twin.digests, *image.digests}
            image = replace(image, tags=tuple(sorted(tags)), digests=tuple(sorted(digests)))  # noqa: PLW2901
        found[image.id] = image
    return list(found.values())


def _image(entry: Mapping[str, Any], shared: Mapping[str, int]) -> Image:
    identity = full_id(entry["Id"])
    known = shared.get(identity, -1)
    return Image(
        id=identity,
        tags=tuple(sorted(real_names(entry.get("RepoTags")))),
        digests=tuple(sorted(real_names(entry.get("RepoDigests")))),
        parent=full_id(entry.get("ParentId") or ""),
        created=float(entry.get("Created") or 0),
        size=int(entry["Size"]),
        shared=known if known >= 0 else None,
        labels=dict(entry.get("Labels") or {}),
    )


def real_names(names: Sequence[str] | None) -> list[str]:
    """Return the names that are some: `<none>:<none>` and `<none>@<none>` stand for none."""
    return [name for name in names or () if "<none>" not in name]


def container_of(entry: Mapping[str, Any]) -> Container:
    """Return a container from the daemon's list."""
    names = entry.get("Names") or ()
    own = [name for name in names if "/" not in name[1:]]  # others are links of containers to it
    name = own[0].removeprefix("/") if own else short_id(entry["Id"])
    return Container(
        name=name, image=full_id(entry["ImageID"]), state=entry.get("State") or "unknown"
    )


def full_id(identity: str) -> str:
    """Return an id with its `sha256:`, which Podman leaves out.

    Raises:
        ValueError: it is none: to take a container for one without an image could be fatal.
        TypeError: it is not even text.
    """
    if not _ID.fullmatch(identity):
        raise ValueError(f"{identity!r} is no id")
    return f"sha256:{identity}" if identity and ":" not in identity else identity
