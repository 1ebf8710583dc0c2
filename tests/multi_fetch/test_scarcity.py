"""With too few descriptors, fetches fail as they would without a connection; the rest goes on."""

import subprocess
import sys

from tests.multi_fetch.servers import FINE
from tests.support.rawserver import RawServer

SCRIPT = """
import resource, sys
from collections import Counter
from tests.multi_fetch.fetching import Waits, fetch_all, job, kind, limits
from toolroll_shared.retry import Backoff

resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
patient = limits(concurrency=100, backoff=Backoff(tries=50))
results = fetch_all([job(sys.argv[1]) for _ in range(300)], patient, sleep=Waits())
kinds = Counter(map(kind, results))
print(len(results), sorted(map(str, kinds)), kinds[None] > 0)
"""


def test_too_few_descriptors_fail_some_fetches_and_no_run() -> None:
    with RawServer(FINE) as server:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, server.url],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    number, *kinds = done.stdout.split(" ", 1)
    assert number == "300"
    assert kinds[0].strip() in {"['None'] True", "['None', 'connect'] True"}
