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
from pathlib import Path
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.as_json import parse_json
from rlkd_data.structure.check import check, check_against_trace
from rlkd_data.structure.ground import Reasoning, ground
from rlkd_data.structure.names import REJECTING
from rlkd_data.structure.parse import Parsed, ParseFailure, parse
from tests.support.oracle import FAITHFUL, UNFAITHFUL, Block, decomposed, sentences, steps_of
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


def checks(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Shares by name: of faithful decompositions rejected, of their steps in a wrong place, of unfaithful ones told."""
    shares: dict[str, float] = {}
    places = [Remembered(row["reasoning"]) for row in rows]
    for kind in FAITHFUL:
        told: Counter[str] = Counter()
        rejected = wrong = lost = total = 0
        for seed, (row, where) in enumerate(zip(rows, places, strict=True)):
            made = decomposed(row["reasoning"], kind, seed)
            found, grounded = codes(steps_of(made), row, where)
            told.update(found)
            rejected += bool(found & REJECTING)
            for one, step in zip(made, grounded, strict=True):
                total += 1
                if step.span_start is None or step.span_end is None:
                    lost += 1
                elif step.span_start >= one.end or step.span_end <= one.start:
                    wrong += 1
        shares |= {f"{kind}, rejected": rejected / len(rows), f"{kind}, wrong place": wrong / total}
        print(
            f"faithful, {kind}: rejected {rejected} of {len(rows)}; steps in a wrong place {wrong / total:.1%}, "
            f"not found {lost / total:.1%} of {total}; codes {dict(told)}"
        )
    for base in BASES:
        for kind, change in UNFAITHFUL.items():
            count = rejected = flagged = 0
            told = Counter()
            for seed, (row, where) in enumerate(zip(rows, places, strict=True)):
                chance = random.Random(seed)
                changed = change(decomposed(row["reasoning"], base, seed), row["reasoning"], chance)
                if not changed:
                    continue
                count += 1
                found, _ = codes(steps_of(changed), row, where)
                told.update(found)
                rejected += bool(found & REJECTING)
                flagged += bool(found) and not found & REJECTING
            share = (rejected + flagged) / max(count, 1)
            shares[f"{base}, {kind}"] = share
            print(f"{base}, {kind}: told {share:.0%} of {count} (rejected {rejected}, flagged {flagged}); {dict(told)}")
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
