"""How soon single files start: the first time, when they unpack themselves, and from then on.

Each is compared with the installed command. All are whole processes; `first` has an empty cache,
and the file itself is in the system's.

    python bench/zipapps.py [--rounds N] [--zipapps DIR] [--installed BIN]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path


def seconds(command: list[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def first(file: Path, environment: Mapping[str, str]) -> float:
    with tempfile.TemporaryDirectory() as cache:
        return seconds(
            [sys.executable, str(file), "--version"], {**environment, "XDG_CACHE_HOME": cache}
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--zipapps", type=Path, default=Path("dist/zipapps"))
    parser.add_argument("--installed", type=Path, default=Path("build/smoke/bin"))
    options = parser.parse_args()
    unset = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    print("milliseconds, medians   MB  first   next  installed")
    for file in sorted(options.zipapps.glob("*.pyz")):
        command = file.name.partition("-cp")[0].removesuffix(".pyz")
        installed = [str(options.installed / command), "--help"]
        with tempfile.TemporaryDirectory() as cache:
            warm = {**environment, "XDG_CACHE_HOME": cache}
            again = [sys.executable, str(file), "--help"]
            times = [
                (seconds(again, warm), seconds(installed, warm)) for _ in range(options.rounds)
            ]
        starts = [first(file, environment) for _ in range(3)]
        columns = [statistics.median(one) * 1000 for one in (starts, *zip(*times, strict=True))]
        size = file.stat().st_size / 1e6
        print(f"{command:20} {size:5.1f} {columns[0]:6.0f} {columns[1]:6.0f} {columns[2]:10.0f}")


if __name__ == "__main__":
    main()
