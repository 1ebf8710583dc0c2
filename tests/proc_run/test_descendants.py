"""What a command starts and leaves behind: found wherever it went, ended, reported, or spared."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proc_run.commands import exists, named, python, run, running, sh
from tests.proc_run.test_timeouts import SOON_S
from tests.support.commands import argv
from tests.support.waiting import until

QUICK = ("--grace", 0.3, "--kill-after", 0.3)
FOREVER = "while :; do sleep 0.05; done"


def fates(report: Any) -> dict[int, str]:
    return {one["pid"]: one["fate"] for one in report["descendants"]}


@pytest.mark.parametrize("arguments", [(), ("--foreground",), ("--pty",)])
@pytest.mark.parametrize(
    ("script", "fate"),
    [
        (f"sh -c 'echo $$; {FOREVER}' & exit 3", "ended"),
        (f"setsid sh -c 'echo $$; {FOREVER}' & sleep 0.2; exit 3", "ended"),
        (f"(setsid sh -c 'sh -c \"echo \\$\\$; {FOREVER}\" & exit' &); sleep 0.2; exit 3", "ended"),
        (f"setsid sh -c 'trap \"\" TERM HUP; echo $$; {FOREVER}' & sleep 0.2; exit 3", "killed"),
        ("sh -c 'trap \"\" HUP; echo $$; kill -STOP $$' & sleep 0.2; exit 3", "ended"),
    ],
)
def test_what_outlives_the_command_is_ended_and_reported(
    script: str, fate: str, arguments: tuple[str, ...]
) -> None:
    if arguments == ("--pty",):
        script = f"trap '' HUP; {script}"  # else the end of its session ends it
    done = run("--json", *QUICK, *arguments, *sh(script))
    pid = int(done.json["stdout_tail"])
    assert (done.code, done.json["outcome"], fates(done.json).get(pid)) == (3, "exit", fate)
    assert not exists(pid)


def test_what_ends_within_its_grace_is_not_spoken_of() -> None:
    done = run("--json", "--grace", 30, *sh("(sleep 0.3; echo late) & exit 3"))
    assert (done.code, done.json["descendants"], done.notes) == (3, [], "")
    assert done.json["stdout_tail"] == "late\n"


def test_a_process_without_its_first_thread_is_ended_too() -> None:
    script = """
import ctypes, os, threading, time
if os.fork():
    os._exit(3)
threading.Thread(target=time.sleep, args=(60,)).start()
print(os.getpid(), flush=True)
ctypes.CDLL(None).syscall(os.uname().machine == "x86_64" and 60 or 93, 0)  # exit(2): one thread
"""
    done = run("--json", *QUICK, *python(script))
    pid = int(done.json["stdout_tail"])
    assert (done.code, fates(done.json)) == (3, {pid: "ended"})
    assert not named("one thread")


FORKS_ON = """
import os, signal, sys, time
if os.fork():
    os._exit(3)
%s
until = time.monotonic() + 25  # unless somebody ends it
while time.monotonic() < until:
    if os.fork():
        os._exit(0)
"""


@pytest.mark.parametrize(
    "how", ["", "os.setsid()", "signal.signal(15, 1)", "os.setsid(); signal.signal(15, 1)"]
)
def test_what_forks_again_and_again_is_ended(how: str) -> None:
    mark = f"forks-on-{os.getpid()}"
    began = time.monotonic()
    assert run(*QUICK, *python(FORKS_ON % how), mark).code == 3
    assert time.monotonic() - began < SOON_S
    assert not named(mark)


def test_many_at_once_are_ended_and_a_message_names_some() -> None:
    script = """
import os, time
for _ in range(200):
    if not os.fork():
        os.setsid()
        time.sleep(60)
