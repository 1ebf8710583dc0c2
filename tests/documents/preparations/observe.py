"""The README of observe: a Pushgateway, a job of another's, and logs that jobs have left."""

from tests.documents.world import World
from tests.support.nginx import free_port
from tests.support.prometheus import pushgateway


def prepare(world: World) -> None:
    """Make them; the ports that the document names may be taken here."""
    world.names["http://pushgateway:9091"] = world.stack.enter_context(pushgateway()).url
    world.names["127.0.0.1:9464"] = f"127.0.0.1:{free_port()}"
    world.program("pg_dump", 'while [ $# -gt 1 ]; do shift; done; echo "dumped $1"')
    for folder in ("/var/lib/node_exporter", "/var/log/toolroll", "/backup"):
        world.path(f"{folder}/.").mkdir(parents=True, exist_ok=True)
    world.put("urls.txt", world.translated("https://example.com/\n"))
    log = "/var/log/toolroll/mirror.json"
    for repository, code in (("cli/cli", 0), ("cli/gone", 1)):
        said = world.run(f"release-mirror {repository} --dest /srv/mirror --log-json {log}")
        assert said.code == code, said
