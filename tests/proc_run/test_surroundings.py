"""What the command finds: its environment, its folder, its niceness, its run's id."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.proc_run.commands import MODULE, python, run, sh
from tests.support.commands import argv
from tests.support.journals import records_in


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("NAME=a b c", "a b c"),
        ("export NAME=value", "value"),
        ("NAME='a $HOME b'", "a $HOME b"),
        ('NAME="a\\nb"', "a\nb"),
        ("NAME=$HOME", "$HOME"),
        ("NAME=", ""),
        ("NAME=a=b", "a=b"),
        ("NAME=value # comment", "value"),
        ("# comment\n\nNAME=value\n", "value"),
        ("NAME=old\nNAME=new", "new"),
        ("NAME=wörter", "wörter"),
    ],
)
def test_a_file_sets_variables(line: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "env").write_text(line)
    done = run("--env-file", tmp_path / "env", *sh('printf %s "$NAME"'))
    assert (done.code, done.stdout.decode()) == (0, value)


@pytest.mark.parametrize("text", ["no variable", "NAME", "'x", "=value", "A=1\nB"])
def test_a_file_that_makes_no_sense_is_an_error_and_nothing_runs(text: str, tmp_path: Path) -> None:
    (tmp_path / "env").write_text(text)
    done = run("--env-file", tmp_path / "env", "touch", tmp_path / "ran")
    assert done.code == 125
    assert re.match(rf"proc-run: {tmp_path}/env: ", done.notes)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"NAME=\xff")
    for path in (tmp_path / "none", tmp_path, tmp_path / "latin"):
        done = run("--env-file", path, "true")
        assert done.code == 125
        assert done.notes.startswith(f"proc-run: {path}: ")


def test_later_files_win_and_all_win_over_the_environment(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A=a\nB=a\nC=a")
    (tmp_path / "b").write_text("B=b")
    options = ["--env-file", tmp_path / "a", "--env-file", tmp_path / "b"]
    done = run(*options, *sh("echo $A$B$C$D"), env={"A": "x", "C": "x", "D": "x"})
    assert done.stdout == b"abax\n"


def test_a_files_path_is_where_the_command_is_searched(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\necho found")
    (tmp_path / "mine").chmod(0o755)
    (tmp_path / "env").write_text(f"PATH={tmp_path}:{os.environ['PATH']}")
    assert run("mine").code == 127
    assert run("--env-file", tmp_path / "env", "mine").stdout == b"found\n"


def test_the_command_runs_in_a_folder_and_our_files_are_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "script").write_text("#!/bin/sh\npwd")
    (tmp_path / "there" / "script").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    options = ["--cwd", "there", "--json-file", "report", "--lock", "lock"]
    done = run(*options, "./script")
    assert done.stdout.decode() == f"{tmp_path}/there\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["lock", "report", "there"]


def test_a_folder_that_is_not_there_is_our_error(tmp_path: Path) -> None:
    done = run("--cwd", tmp_path / "none", "true")
    reason = "No such file or directory"
    assert (done.code, done.notes) == (125, f"proc-run: --cwd {tmp_path}/none: {reason}\n")


def test_niceness_is_added_to_ours() -> None:
    script = "import os; print(os.nice(0))"
    ours = os.nice(0)
    assert int(run("--nice", "3", *python(script)).stdout) == ours + 3
    assert int(run("--nice", "0", *python(script)).stdout) == ours


def test_a_niceness_that_is_not_allowed_is_our_error() -> None:
    unable = ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"]
    words = [*unable, *argv(MODULE, "--nice", "-5", "true")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert done.stderr == "proc-run: --nice -5: Operation not permitted\n"


def test_a_run_has_one_id_for_the_command_the_report_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = ("--json", "--log-json", log, *sh("echo $TOOLROLL_REQUEST_ID"))
    done = run(*words)
    identity = done.json["request_id"]
    assert re.fullmatch("[0-9a-f]{32}", identity)
    assert done.json["stdout_tail"] == identity + "\n"
    assert {record["request_id"] for record in records_in(log.read_text())} == {identity}
    done = run(*words, env={"TOOLROLL_REQUEST_ID": "mine"})
    assert (done.json["request_id"], done.json["stdout_tail"]) == ("mine", "mine\n")


def test_the_environment_is_passed_on_unchanged_but_for_the_id() -> None:
    script = "import os, json; print(json.dumps(dict(os.environ)))"
    env = {"ODD": "a\nb", "TOOLROLL_REQUEST_ID": "x"}
    found = json.loads(run(*python(script), env=env).stdout)
    found.pop("LC_CTYPE", None)  # Python's own doing, in both of us
    assert found == {**{k: v for k, v in os.environ.items() if k != "LC_CTYPE"}, **env}


def test_no_descriptor_of_ours_is_left_to_the_command() -> None:
    script = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])"
    for options in ([], ["--json-file", os.devnull], ["--quiet-on-success", "--pty"]):
        assert run(*options, *python(script)).stdout.strip() in {b"[0, 1, 2]", b""}


def test_other_descriptors_of_our_parent_are_passed_on() -> None:
    reader, writer = os.pipe()
    run(*python(f"import os; os.write({writer}, b'there')"), pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == "there"


def test_a_missing_interpreter_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "script").chmod(0o755)
    for command, env in ((tmp_path / "script", {}), ("script", {"PATH": str(tmp_path)})):
        done = run(command, env=env)
        assert done.code == 127
        assert "its interpreter (named by its first line, or its loader) is not there" in done.notes
