"""A GRPO run whose judge's server is killed in the middle for a while (default 30 s) and started again.

    python -m tests.bench.grpo_outage [SECONDS]

Prints what became of the run: its exit status, how long it stood still, and every completion that was unscored or
scored 0 without a verdict that says so. The floor of the standstill is the outage itself; above it comes what is left
of the longest pause between two tries.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rlkd_data.tables import read_rows
from rlkd_train.reward.completions import COMPLETIONS
from tests.support.grpo_run import make_run, start_run, steps_in
from tests.support.servers import running_openai_server

STEPS = 60
GSRM, JUDGE = "tests.support.grpo_run:decompose", "tests.support.grpo_run:say_yes_or_no"


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name, running_openai_server(reply_function=GSRM) as gsrm:
        folder = Path(name)
        out = folder / "run"
        with running_openai_server(reply_function=JUDGE) as judge:
            port = judge.port
            run = start_run(make_run(folder, gsrm.base_url, judge.base_url, steps=STEPS), out)
            while steps_in(out) < 5 and run.poll() is None:
                time.sleep(0.02)
        began, at = time.monotonic(), steps_in(out)
        time.sleep(seconds)
        during = steps_in(out) - at
        with running_openai_server(reply_function=JUDGE, port=port) as judge:
            back = time.monotonic()
            while steps_in(out) <= at + during and run.poll() is None:
                time.sleep(0.02)
            stood = time.monotonic() - began
            _, said = run.communicate()
            asked = judge.stats()
        rows = list(read_rows(out / "completions", COMPLETIONS))
    print(f"exit status {run.returncode}; outage {back - began:.1f} s; stood still for {stood:.1f} s")
    print(f"steps before the outage {at}, during it {during}, of {STEPS}; completions {len(rows)}")
    print(f"unscored: {dict(Counter(row.unscored for row in rows if row.unscored))}")
    zero = [row for row in rows if row.structure == 0.0 and row.n_steps]
    without = [row for row in zero if not any(v.part == "meta" and v.match is False for v in row.verdicts)]
    print(f"structure 0: {len(zero)}, of them without a verdict that closes the gate: {len(without)}")
    print(f"asked of the judge after it came back: {asked['total']}, of them asked twice: {asked['repeated']}")
    if run.returncode:
        print(said[-2000:])


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
