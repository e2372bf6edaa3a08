"""How replies are read and decompositions checked.

    python -m tests.bench.annotations_reading [FOLDER] [TRACES] [SEED]

FOLDER holds styles.jsonl (style, text, refuse, steps, final_answer) and traces_*.jsonl (problem, reasoning), these or
in `data/`; without it, only the styles of `tests/support/styles.py` are read. The oracle of `tests/support/oracle.py`
decomposes TRACES of the traces faithfully, and unfaithfully in each known way. The bars: 95 % of readable replies right
and none wrong; 3 % of faithful decompositions rejected (coarse 5 %), 85 % of each unfaithful kind told (a number of
elsewhere 60 %), 4 % of paraphrased steps put in a wrong place.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.as_json import parse_json
from rlkd_data.structure.check import check, check_against_trace
from rlkd_data.structure.ground import Reasoning, ground
from rlkd_data.structure.names import CODES, REJECTING
from rlkd_data.structure.parse import Parsed, ParseFailure, parse
from tests.support.oracle import FAITHFUL, UNFAITHFUL, Block, Made, decomposed, sentences, steps_of
from tests.support.styles import ENDINGS, READABLE, UNSAFE

SHIPPED = Path(__file__).resolve().parents[2] / "pipelines" / "data" / "gsm8k_quickstart.jsonl"
BASES = ("condensed", "paraphrased", "coarse")


class Remembered(Reasoning):
    """A trace whose passages are looked for once: the kinds of decompositions share most of their answers."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._known: dict[tuple[str, int, float], tuple[int, int] | None] = {}

    def find(self, text: str, behind: int = 0, least: float = 75.0) -> tuple[int, int] | None:
        key = (text, behind, least)
        if key not in self._known:
            self._known[key] = super().find(text, behind, least)
        return self._known[key]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def texts(steps: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Three texts a step, lines of white space alike: a table cannot hold a line break."""
    rows = [s if isinstance(s, dict) else vars_of(s) for s in steps]
    return [tuple(" ".join(row[k].split()) for k in ("meta_reasoning", "sub_problem", "answer")) for row in rows]  # type: ignore[misc]


def vars_of(step: Step) -> dict[str, str]:
    return {"meta_reasoning": step.meta_reasoning, "sub_problem": step.sub_problem, "answer": step.answer}


def verdict(found: Parsed | ParseFailure, wanted: list[tuple[str, str, str]] | None) -> str:
    """right, refused; polluted (the steps, with more in an answer), wrong; `wanted` None: to be refused."""
    if wanted is None:
        return "unsafe, refused" if isinstance(found, ParseFailure) else "unsafe, read"
    if isinstance(found, ParseFailure):
        return "refused"
    got = texts(found.steps)
    if got == wanted:
        return "right"
    near = len(got) == len(wanted) and all(
        one[:2] == other[:2] and one[2].startswith(other[2][:20]) for one, other in zip(got, wanted, strict=True)
    )
    return "polluted" if near else "WRONG"


def read(style: str, text: str) -> Parsed | ParseFailure:
    return parse_json(text) if style.startswith("json") else parse(text)


def given_styles(path: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in lines(path):
        wanted = None if row["refuse"] else texts(row["steps"])
        found = verdict(read(row["style"], row["text"]), wanted)
        # The text cannot tell that it was cut off mid-answer: `decompose` has the finish_reason, and rejects it.
        counts["cut off, read" if row["style"] == "cut_off_mid_answer" and found == "unsafe, read" else found] += 1
    print(f"given styles: {dict(counts)}")
    return counts


def own_styles(most: int = 12) -> None:
    counts: Counter[str] = Counter()
    for row in lines(SHIPPED)[:most]:
        said = [line.strip() for line in row["solution"].split("\n") if line.strip()]
        steps = [Step(n, "What is known leads on.", f"What is part {n}?", one) for n, one in enumerate(said, 1)]
        for style, write in (READABLE | UNSAFE).items():
            ending = "7" if style.startswith("json") else "[Final answer]: 7"
            wanted = texts(steps) if style in READABLE else None
            counts[verdict(read(style, write(steps, ending)), wanted)] += 1
        for ending_of in ENDINGS.values():
            counts[verdict(parse(READABLE["canonical"](steps, ending_of("7"))), texts(steps))] += 1
    print(f"own styles ({len(READABLE)}, {len(UNSAFE)} unsafe, {len(ENDINGS)} endings): {dict(counts)}")


def codes(steps: Sequence[Step], row: dict[str, Any], where: Reasoning) -> tuple[set[str], tuple[Step, ...]]:
    found = ground(steps, where)
    own = check(found, row["problem"], reasoning=row["reasoning"])
    return {*own, *check_against_trace(found, row["reasoning"], row["problem"])}, found


def judged(row: dict[str, Any], seed: int) -> Counter[tuple[str, str]]:
    """All kinds of decompositions of one trace: what was found, by the kind's name and what it is a count of."""
    where = Remembered(row["reasoning"])
    counts: Counter[tuple[str, str]] = Counter()

    def count(name: str, made: Sequence[Made]) -> None:
        found, grounded = codes(steps_of(made), row, where)
        counts.update((name, code) for code in found)
        counts[name, "all"] += 1
        counts[name, "rejected"] += bool(found & REJECTING)
        counts[name, "flagged"] += bool(found) and not found & REJECTING
        for one, step in zip(made, grounded, strict=True):
            counts[name, "steps"] += 1
            if step.span_start is None or step.span_end is None:
                counts[name, "lost"] += 1
            elif step.span_start >= one.end or step.span_end <= one.start:
                counts[name, "wrong"] += 1

    faithful = {kind: decomposed(row["reasoning"], kind, seed) for kind in FAITHFUL}
    for kind, made in faithful.items():
        count(kind, made)
    for base, (kind, change) in product(BASES, UNFAITHFUL.items()):
        if changed := change(faithful[base], row["reasoning"], random.Random(seed)):
            count(f"{base}, {kind}", changed)
    return counts


def checks(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Shares by name: of faithful decompositions rejected, of their steps in a wrong place, of unfaithful ones told."""
    counts: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor() as processes:
        for found in processes.map(judged, rows, range(len(rows))):
            counts.update(found)
    shares: dict[str, float] = {}
    for name in dict.fromkeys(name for name, _ in counts):
        of = {what: n for (whose, what), n in counts.items() if whose == name}
        total, rejected, flagged = of["all"], of.get("rejected", 0), of.get("flagged", 0)
        told = {code: n for code, n in of.items() if code in CODES}
        if name in FAITHFUL:
            wrong, lost = of.get("wrong", 0) / of["steps"], of.get("lost", 0) / of["steps"]
            shares |= {f"{name}, rejected": rejected / total, f"{name}, wrong place": wrong}
            print(
                f"faithful, {name}: rejected {rejected} of {total}; steps in a wrong place {wrong:.1%}, "
                f"not found {lost:.1%} of {of['steps']}; codes {told}"
            )
        else:
            shares[name] = (rejected + flagged) / total
            print(f"{name}: told {shares[name]:.0%} of {total} (rejected {rejected}, flagged {flagged}); {told}")
    return shares


def traces_of(folder: Path, count: int, seed: int, longest: int | None = None) -> list[dict[str, Any]]:
    """So many traces of a folder by chance; with `longest`, each cut to its sentences within so many characters."""
    found = sorted([*folder.glob("traces_*.jsonl"), *(folder / "data").glob("traces_*.jsonl")])
    rows = [row for path in found for row in lines(path)]
    random.Random(seed).shuffle(rows)
    if longest is not None:
        rows = [
            row | {"reasoning": text[: sentences(text, Block(0, longest))[-2].end]}
            for row in rows
            if len(text := row["reasoning"]) >= longest and len(sentences(text, Block(0, longest))) > 2
        ]
    return rows[:count]


def main(folder: Path | None = None, traces: int = 64, seed: int = 9) -> None:
    own_styles()
    if folder is None:
        return
    if (folder / "styles.jsonl").is_file():
        given_styles(folder / "styles.jsonl")
    checks(traces_of(folder, traces, seed))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(Path(arguments[0]) if arguments else None, *map(int, arguments[1:]))
