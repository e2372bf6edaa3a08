"""kill -9 at random moments over a GRPO training in one process and in two, and what must hold all the same.

    python -m tests.faults.soak_training [--kills 3] [--steps 12] [--seed N]

A run is begun, killed (of several processes any one, the launcher too) and begun again, as often as asked, and then
runs to its end: its log has every step once and in order, its table every completion once, its model is there,
and no process is left. Prints its figures, and leaves with status 1 at the first promise that is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from rlkd_data.tables import read_rows
from rlkd_train.reward.completions import COMPLETIONS
from tests.support.grpo_run import make_run
from tests.support.servers import running_openai_server

GSRM, JUDGE = "tests.support.grpo_run:decompose", "tests.support.grpo_run:say_yes_or_no"
A_STEP = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    chance = random.Random(given.seed)
    print(f"seed {given.seed}")
    with running_openai_server(reply_function=GSRM) as gsrm, running_openai_server(reply_function=JUDGE) as judge:
        for count in (1, 2):
            with tempfile.TemporaryDirectory() as scratch:
                config = make_run(
                    Path(scratch),
                    gsrm.base_url,
                    judge.base_url,
                    steps=given.steps,
                    optim={"micro_batch": 4, "save_steps": 2},
                )
                soak(config, Path(scratch) / "run", count, given.kills, given.steps, chance)


def soak(config: Path, out: Path, count: int, kills: int, steps: int, chance: random.Random) -> None:
    where = []
    for _ in range(kills):
        run = begin(config, out, count)
        wanted = min(steps - 1, logged(out) + chance.randint(0, max(1, steps // kills)))
        while run.poll() is None and logged(out) < wanted:
            time.sleep(0.02)
        time.sleep(chance.random())
        family = [run.pid, *(children(run.pid) if count > 1 else [])]
        victim = chance.choice(family)
        with suppress(ProcessLookupError):  # it was faster
            os.kill(victim, signal.SIGKILL)
        run.wait(120)
        until = time.monotonic() + 60
        while left := [pid for pid in family if alive(pid)]:
            time.sleep(0.1)
            if time.monotonic() > until:
                sys.exit(f"{count} processes: processes are left: {left}")
        where.append(f"step {logged(out)} ({'the launcher' if victim == run.pid and count > 1 else 'a process'})")
    last = begin(config, out, count)
    if last.wait(600) != 0:
        sys.exit(f"{count} processes: the last run ended with {last.returncode}")
    found = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines() if '"loss"' in line]
    if found != list(range(1, steps + 1)):
        sys.exit(f"{count} processes: the log has the steps {found}")
    rows = [row.step for row in read_rows(out / "completions", COMPLETIONS)]
    if rows != [step for step in range(1, steps + 1) for _ in range(A_STEP)]:
        sys.exit(f"{count} processes: the table has the steps {rows}")
    if not (out / "model" / "model.safetensors").is_file():
        sys.exit(f"{count} processes: no model")
    print(f"{count} processes: killed at {', '.join(where)}; {steps} steps, each once, {len(rows)} completions")


def begin(config: Path, out: Path, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rlkd_train", *(["launch"] if count > 1 else []), "grpo"]
    command += ["--config", str(config), "--out", str(out)]
    command += ["--processes", str(count)] if count > 1 else []
    environment = os.environ | {"OPENAI_API_KEY": "k", "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def logged(out: Path) -> int:
    log = out / "log.jsonl"
    return sum('"loss"' in line for line in log.read_text().splitlines()) if log.exists() else 0


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split() if alive(int(word))]


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


if __name__ == "__main__":
    main()
