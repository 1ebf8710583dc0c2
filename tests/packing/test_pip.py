"""The pip that sets up the first environment, where Python came without one."""

import hashlib

from tests.support.layout import ROOT


def test_the_pip_that_is_kept_here_is_the_one_that_is_locked() -> None:
    (wheel,) = ROOT.glob("packing/pip-*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert f"pip=={wheel.name.split('-')[1]} " in (ROOT / "requirements.lock").read_text()
    assert f"--hash=sha256:{digest}" in (ROOT / "requirements.lock").read_text()
