"""The recipes of the cookbook: what each takes for granted, and what happens meanwhile."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TypeAlias

from tests.documents.installing import add_pip
from tests.documents.projects import add_release
from tests.documents.world import World, checkout
from tests.support.docker import dockerd, needs
from tests.support.faults import Fault, status
from tests.support.github_data import Asset
from tests.support.github_http import Request, Response
from tests.support.images import Made, layer
from tests.support.kube_api import KubeApi, kube_api
from tests.support.kube_objects import after, ago, event, pod, running, waiting
from tests.support.nginx import free_port
from tests.support.prometheus import needs as needs_command
from tests.support.prometheus import pushgateway

Happenings: TypeAlias = Mapping[str, Callable[[], object]]
Preparation: TypeAlias = Callable[[World], Happenings]


def _asset(world: World, repository: str, tag: str, name: str) -> Asset:
    """Return an asset that upstream has."""
    found = world.upstream[repository].tagged(tag)
    assert found is not None
    asset = found.named(name)
    assert asset is not None
    return asset


def mirror_every_night(world: World) -> Happenings:
    """A folder for node_exporter, a checkout, and an upstream that replaces a file."""
    needs_command("promtool")
    checkout(world)
    world.path("/var/lib/node_exporter/x")
    file = _asset(world, "astral-sh/uv", "0.9.6", "uv_0.9.6_linux_amd64.tar.gz")
    sums = _asset(world, "astral-sh/uv", "0.9.6", "checksums.txt")

    def replace() -> None:
        file.replace(b"other bytes")
        sums.replace(f"{sha256(b'other bytes').hexdigest()}  {file.name}\n".encode())

    return {"upstream replaces a file and its checksum": replace}


def air_gap(world: World) -> Happenings:
    """Ports that nobody else has."""
    needs_command("curl")
    for port in (8080, 8081):
        here = f"127.0.0.1:{free_port()}"
        world.names |= {f"http://127.0.0.1:{port}": f"http://{here}", f"127.0.0.1:{port}": here}
    return {}


def wait_for_a_release(world: World) -> Happenings:
    """A release that is published while somebody waits for it; looks follow fast."""
    needs_command("jq")
    add_pip(world)
    world.say(EVERY="0.1")

    def publish(_request: Request, response: Response) -> Response:
        project = world.upstream["cli/cli"]
        add_release(project, "v2.81.0", "2026-11-20T12:00:00Z", "gh", ".tar.gz")
        return response

    def happen() -> None:
        world.github.fault("/releases", Fault("looked at before"))
        world.github.fault("/releases", status(502))
        world.github.fault("/releases", Fault("published after this", answer=publish))

    return {"GitHub fails once, and then v2.81.0 is published": happen}


def build_host(world: World) -> Happenings:
    """A Docker daemon with images of some months."""
    needs("dockerd")
    engine = world.stack.enter_context(dockerd())
    base = layer("base", 100_000)
    engine.load(
        *(
            Made((f"shop:{n}",), (base, layer(f"shop {n}", 300_000 + n * 1000)), made)
            for n, made in enumerate(["2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"], start=1)
        ),
        *(Made((f"shop:{n}",), (base, layer(f"shop {n}", 400_000))) for n in (3, 4, 5)),
        Made(("tool:latest",), (layer("tool", 200_000),), "2025-01-01T00:00:00Z"),
        Made(("web:1",), (layer("web", 200_000),), "2025-01-01T00:00:00Z"),
    )
    engine.container("web:1", "web")
    world.say(DOCKER_HOST=engine.host)
    return {}


def logs_with_a_cursor(world: World) -> Happenings:
    """A log."""
    needs_command("logrotate")
    world.put(
        "/var/log/app/app.log",
        "2026-11-22T10:00:00Z INFO started\n2026-11-22T10:00:03Z ERROR cannot reach the database\n",
    )
    return {}


def thousand_urls(world: World) -> Happenings:
    """A web server with a thousand pages, some of which change."""
    needs_command("jq")
    pages = [world.files / f"page-{number}.html" for number in range(1, 1001)]
    for page in pages:
        page.write_text(f"<h1>{page.stem}</h1>\n" * 50)
    world.put(
        "urls.txt", world.translated("".join(f"https://example.com/{p.name}\n" for p in pages))
    )

    def change() -> None:
        for page in pages[7:700:300]:
            page.write_text("<h1>Hacked!</h1>\n")
        pages[41].unlink()

    return {"three pages change, one goes": change}


def _shop(api: KubeApi) -> None:
    """A namespace with pods, two of which are not well."""
    api.namespaces.put({"metadata": {"name": "shop"}, "kind": "Namespace"})
    for number in (0, 1):
        api.pods.put(pod(f"web-{number}", namespace="shop"))
    crash = after(waiting("app", "CrashLoopBackOff", restarts=4), 3)
    api.pods.put(pod("cart-0", crash, namespace="shop"))
    api.pods.put(pod("search-0", running("app", ready=False), namespace="shop"))
    log = api.log("shop", "cart-0")
    log.write("starting", "fatal: cannot open /etc/cart.conf")
    log.restart()
    log.write("starting", "fatal: cannot open /etc/cart.conf")
    api.log("shop", "search-0").write("loading the index")
    seen = {"lastTimestamp": ago(90), "firstTimestamp": ago(900), "count": 5}
    api.events.put(
        event(
            "cart-0.1",
            "Pod/cart-0",
            namespace="shop",
            kind="Warning",
            reason="BackOff",
            message="Back-off restarting failed container app",
            **seen,
        )
    )


def incident(world: World) -> Happenings:
    """A cluster."""
    needs_command("jq")
    api = world.stack.enter_context(kube_api(world.root))
    _shop(api)
    world.say(KUBECONFIG=str(api.kubeconfig))
    return {}


def careful_job(world: World) -> Happenings:
    """A Pushgateway, and a backup that hangs one day."""
    for command in ("curl", "jq", "promtool"):
        needs_command(command)
    world.names["http://pushgateway:9091"] = world.stack.enter_context(pushgateway()).url
    world.program("backup", "echo 12 databases saved")
    return {"the backup hangs": lambda: world.program("backup", "echo connecting; sleep 600")}


def upstream_watched(world: World) -> Happenings:
    """A month of an upstream."""
    for command in ("jq", "sqlite3"):
        needs_command(command)

    def pass_a_month() -> None:
        project = world.upstream["cli/cli"]
        add_release(project, "v2.81.0", "2026-11-20T12:00:00Z", "gh", ".tar.gz")
        asset = _asset(world, "cli/cli", "v2.79.0", "gh_2.79.0_linux_arm64.tar.gz")
        asset.replace(b"other bytes")
        old = world.upstream["astral-sh/uv"].tagged("0.9.5")
        assert old is not None
        old.delete()

    return {"a month passes": pass_a_month}


def one_request_id(world: World) -> Happenings:
    """A file that is not there once."""
    needs_command("jq")

    def lose() -> None:
        world.github.fault("v2.79.0/checksums.txt", status(404))

    return {"a file is not to be had": lose}


PREPARATIONS: list[Preparation] = [
    mirror_every_night,
    air_gap,
    wait_for_a_release,
    build_host,
    logs_with_a_cursor,
    thousand_urls,
    incident,
    careful_job,
    upstream_watched,
    one_request_id,
]
