"""The README of text-utils: the texts of a reader, and a checkout with scripts."""

from tests.documents.world import World

FILES: dict[str, str | bytes] = {
    "app.log": "starting\nout of memory\nstopped\n",
    "web.log": "GET / 200\n",
    "export.csv": "id,name\r\n1,Zoë\r\n2,Ada\n",
    "names.txt": "Hauptstraße\nMarktplatz\n",
    "notes.txt": "one\r\ntwo\r\nthree\n",
    "src/main.py": "import sys\n\nsys.exit()\n",
    "build.sh": "#!/bin/sh\nmake\n",
    "disk.img": b"\0" * 512 + b"\x7fELF" + b"\0" * 512,
}


def prepare(world: World) -> None:
    """Write the files; git knows of those that are in a checkout."""
    world.needs("git", "jq", "curl")
    for name, content in FILES.items():
        world.put(name, content)
    world.run("git init -q && git add build.sh src")
