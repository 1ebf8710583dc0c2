"""The README of multi-fetch: lists of what the web server has."""

from tests.documents.world import World


def prepare(world: World) -> None:
    """Write the lists, and the files of the server."""
    world.needs("jq")
    names = [f"part-{number}.tar.gz" for number in range(20)]
    for name in names:
        (world.files / name).write_bytes(name.encode() * 100)
    urls = [f"https://example.com/{name}" for name in names]
    world.put("urls.txt", world.translated("# parts\n" + "\n".join(urls) + "\n"))
    sites = "one\thttps://example.com/\ntwo\thttps://example.com/gone\n"
    world.put("sites.tsv", world.translated(sites))
