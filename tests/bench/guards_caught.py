"""How often guards alarm on honest decompositions of real traces, and how many of each way to cheat they catch.

    python -m tests.bench.guards_caught FOLDER

FOLDER holds traces_*.jsonl (problem, reasoning, response) and gsm8k_socratic_test.jsonl (problem, steps). The floor of
the alarms is 0, the ceiling of what is caught 1. Guards see no more of a completion than the GSRM writes
(`most_steps`): with a teacher of ten steps, 35. The kinds of `tests/support/padding.py` are made of GSM8K's gold steps
and of coarse decompositions of traces of every domain; those held out, of other rows.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from rlkd_data.schema import Step
from rlkd_train.reward.guards import Seen, flags, most_steps
from tests.support.attacks import INJECTIONS, MARKERS, attacks
from tests.support.oracle import decomposed, steps_of
from tests.support.padding import HELD_OUT, TUNING, Way

_ROWS = 150
_TEACHER = 10
"""Steps of the teacher of a trace."""
_OF_EACH = 15
"""Traces of a domain that cheats are made of, for each half of the kinds."""


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


def ways(text: str) -> dict[str, Sequence[Step]]:
    """A trace decomposed in every way."""
    made = {"paragraphs, coarse": blocks(text, _TEACHER), "paragraphs": blocks(text, None)}
    return made | {kind: steps_of(decomposed(text, kind, 1)) for kind in ("coarse", "condensed", "full")}


def honest(folder: Path) -> dict[str, float]:
    """The largest share of alarms of each guard, over all domains and ways of decomposing. Guards that look at the text
    alone see it with the first way."""
    worst: dict[str, float] = {}
    for path in sorted(folder.glob("traces_*.jsonl")):
        found: dict[str, Counter[str]] = defaultdict(Counter)
        count = 0
        for row in rows(path):
            count += 1
            text = f"{row['reasoning']}\n{row['response']}"
            for way, steps in ways(row["reasoning"]).items():
                seen = steps[: most_steps(_TEACHER) + 1]
                found[way].update(flags(Seen(text, row["problem"], seen, _TEACHER)))
                text = ""
        for way, counts in found.items():
            told = ", ".join(f"{guard} {n} ({n / count:.1%})" for guard, n in counts.items()) or "none"
            print(f"honest, {path.stem}, {way}: {count} texts, alarms: {told}")
            worst |= {guard: max(n / count, worst.get(guard, 0.0)) for guard, n in counts.items()}
    return worst


def cheats(folder: Path, kinds: dict[str, tuple[str, Way]], half: int) -> dict[str, list[tuple[str, ...]]]:
    """For each kind, the signals that its cheats give."""
    given = [row for row in rows(folder / "gsm8k_socratic_test.jsonl") if len(row["steps"]) >= 3]
    chance = random.Random(5)
    chance.shuffle(given)
    base = [(row["problem"], _gold(row)) for row in given[half * 60 : half * 60 + 60]]
    for path in sorted(folder.glob("traces_*.jsonl")):
        traces = list(rows(path))
        chance.shuffle(traces)
        for row in traces[half * _OF_EACH : (half + 1) * _OF_EACH]:
            base.append((row["problem"], list(steps_of(decomposed(row["reasoning"], "coarse", 1)))))
    caught: dict[str, list[tuple[str, ...]]] = {name: [] for name in kinds}
    for seed, (problem, steps) in enumerate(base):
        for name, (_, way) in kinds.items():
            caught[name].append(flags(Seen("", problem, way(steps, problem, random.Random(seed)), len(steps))))
    return caught


def main(folder: Path) -> None:
    honest(folder)
    for what, kinds, half in (("tuned on", TUNING, 0), ("held out", HELD_OUT, 1)):
        for name, found in cheats(folder, kinds, half).items():
            guard = kinds[name][0]
            told = {one: sum(one in signals for signals in found) / len(found) for one in (guard, "said_twice")}
            print(f"caught, {what}, {name}: {', '.join(f'{one} {n:.2f}' for one, n in told.items())} of {len(found)}")
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


def _gold(row: dict[str, Any]) -> list[Step]:
    return [Step(n, "Now this.", s["question"], s["answer"]) for n, s in enumerate(row["steps"], 1)]


def _lines(guard: str, lines: Sequence[str], plain: Seen, told: Callable[[str], None] = print) -> None:
    seen = [line for line in lines if guard in flags(Seen(f"First 2 + 2 = 4.\n{line}\nSo 4.", plain.problem))]
    told(f"caught, {guard}: {len(seen)} of {len(lines)}; missed: {[line for line in lines if line not in seen]}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("guards_caught: no FOLDER of given data, so nothing is measured")
    else:
        main(Path(sys.argv[1]))
