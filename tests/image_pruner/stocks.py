"""Stocks made up for the pure part: images by their layers, and what a daemon would say of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from image_pruner import Container, Detail, Image, Stock
from image_pruner.models import Space, Step

Chain = tuple[str, ...]
"""Layers, lowest first; a layer's size is in its name: `base:500`."""


def size_of(layer: str) -> int:
    return int(layer.partition(":")[2])


def nodes(chain: Chain) -> list[Chain]:
    """Each layer of a chain, as what it is: itself on top of those below."""
    return [chain[: index + 1] for index in range(len(chain))]


def taken(chains: Collection[Chain]) -> int:
    """What the layers of all these images take, each counted once."""
    return sum(size_of(node[-1]) for node in {node for chain in chains for node in nodes(chain)})


@dataclass
class World:
    """Images with their layers, as a daemon has them; inspecting is counted."""

    images: list[Image] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    containers: list[Container] = field(default_factory=list)
    tagged: dict[str, float] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    histories: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        *tags: str,
        layers: Sequence[str] = (),
        created: float = 1_700_000_000,
        parent: str = "",
        digests: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Add an image, and return its id."""
        identity = f"sha256:{len(self.images):064x}"
        image = Image(
            id=identity,
            tags=tags,
            digests=tuple(digests),
            parent=parent,
            created=created,
            size=sum(map(size_of, layers)),
            labels=labels or {},
        )
        self.images.append(image)
        self.chains[identity] = tuple(layers)
        return identity

    def use(self, identity: str, name: str = "web", state: str = "running") -> None:
        """Make a container of an image."""
        self.containers.append(Container(name=name, image=identity, state=state))

    def stock(self, *, telling: bool = True) -> Stock:
        """What the daemon lists; with what is shared, as dockerd does, or without, as Podman."""
        bare = Stock(images=self.images, containers=self.containers, space=Space())
        steps = bare.steps
        users = Counter(
            node for one, chain in self.chains.items() if one not in steps for node in nodes(chain)
        )
        images = []
        for image in self.images:
            shared = [one for one in nodes(self.chains[image.id]) if users[one] > 1]
            known = telling and image.id not in steps
            images.append(
                replace(image, shared=sum(size_of(one[-1]) for one in shared) if known else None)
            )
        heads = [chain for one, chain in self.chains.items() if one not in steps]
        space = Space(layers=taken(heads)) if telling else Space()
        return Stock(images=images, containers=self.containers, space=space, exact=telling)

    def details(self, ids: Collection[str]) -> Mapping[str, Detail]:
        self.asked.update(ids)
        return {
            one: Detail(layers=self.chains[one], tagged=self.tagged.get(one))
            for one in ids
            if one in self.chains
        }

    def history(self, identity: str) -> Sequence[Step]:
        self.histories[identity] += 1
        made = [Step(size=size_of(one), instruction="COPY") for one in self.chains[identity]]
        return [*made, Step(size=0, instruction="/bin/sh -c #(nop)  CMD x")]
