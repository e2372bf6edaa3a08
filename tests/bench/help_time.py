"""CPU time of `--help`, beside the floor: a Python that starts and does nothing.

python tests/bench/help_time.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 7
PAGES = ("rlkd-data", "rlkd-data collect", "rlkd-data publish", "rlkd-train", "rlkd-train grpo", "rlkd-train eval")


def shows(page: str) -> str:
    """Code that prints a page of help as its program does."""
    program, *verb = page.split()
    arguments = [program, *verb, "--help"]
    return f"import sys; sys.argv = {arguments!r}; from {program.replace('-', '_')}.cli import main; main()"


COMMANDS = {"python -c pass (floor)": "pass"} | {f"{page} --help": shows(page) for page in PAGES}


def cpu_seconds(code: str) -> float:
    """User and system time of one run."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    for code in COMMANDS.values():  # compile and warm the file cache
        cpu_seconds(code)
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, code in COMMANDS.items():
            times[name].append(cpu_seconds(code))
    for name, found in times.items():
        print(f"{name:<25} {statistics.median(found):.3f} s CPU (median of {ROUNDS}; aim under 0.5 s)")


if __name__ == "__main__":
    main()
