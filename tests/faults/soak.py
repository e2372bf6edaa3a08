"""Random kills, signals, full disks and faulty servers over collect, decompose and the reward, and what must hold all
the same.

    python tests/faults/soak.py [--minutes 15] [--seed N]

A round collects, decomposes, scores completions (`rescore`), and is disturbed again and again; then the same commands
run to their end, and are looked at: every problem is there once, ok or rejected with a reason; tables, store and ledger
agree; the server's own count of what it was paid for is no more than the ledger's, nor than the budget where there was
one; every completion has its score, which no outage has made 0, and scoring once more asks nothing; nothing is left
behind, no file and no process. Prints its figures, and leaves with status 1 at the first promise that is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from rlkd_data.schema import DECOMPOSITIONS, TRACES  # noqa: E402
from rlkd_data.tables import REJECTED, TableWriter, is_table, read_rows, read_table  # noqa: E402
from rlkd_train.reward.completions import COMPLETIONS, FOLDER, ScoredCompletion  # noqa: E402
from tests.support.servers import RunningServer, running_openai_server  # noqa: E402

FAULTS = ["429:3%", "500:3%", "drop:2%", "cut:3%", "malformed:2%", "hang:1%"]
PROBLEMS = 60
LATENCY = 0.1
STEPS = (
    "[Meta-reasoning 1]: Add the parts, since a sum is asked for.\n[Sub-problem 1]: What is the sum?\n"
    "[Answer 1]: It is 4.\n\n[Final answer]: 4"
)
TOKENS = len(STEPS.split())
"""Of every answer: prompts cost nothing, so that dollars count answers."""
DOLLARS = TOKENS * 0.001
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MARK = "RLKD_SOAK"


def answer(body: dict[str, Any]) -> dict[str, str]:
    """What the server says: steps to the annotator, otherwise a trace of as many words."""
    if "eta-reasoning" in (asked := json.dumps(body)) or "Take the reasoning apart" in asked:
        return {"text": STEPS}
    text, thought = "It is \\boxed{4}.", "Add the parts, since a sum is asked for. What is the sum? It is 4."
    left = TOKENS - len(text.split()) - len(thought.split())
    return {"text": text, "reasoning": " ".join([thought, *["so"] * left])}


@dataclass
class Figures:
    rounds: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    charged: int = 0
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    scored: int = 0
    unscored: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        ends = ", ".join(f"{name} {count}" for name, count in sorted(self.ends.items()))
        rejected = sum(self.rejected.values())
        return [
            f"rounds {self.rounds}, commands by how they ended: {ends}",
            f"rows {self.rows:,} each once, of them rejected {rejected:,} ({dict(self.rejected)})",
            f"answers that the server was paid for {self.answered:,}, that the ledger is charged for {self.charged:,}",
            f"completions scored {self.scored:,}, without a score {dict(self.unscored)}",
        ]


class Broken(Exception):
    """A promise that does not hold."""


def hold(true: bool, *told: object) -> None:
    if not true:
        raise Broken(" ".join(map(str, told)))


@dataclass
class Round:
    folder: Path
    server: RunningServer
    chance: random.Random
    figures: Figures
    loud: bool = False

    def command(self, verb: str, source: Path, out: Path, model: str, *more: str) -> list[str]:
        told = ["--base-url", self.server.base_url, "--store", str(self.folder / "s.sqlite"), "--concurrency", "8"]
        told += ["--timeout", "1", "--input-price", "0", "--output-price", "1000", "--max-tokens", str(2 * TOKENS)]
        return [*_started("rlkd_data"), verb, str(source), "--out", str(out), model, "openai:m", *told, *more]

    def run(self, command: list[str], *, disturbed: bool) -> int:
        """Its exit status. Disturbed: a signal at some moment, or files that may not grow."""
        room = self.chance.choice([200, 5_000, 20_000, 60_000]) if disturbed and self.chance.random() < 0.3 else None

        def small_disk() -> None:
            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"OPENAI_API_KEY": "k", MARK: str(os.getpid())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=small_disk,  # noqa: PLW1509 - no threads here
        )
        if disturbed and room is None:
            try:
                process.wait(self.chance.uniform(0.3, 6.0))
            except subprocess.TimeoutExpired:
                process.send_signal(self.chance.choice(SIGNALS))
        _, said = process.communicate(timeout=300)
        status = process.returncode
        if self.loud:
            print(f"  {command[3]} {'disturbed' if disturbed else 'to its end'}: {status}", flush=True)
        self.figures.ends["small disk" if room is not None and status == 2 else str(status)] += 1
        allowed = (0, 1, 2, 3, 130, 143, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM)
        hold(status in allowed, "status", status, said)
        hold("fault in rlkd" not in said, said)
        hold(status not in (2, 3) or said.strip().splitlines()[-1].startswith("error: "), status, said)
        return status

    def to_the_end(self, command: list[str]) -> None:
        """Without disturbance; a server that failed too often leaves some rows for the next time."""
        for _ in range(6):
            if self.run(command, disturbed=False) == 0:
                return
        raise Broken(f"does not come to an end: {command}")

    def paid(self) -> int:
        """What the server has answered, once it is at nothing any more but what hangs."""
        answered = -1
        while answered != (answered := int(self.server.stats()["answered"])):
            time.sleep(4 * LATENCY)
        return answered

    def ledger(self, out: Path) -> float:
        job = json.loads((out / "ledger.json").read_text())["job"]
        with sqlite3.connect(self.folder / "s.sqlite") as store:
            hold(store.execute("SELECT count(*) FROM claims").fetchone() == (0,), "claims are left")
            found = store.execute("SELECT coalesce(sum(cost_usd), 0) FROM ledger WHERE job = ?", (job,)).fetchone()
            aside = store.execute("SELECT coalesce(sum(cost_usd), 0) FROM held WHERE job = ?", (job,)).fetchone()
        hold(aside == (0,), "dollars are held for nobody")
        return float(found[0])

    def go(self) -> None:
        source, traces, steps = (self.folder / name for name in ("s.jsonl", "traces", "steps"))
        rows = ({"problem": f"What is {n} minus {n - 4}?", "answer": "4"} for n in range(PROBLEMS))
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        before = 0
        for verb, given, out, model, schema, known in (
            ("collect", source, traces, "--teacher", TRACES, {f"What is {n} minus {n - 4}?" for n in range(PROBLEMS)}),
            ("decompose", traces, steps, "--annotator", DECOMPOSITIONS, None),
        ):
            low = PROBLEMS * DOLLARS * self.chance.uniform(0.2, 0.8)
            wanted = known or {row["problem"] for row in _rows(traces, TRACES, False)}
            for _ in range(self.chance.randrange(2, 6)):
                self.run(self.command(verb, given, out, model, "--budget", f"{low:.6f}"), disturbed=True)
                paid = self.paid() - before
                hold(paid * DOLLARS <= low + 1e-9, f"{verb}: ${paid * DOLLARS:.3f} of a budget of ${low:.3f}")
            self.to_the_end(self.command(verb, given, out, model, "--budget", "1000"))
            self.look(out, schema, wanted)
            paid = self.paid() - before
            charged = self.ledger(out)
            hold(paid * DOLLARS <= charged + 1e-9, f"{verb}: paid {paid}, charged {charged / DOLLARS:.2f}")
            self.figures.answered += paid
            self.figures.charged += round(charged / DOLLARS)
            before += paid
        self.reward(traces, steps)
        asked = len(self.server.stats()["counts"])
        with sqlite3.connect(self.folder / "s.sqlite") as store:
            hold(store.execute("SELECT count(*) FROM replies").fetchone()[0] <= asked, "replies that nobody asked for")

    def reward(self, traces: Path, steps: Path) -> None:
        """Score two completions of each problem that has a teacher, disturbed, and look at the scores."""
        run, out = self.folder / "run", self.folder / "scored"
        given = [row for problem in _rows(steps, DECOMPOSITIONS, False) for row in _completions(problem)]
        if not given:
            return
        with TableWriter(run / FOLDER, COMPLETIONS) as writer:
            for row in given:
                writer.add(row)
        told = {"base_url": self.server.base_url, "store": str(self.folder / "s.sqlite"), "timeout": 1.0}
        structure = {"gsrm": "openai:g", "allow_other_annotator": True, "judge": {"kind": "equal"}, **told}
        config = self.folder / "reward.json"
        settings = {"traces": [str(traces)], "decompositions": [str(steps)], "structure": structure}
        config.write_text(json.dumps(settings))
        command = [*_started("rlkd_train"), "rescore", str(run), "--config", str(config), "--out"]
        for _ in range(self.chance.randrange(2, 5)):
            self.run([*command, str(out)], disturbed=True)
        self.to_the_end([*command, str(out)])
        found = list(read_rows(out / FOLDER, COMPLETIONS))
        wanted = [(row.problem_id, row.completion) for row in given]
        hold([(row.problem_id, row.completion) for row in found] == wanted, "scored are other completions than given")
        for row in found:
            hold((row.structure is None) == (row.unscored is not None), "no score, and no reason:", row.completion)
            hold(row.structure in (None, 1.0), "scored", row.structure, row.completion)
        asked = self.server.stats()["total"]
        if all(row.unscored is None for row in found):
            self.to_the_end([*command, str(self.folder / "again")])
            hold(self.server.stats()["total"] == asked, "scoring again has asked again")
            hold(
                list(read_rows(self.folder / "again" / FOLDER, COMPLETIONS)) == found, "scored otherwise the next time"
            )
        self.figures.scored += sum(row.unscored is None for row in found)
        self.figures.unscored.update(row.unscored for row in found if row.unscored is not None)

    def look(self, out: Path, schema: Any, wanted: set[str]) -> None:
        kept, left = _rows(out, schema, False), _rows(out, schema, True)
        found = Counter(row["problem"] for row in (*kept, *left))
        hold(found == Counter(wanted), f"{out.name}: {len(found)} of {len(wanted)} problems, {found.most_common(2)}")
        hold(all(row["reason"] for row in left), "a rejected row without a reason")
        record = json.loads((out / "stage.json").read_text())
        hold(record["status"] == "done" and sum(record["result"]["counts"].values()) == len(wanted), record["result"])
        hold(sum(record["shards"].values()) == len(wanted), record["shards"])
        hidden = [path for path in out.rglob(".*") if path.is_file()]
        hold(not hidden, "left behind:", hidden)
        self.figures.rows += len(wanted)
        self.figures.rejected.update(row["reason"] for row in left)


def _started(package: str) -> list[str]:
    """A command line whose tables have shards of seven rows."""
    run = "import rlkd_data.tables as t; t.TableWriter.__init__.__defaults__ = (7,); "
    return [sys.executable, "-c", run + f"from {package}.cli import main; main()"]


def _completions(row: dict[str, Any]) -> list[ScoredCompletion]:
    problem, name = row["problem"], row["problem_id"]
    texts = [
        f"{problem} {word} Add the parts, since a sum is asked for. It is 4. \\boxed{{4}}" for word in ("So:", "Well:")
    ]
    return [ScoredCompletion(1, name, problem, text, None, None, None, None, 0, None, None) for text in texts]


def _rows(out: Path, schema: Any, rejected: bool) -> list[dict[str, Any]]:
    if not is_table(out / REJECTED if rejected else out):
        return []
    columns = ["problem", "problem_id", *(["reason"] if rejected else [])]
    return [row for batch in read_table(out, schema, columns, rejected=rejected) for row in batch.to_pylist()]


def orphans() -> list[str]:
    """Processes of our commands that outlive them."""
    mark, found = f"{MARK}={os.getpid()}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200])
        except OSError:
            continue
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--loud", action="store_true", help="a line for each command")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    chance, figures, until = random.Random(seed), Figures(), time.monotonic() + 60 * asked.minutes
    while time.monotonic() < until:
        folder = Path(tempfile.mkdtemp(prefix="rlkd-soak-"))
        try:
            with running_openai_server(
                latency=LATENCY, fault=FAULTS, reply_function="tests.faults.soak:answer", retry_after="0.1"
            ) as server:
                Round(folder, server, chance, figures, asked.loud).go()
            patience = time.monotonic() + 10
            while (left := orphans()) and time.monotonic() < patience:
                time.sleep(0.2)
            hold(not left, "processes are left:", left)
        except Broken as broken:
            print(f"BROKEN in round {figures.rounds + 1} ({folder} is kept): {broken}")
            print("\n".join(figures.lines()))
            return 1
        shutil.rmtree(folder)
        figures.rounds += 1
    print("\n".join(figures.lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
