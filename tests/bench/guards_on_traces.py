"""How often the guards see gaming in honest work: real traces and solutions, JSON Lines in a folder that is given.

    python -m tests.bench.guards_on_traces FOLDER

FOLDER holds traces_*.jsonl (problem, reasoning, response), gsm8k_train.jsonl (problem, solution) and
gsm8k_socratic_test.jsonl (problem, steps). The floor is 0: none of them was written for a reward.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlkd_data.schema import Step
from rlkd_train.reward.guards import Seen, copied, flags, phrases


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def tell(what: str, count: int, found: Counter[str]) -> None:
    rates = ", ".join(f"{name} {n} ({n / max(1, count):.2%})" for name, n in found.items()) or "none"
    print(f"{what}: {count} texts, signals: {rates}")


def main(folder: Path) -> None:
    by_problem: dict[str, list[str]] = defaultdict(list)
    found: Counter[str] = Counter()
    count = 0
    for path in sorted(folder.glob("traces_*.jsonl")):
        for row in rows(path):
            text = f"{row['reasoning']}\n{row['response']}"
            by_problem[row["problem"]].append(text)
            found.update(flags(Seen(text, row["problem"])))
            count += 1
    tell("reasoning traces", count, found)

    found, count = Counter(), 0
    for row in rows(folder / "gsm8k_train.jsonl"):
        found.update(flags(Seen(row["solution"], row["problem"])))
        count += 1
    tell("GSM8K solutions", count, found)

    found, count = Counter(), 0
    for row in rows(folder / "gsm8k_socratic_test.jsonl"):
        steps = [Step(i, s["question"], s["question"], s["answer"]) for i, s in enumerate(row["steps"], 1)]
        by_problem[row["problem"]].append(" ".join(f"{s.sub_problem} {s.answer}" for s in steps))
        found.update(flags(Seen("", row["problem"], steps, len(steps))))
        count += 1
    tell("GSM8K gold steps", count, found)

    found, count = Counter(), 0
    for problem, texts in by_problem.items():
        for number, text in enumerate(texts):
            others = texts[:number] + texts[number + 1 :]
            if others:
                found["teacher_copy"] += copied(text, phrases(problem, others))
                count += 1
    tell("texts beside others on the same problem", count, found)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("guards_on_traces: no FOLDER of given data, so nothing is measured")
    else:
        main(Path(sys.argv[1]))
