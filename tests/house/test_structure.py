"""The design's rules about rooms and arrows, checked on the sources."""

import ast
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.layout import COMMANDS, MEMBERS, ROOT, SHARED, TOOLS, Member

ARROWS = {
    "toolroll_shared": set(),
    "gh_releases": set(),
    "multi_fetch": set(),
    "text_utils": set(),
    "logtools": set(),
    "proc_run": set(),
    "image_pruner": set(),
    "k8s_toolbox": set(),
    "observe": {"logtools"},
    "artifact_index": {"gh_releases"},
    "release_mirror": {"gh_releases", "multi_fetch", "artifact_index"},
}
"""Which tools a package may import; toolroll_shared is open to all but itself."""

PACKAGES = {member.import_name for member in MEMBERS}


def imports(member: Member) -> list[tuple[Path, str, set[str]]]:
    """Each absolute import of a member: file, module and the names taken from it."""
    found: list[tuple[Path, str, set[str]]] = []
    for path in sorted(member.package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [(path, alias.name, set()) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.append((path, node.module, {alias.name for alias in node.names}))
    return found


def public_names(member: Member) -> set[str]:
    for node in ast.parse((member.package / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def distribution(import_name: str) -> str:
    return f"toolroll-{import_name.removeprefix('toolroll_').replace('_', '-')}"


def dependencies(member: Member) -> set[str]:
    return {re.split(r"[\[<>=!~ ;]", line)[0] for line in member.project["dependencies"]}


by_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
by_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def test_every_member_has_its_arrows_drawn() -> None:
    assert set(ARROWS) == PACKAGES


@by_member
def test_a_package_imports_only_where_an_arrow_leads(member: Member) -> None:
    allowed = ARROWS[member.import_name] | {"toolroll_shared"} - {member.import_name}
    for path, module, _ in imports(member):
        package = module.partition(".")[0]
        if package in PACKAGES - {member.import_name}:
            assert package in allowed, f"{path} imports {module}"


@by_member
def test_a_sibling_is_entered_by_its_front_door_and_declared(member: Member) -> None:
    fronts = {one.import_name: public_names(one) for one in TOOLS}
    for path, module, names in imports(member):
        package = module.partition(".")[0]
        if package in set(fronts) - {member.import_name}:
            assert module == package, f"{path} imports {module}"
            assert names <= fronts[package], f"{path} takes {names - fronts[package]}"
        if package in PACKAGES - {member.import_name}:
            assert distribution(package) in dependencies(member), f"{path} imports {module}"


@by_member
def test_what_is_declared_is_used_and_siblings_come_from_the_workspace(member: Member) -> None:
    siblings = {name for name in dependencies(member) if name.startswith("toolroll-")}
    used = {
        distribution(module.partition(".")[0])
        for _, module, _ in imports(member)
        if module.partition(".")[0] in PACKAGES
    }
    assert siblings == used - {distribution(member.import_name)}
    sources = member.metadata.get("tool", {}).get("uv", {}).get("sources", {})
    assert sources == {name: {"workspace": True} for name in siblings}


@by_tool
def test_only_cli_knows_argparse_prints_or_reads_the_environment(tool: Member) -> None:
    for path in tool.package.rglob("*.py"):
        if path.name == "cli.py" or path.parent.name == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
            taken = {"argparse", "print", "os.environ", "os.getenv", "sys.argv", "sys.exit"}
            assert text not in taken, f"{path}:{getattr(node, 'lineno', 0)}: {text}"


@by_member
def test_a_member_is_named_and_built_like_all_others(member: Member) -> None:
    assert member.project["name"] == f"toolroll-{member.name}"
    assert member.project["version"] == SHARED.project["version"]
    assert member.project["requires-python"] == ">=3.11"
    assert member.metadata["build-system"] == SHARED.metadata["build-system"]
    assert len((member.folder / "pyproject.toml").read_text().splitlines()) <= 30
    assert set(member.metadata.get("tool", {})) <= {"uv", "hatch"}
    assert (member.package / "py.typed").exists()
    assert (member.folder / "README.md").read_text().startswith(f"# toolroll-{member.name}\n")


@by_tool
def test_the_front_door_names_what_is_there(tool: Member) -> None:
    module = __import__(tool.import_name)
    names = public_names(tool)
    assert names
    assert [name for name in sorted(names) if getattr(module, name, None) is None] == []
    modules = {path.stem for path in tool.package.glob("*.py")}
    assert names & modules == set(), "importing a module of that name would hide it"
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


@pytest.mark.parametrize("module", COMMANDS.values())
def test_main_is_the_same_two_lines_everywhere(module: str) -> None:
    package = import_module(module).__path__[0]
    text = (Path(package) / "__main__.py").read_text()
    assert text == "from .cli import main\n\nraise SystemExit(main())\n"


def test_the_lock_names_no_index_and_pins_every_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?:|--index|--extra-index|--find-links|@ file", lock)
    pins = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert pins
    assert lock.count("\n    --hash=sha256:") >= len(pins)
    assert all(re.match(r"[a-z0-9._-]+==\S+ ", pin) for pin in pins)


def test_the_lock_holds_every_direct_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    extras = [line for group in SHARED.project["optional-dependencies"].values() for line in group]
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.split(r"[<>=]", line)[0] for line in extras + root["dependency-groups"]["dev"]}
    wanted |= {name for member in MEMBERS for name in dependencies(member)}
    missing = {name for name in wanted if f"{name.lower()}==" not in lock}
    assert {name for name in missing if not name.startswith("toolroll-")} == set()
