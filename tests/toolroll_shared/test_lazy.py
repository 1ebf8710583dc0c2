import sys
from pathlib import Path

import pytest

from tests.toolroll_shared.programs import ENVIRONMENT, finish

PACKAGE = {
    "__init__.py": (
        "from toolroll_shared.lazy import exports\n"
        "__getattr__ = exports(__name__, {'Thing': 'heavy', 'Missing': 'heavy', 'Lost': 'nope'})\n"
    ),
    "heavy.py": "print('loaded', flush=True)\nclass Thing: pass\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "roll"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("import roll", ""),
        ("import roll; roll.Thing", "loaded\n"),
        ("from roll import Thing; import roll; assert roll.Thing is Thing", "loaded\n"),
        ("import roll; roll.Thing; assert 'Thing' in vars(roll)", "loaded\n"),
        ("import roll; assert not hasattr(roll, 'nothing')", ""),
        ("import roll; assert not hasattr(roll, 'Missing')", "loaded\n"),
    ],
)
def test_a_name_is_loaded_when_somebody_asks_for_it(
    package: Path, source: str, printed: str
) -> None:
    env = {**ENVIRONMENT, "PYTHONPATH": str(package.parent)}
    done = finish([sys.executable, "-c", source], env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import roll; roll.nothing", "module 'roll' has no attribute 'nothing'"),
        ("from roll import nothing", "cannot import name 'nothing' from 'roll'"),
        ("import roll; roll.Lost", "No module named 'roll.nope'"),
    ],
)
def test_an_unknown_name_is_the_usual_error(package: Path, source: str, complaint: str) -> None:
    env = {**ENVIRONMENT, "PYTHONPATH": str(package.parent)}
    done = finish([sys.executable, "-c", source], env=env)
    assert done.returncode == 1
    assert complaint in done.stderr