"""
    mark = f"many-{os.getpid()}"
    done = run("--json", *QUICK, *python(script), mark)
    assert (done.code, len(done.json["descendants"])) == (0, 200)
    assert {one["fate"] for one in done.json["descendants"]} == {"ended"}
    assert "), and 180 more: sent TERM" in done.notes
    assert not named(mark)


def test_nothing_that_was_written_before_is_lost_to_who_holds_a_stream_open() -> None:
    script = "head -c 700000 /dev/zero; (setsid sh -c 'echo held; exec sleep 60' &); sleep 0.2"
    done = run("--json-file", os.devnull, "--grace", 0.2, *sh(script))
    assert (done.code, len(done.stdout), done.stdout[-5:]) == (0, 700_005, b"held\n")


def test_a_process_substitution_loses_nothing() -> None:
    script = "seq 100000 > >(sleep 0.3; cat); exit 4"
    for arguments in ((), ("--json-file", os.devnull)):
        done = run(*arguments, "--", "bash", "-c", script)
        assert (done.code, done.stdout.split()[-1:], done.notes) == (4, [b"100000"], "")


def test_what_is_spared_is_reported_and_lives_on() -> None:
    done = run("--json", "--keep-descendants", "--grace", 0.2, *sh("sleep 60 & echo $!; exit 3"))
    pid = int(done.json["stdout_tail"])
    try:
        assert (done.code, fates(done.json), exists(pid)) == (3, {pid: "kept"}, True)
        assert f"goes on after the command: sleep ({pid})\n" in done.notes
        assert "not read any longer" in done.notes
    finally:
        os.kill(pid, 9)


def test_what_is_spared_is_not_waited_for_where_nothing_is_read() -> None:
    began = time.monotonic()
    with running("--keep-descendants", "--grace", 60, *sh("sleep 60 & echo $!")) as process:
        assert process.wait(SOON_S) == 0
        assert process.stdout is not None
        pid = int(process.stdout.readline())
    assert (time.monotonic() - began < SOON_S, exists(pid)) == (True, True)
    os.kill(pid, 9)


def test_a_fast_writer_that_is_spared_is_not_read_for_ever() -> None:
    script = "import os\nprint(os.getpid(), flush=True)\nwhile True: os.write(1, bytes(65536))"
    command = f"setsid {sys.executable} -ISc '{script}' & sleep 0.3"
    done = run("--json-file", os.devnull, "--keep-descendants", "--grace", 0.2, *sh(command))
    assert done.code == 0
    assert "stdout and stderr held open by what goes on: not read any longer" in done.notes
    until(lambda: not exists(int(done.stdout.split(b"\n")[0])))  # SIGPIPE: nobody reads it


def test_a_timeout_spares_what_left_the_group_if_it_is_asked_to() -> None:
    if shutil.which("pgrep") is None:
        pytest.skip("needs pgrep, which says what there is")
    script = "setsid sleep 60 & sleep 60 & echo $! ; sleep 0.2; pgrep -P $$ -x sleep; sleep 60"
    done = run("--json", "--keep-descendants", "--timeout", 0.8, "--grace", 0.2, *sh(script))
    first, *both = [int(word) for word in done.json["stdout_tail"].split()]
    (spared,) = {*both} - {first}
    try:
        assert (done.code, exists(first), exists(spared)) == (124, False, True)
        assert fates(done.json) == {spared: "kept"}
    finally:
        os.kill(spared, 9)


def test_a_stranger_that_holds_our_stream_is_let_alone(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    keep = [sys.executable, "-ISc", """
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print(flush=True)
found = array.array("i", socket.recv_fds(server.accept()[0], 1, 1)[1])
print(flush=True)
sys.stdin.read()
"""]  # fmt: skip
    give = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
socket.send_fds(client, [b"x"], [1])
print("given", flush=True)
"""
    place = str(tmp_path / "socket")
    with subprocess.Popen(
        [*keep, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        done = run("--json", "--grace", 0.2, *python(give), place)
        stranger.stdout.readline()
        assert stranger.poll() is None
        stranger.communicate()
    assert (done.code, done.json["stdout_tail"], done.json["descendants"]) == (0, "given\n", [])
    assert "stdout held open by a process that is no descendant" in done.notes


def test_adopted_zombies_are_reaped_while_the_command_runs() -> None:
    script = f"""
for i in $(seq 20); do ({FOREVER.replace("0.05", "0.01").replace("while :", "for i in 1")} &); done
echo; read wait; exit 5
"""
    with running(*sh(script), stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until(lambda: len(children.read_text().split()) == 1)
        process.communicate(b"\n")
    assert process.returncode == 5


def test_a_proc_that_tells_of_other_processes_is_refused() -> None:
    """Another PID namespace's: its numbers mean other processes, if any."""
    wrapped = ["unshare", "--pid", "--fork", *argv("proc_run", "--", "echo", "ran")]
    if subprocess.run([*wrapped[:3], "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this user may make no PID namespace")
    done = subprocess.run(wrapped, check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"needs /proc of its own PID namespace" in done.stderr


def test_in_our_group_only_descendants_are_ended() -> None:
    """`--foreground` in a script without a terminal: the script's other jobs are in our group."""
    ours = " ".join(argv("proc_run", "--foreground", "--timeout", 0.3, "--", "sleep", 60))
    script = f"sleep 60 & {ours}; echo code $?; kill -0 $! && kill $! && echo lives"
    output = subprocess.run(
        ["sh", "-c", script], capture_output=True, check=False, start_new_session=True
    ).stdout
    assert output == b"code 124\nlives\n"


AS_NOBODY = """
import json, os, pkgutil, resource, sys
import proc_run.cli, toolroll_shared
for package in (proc_run, proc_run.cli, toolroll_shared):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name != "proc_run.__main__":
            try:
                __import__(module.name)
            except ImportError:  # what it needs is not there: we do not, either
                pass
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
os._exit(proc_run.cli.main(sys.argv[1:]))
"""
"""Runs us as a user who may not even see the place where we are installed."""


@pytest.fixture
def setpriv() -> Iterator[Path]:
    """A program that makes whoever runs it root."""
    found = shutil.which("setpriv")
    if os.geteuid() != 0 or found is None:
        pytest.skip("needs root, and setpriv(1) of util-linux")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        path = Path(folder, "setpriv")
        Path(folder).chmod(0o755)
        shutil.copy(found, path)
        path.chmod(0o4755)
        yield path


@pytest.mark.parametrize("is_the_command", [True, False])
def test_a_process_of_another_user_is_reported_and_does_not_keep_us(
    setpriv: Path, *, is_the_command: bool
) -> None:
    as_root = f"{setpriv} --reuid 0 --clear-groups sh -c 'echo $$; exec sleep 60'"
    script = f"exec {as_root}" if is_the_command else f"{as_root} & sleep 0.5; exit 3"
    words = ["--json", *map(str, QUICK), "--timeout", "1", *sh(script)]
    command = [sys.executable, "-c", AS_NOBODY, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
    ) as process:
        assert process.stderr is not None
        pid = int(process.stderr.readline())
        if is_the_command:
            process.send_signal(signal.SIGUSR1)
        output, said = process.communicate(timeout=60)
    try:
        assert exists(pid)
        assert f"sleep ({pid}) is another user's: it cannot be signalled".encode() in said
        assert f"cannot be ended, and goes on: sleep ({pid})".encode() in said
        assert b"Traceback" not in said, said.decode()
        assert output, said.decode()
        report = json.loads(output)
        assert fates(report) == {pid: "left"}
        assert report["returncode"] == (124 if is_the_command else 3)
    finally:
        os.kill(pid, 9)
