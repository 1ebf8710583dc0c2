"""Images made from scratch: what `docker load` takes, with layers, dates and labels as wanted."""

import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

NEW = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Made:
    """An image: its tags, its layers (lowest first), when it says it was made, its labels."""

    tags: tuple[str, ...]
    layers: tuple[bytes, ...]
    created: str = NEW
    labels: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[Mapping[str, object]] | None = None
    """Its history; without one, a step for each layer."""

    @cached_property
    def config(self) -> bytes:
        layers = [{"created": self.created, "created_by": "COPY"} for _ in self.layers]
        document = {
            "architecture": "amd64",
            "os": "linux",
            "created": self.created,
            "config": {"Labels": dict(self.labels), "Cmd": ["/bin/sleep", "600"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{_hash(one)}" for one in self.layers],
            },
            "history": layers if self.steps is None else list(self.steps),
        }
        return json.dumps(document).encode()

    @property
    def id(self) -> str:
        return f"sha256:{_hash(self.config)}"


def layer(name: str, size: int) -> bytes:
    """A layer with one file of so many bytes, the same for the same name and size."""
    content = random.Random(f"{name} {size}").randbytes(size)  # noqa: S311 - only to fill it
    return _tar({name: content})


def archive(images: Sequence[Made]) -> bytes:
    """What `docker save` would have written for these images."""
    members: dict[str, bytes] = {}
    manifest = []
    for image in images:
        paths = [f"{_hash(one)}/layer.tar" for one in image.layers]
        members.update(zip(paths, image.layers, strict=True))
        config = f"{image.id.removeprefix('sha256:')}.json"
        members[config] = image.config
        manifest.append({"Config": config, "RepoTags": list(image.tags), "Layers": paths})
    return _tar({**members, "manifest.json": json.dumps(manifest).encode()})


def _tar(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
