"""How often guards alarm on honest decompositions of real traces, and how many of each way to cheat they catch.

    python -m tests.bench.guards_caught FOLDER

FOLDER holds traces_*.jsonl (problem, reasoning, response) and gsm8k_socratic_test.jsonl (problem, steps). The floor of
the alarms is 0, the ceiling of what is caught 1.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from rlkd_data.schema import Step
from rlkd_train.reward.guards import Seen, flags
from tests.support.attacks import INJECTIONS, MARKERS, attacks

_ROWS = 150


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def blocks(text: str, most: int | None) -> list[Step]:
    """A faithful decomposition: the paragraphs of a trace as answers, at most so many."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text) if len(part.split()) > 3]
    if most is not None and len(parts) > most:
        size = -(-len(parts) // most)
        parts = ["\n".join(parts[n : n + size]) for n in range(0, len(parts), size)]
    return [
        Step(n, f"Next, {part.split()[0]} matters.", f"What follows about {' '.join(part.split()[:4])}?", part)
        for n, part in enumerate(parts, 1)
    ]


def main(folder: Path) -> None:
    for name, most, teacher in (("coarse", 10, 10), ("fine", None, 10)):
        for path in sorted(folder.glob("traces_*.jsonl")):
            found: Counter[str] = Counter()
            count = 0
            for row in rows(path):
                steps = blocks(row["reasoning"], most)
                found.update(flags(Seen(f"{row['reasoning']}\n{row['response']}", row["problem"], steps, teacher)))
                count += 1
            told = ", ".join(f"{guard} {n} ({n / count:.1%})" for guard, n in found.items()) or "none"
            print(f"honest, {name}, {path.stem}: {count} texts, alarms: {told}")
    given = list(islice((row for row in rows(folder / "gsm8k_socratic_test.jsonl") if len(row["steps"]) >= 3), _ROWS))
    caught: Counter[str] = Counter()
    for row in given:
        for name, (guard, seen) in attacks(row).items():
            caught[name] += guard in flags(seen)
    for name, n in caught.items():
        print(f"caught, {name}: {n / len(given):.2f}")
    plain = Seen("", "How many?")
    _lines("judge_injection", INJECTIONS, plain)
    _lines("marker_injection", MARKERS, plain)


def _lines(guard: str, lines: Sequence[str], plain: Seen, told: Callable[[str], None] = print) -> None:
    seen = [line for line in lines if guard in flags(Seen(f"First 2 + 2 = 4.\n{line}\nSo 4.", plain.problem))]
    told(f"caught, {guard}: {len(seen)} of {len(lines)}; missed: {[line for line in lines if line not in seen]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
