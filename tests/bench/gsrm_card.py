"""The shipped GSRM on its held-out rows, by the commands that users have, beside what its card says.

    python -m tests.bench.gsrm_card FOLDER [ROWS]

ROWS (default 200, all) of the rows that it was never trained on, by chance, go through `rlkd-data collect` and
`rlkd-data decompose --max-tokens 640` in pieces of 16, each a table of its own in FOLDER: the same call again takes the
pieces that are there, and more rows (in sixteens) add to them. The floor of a figure is its card's, in
`models/gsrm-smollm2`.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from rlkd_data.decompose.judge import ALWAYS
from rlkd_data.measure.gold import GoldRow
from rlkd_data.schema import DECOMPOSITIONS, make_problem_id
from rlkd_data.structure.names import REJECTING
from rlkd_data.tables import REJECTED, is_table, read_rows
from rlkd_train.gsrm.data import socratic_rows
from rlkd_train.gsrm.quality import Compared, compare, figures
from rlkd_train.gsrm.socratic import gold_steps, solution

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "pipelines" / "data" / "gsm8k_socratic_test.jsonl"
CARD = ROOT / "models" / "gsrm-smollm2" / "gsrm.json"
HELD_OUT, PIECE = 200, 16


def held_out() -> list[GoldRow]:
    """The rows of the card, in an order of chance that is always the same."""
    rows = socratic_rows(str(SHIPPED))[-HELD_OUT:]
    random.Random(17).shuffle(rows)
    return rows


def decomposed(folder: Path, rows: list[GoldRow]) -> None:
    """Solutions as a traces table, and its decompositions. What is there already is left."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "rows.jsonl"
    records = [
        {"problem": row.problem, "answer": row.answer, "reasoning": solution(row), "license": "mit",
         "response": f"The answer is \\boxed{{{row.answer}}}."}
        for row in rows
    ]  # fmt: skip
    source.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    command = [sys.executable, "-c", "from rlkd_data.cli import main; main()"]
    traces, steps, store = str(folder / "traces"), str(folder / "steps"), ["--store", str(folder / "store.sqlite")]
    subprocess.run([*command, "collect", str(source), "--out", traces], check=True)
    asked = ["--annotator", "local:gsrm-smollm2", "--max-tokens", "640"]
    subprocess.run([*command, "decompose", traces, "--out", steps, *asked, *store], check=True)


def compared(steps: Path, gold: dict[str, GoldRow]) -> tuple[list[Compared], Counter[str]]:
    """Each decomposition of a table beside gold, and the codes that its checks gave it, rejecting or not."""
    found: list[Compared] = []
    codes: Counter[str] = Counter()
    for table in (steps, steps / REJECTED):
        for one in read_rows(table, DECOMPOSITIONS) if is_table(table) else ():
            row = gold[one.problem_id]
            rejecting = [code for code in one.issues if code in REJECTING | ALWAYS]
            codes.update(one.issues)
            found.append(compare(gold_steps(row), row.answer, one.steps or (), one.final_answer, rejecting))
    return found, codes


def main(folder: Path, count: int = HELD_OUT) -> None:
    rows = held_out()[:count]
    gold = {make_problem_id(row.problem): row for row in rows}
    found: list[Compared] = []
    codes: Counter[str] = Counter()
    for number, start in enumerate(range(0, len(rows), PIECE)):
        piece = folder / f"{number:02}-{len(rows[start : start + PIECE])}"
        decomposed(piece, rows[start : start + PIECE])
        more, told = compared(piece / "steps", gold)
        found += more
        codes += told
    card = json.loads(CARD.read_text("utf-8"))["figures"]["held_out"]
    print(f"\n| figure | card ({card['rows']} rows) | now ({len(found)} rows) |\n| --- | --- | --- |")
    for name, value in figures(found).items():
        print(f"| {name} | {card.get(name, 0):.3f} | {value:.3f} |")
    print(f"checks told, rejecting or not: {dict(codes) or 'none'}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("gsrm_card: no FOLDER to keep the decompositions in, so nothing is measured")
    else:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
