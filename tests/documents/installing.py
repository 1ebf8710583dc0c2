"""pip and uv as a document's commands have them: what they install is built from this checkout.

They install into an environment of the world's own, which sees the libraries of the project's
environment, but nothing of the project itself. So pip finds out for itself which members and
extras are needed, and what is installed is what runs from then on.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.documents.world import World
from tests.support.layout import COMMANDS, MEMBERS

_BUILD = """
import os, sys
from hatchling.build import build_wheel
for folder in sys.argv[2:]:
    os.chdir(folder)
    build_wheel(sys.argv[1])
"""

_PIP = """
said=$('{python}' -m pip --python '{environment}/bin/python' "$@" \\
  --quiet --no-index --find-links='{wheels}' --no-build-isolation 2>&1)
code=$?
echo "$said" >&2
case $said in *'does not provide the extra'*) code=1; esac  # for pip itself that is no error
[ $code = 0 ] || exit $code
for command in {commands}; do
  [ ! -e '{environment}/bin/'$command ] || ln -sf '{environment}/bin/'$command '{bin}'
done
"""

_UV = """
[ "$1 $2" = "tool install" ] || {{ echo "uv: only 'tool install' is here" >&2; exit 2; }}
shift 2
exec pip install "$@"
"""


def add_pip(world: World) -> None:
    """Give a world pip and uv, and the place into which they install."""
    wheels, environment = world.root / "wheels", world.root / "environment"
    folders = [str(member.folder) for member in MEMBERS]
    _python("-c", _BUILD, str(wheels), *folders)
    _python("-m", "venv", "--without-pip", str(environment))
    _lend_libraries(environment)
    words = {"python": sys.executable, "environment": environment, "wheels": wheels}
    bin_ = world.root / "usr/local/bin"
    world.program("pip", _PIP.format(**words, commands=" ".join(COMMANDS), bin=bin_))
    world.program("uv", _UV.format())


def _lend_libraries(environment: Path) -> None:
    """Show it what the project's environment has of others."""
    lent = environment / "lent"
    lent.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "toolroll" not in path.name and path.suffix != ".pth":
            (lent / path.name).symlink_to(path)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{lent}\n")


def _python(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
