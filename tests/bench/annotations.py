"""The figures of annotations, of the checks and of the structure reward, before and after, from data that is given.

    python -m tests.bench.annotations FOLDER [SEED [PIECE …]]

PIECES: styles, checked, short, rewarded, guarded, judged; all of them where none is named. FOLDER holds styles.jsonl,
or its sibling folder of that data does, traces_*.jsonl and gsm8k_socratic_test.jsonl, as `annotations_reading` and
`guards_caught` want them. "Before" are the figures of the issue that asked for this, measured at 6b73093 on other data
of the same kinds: they are quoted, not run.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlkd_train.reward.guards import COMPLETION_GUARDS
from tests.bench import annotations_reading as reading
from tests.bench import annotations_reward, branches, guards_caught, same_step_split
from tests.support.padding import HELD_OUT

Line = tuple[str, str, str, str]
"""A figure, what it was, what it should be, what it is."""
SHORT, TRACES = (500, 1000, 2000), 64
CHECKED = {
    "skips the middle 60 %": ("27 %", 0.85),
    "a number of elsewhere": ("6 %", 0.6),
    "an invented number": ("98 %", 0.85),
    "an invented sentence": ("94 %", 0.85),
    "reversed": ("100 %, never rejected", 0.85),
    "a reworded duplicate": ("12 %", 0.85),
    "answer in one meta": ("9 %", 0.85),
    "answer in half of the metas": ("69 %", 0.85),
    "questions shifted": ("5 %", 0.85),
    "metas shifted": ("31 %", 0.85),
    "stops after 30 %": ("98 %", 0.85),
}
FAITHFUL = {
    "full": "0.0 %",
    "condensed": "0.0 %",
    "paraphrased": "1.6 %",
    "coarse": "7.8 %",
    "coarse_paraphrased": "10.9 %",
}
"""Faithful decompositions that were rejected, of 64."""


def styles(folder: Path, seed: int) -> Iterator[Line]:
    path = next((p for p in (folder / "styles.jsonl", folder.parent / "cases" / "styles.jsonl") if p.is_file()), None)
    if path is None:
        return
    found = reading.given_styles(path)
    safe = Counter({name: n for name, n in found.items() if not name.startswith(("unsafe", "cut off"))})
    wrong = found["WRONG"] + found["unsafe, read"]
    yield "replies read right", "46 %", "≥ 95 %", f"{safe['right'] / safe.total():.1%} of {safe.total()}"
    yield "wrong in silence", "3 %", "0", f"{wrong} of {found.total()}"


def checked(folder: Path, seed: int) -> Iterator[Line]:
    shares = reading.checks(reading.traces_of(folder, TRACES, seed))
    for kind, before in FAITHFUL.items():
        most = "≤ 5 %" if kind.startswith("coarse") else "≤ 3 %"
        yield f"faithful rejected, {kind}", before, most, f"{shares[f'{kind}, rejected']:.1%}"
    yield "paraphrased steps in a wrong place", "8.5 %", "< 4 %", f"{shares['paraphrased, wrong place']:.1%}"
    for kind, (before, least) in CHECKED.items():
        told = ", ".join(f"{shares[f'{base}, {kind}']:.0%}" for base in reading.BASES)
        yield f"told, {kind}", before, f"≥ {least:.0%}", f"{told} ({', '.join(reading.BASES)})"


def short(folder: Path, seed: int) -> Iterator[Line]:
    for longest in SHORT:
        shares = reading.checks(reading.traces_of(folder, TRACES, seed, longest))
        told = ", ".join(f"{shares[f'{kind}, rejected']:.1%}" for kind in FAITHFUL)
        yield f"faithful rejected, {longest} characters", "48 % at 500", "≤ 3–5 %", f"{told} ({', '.join(FAITHFUL)})"


def rewarded(folder: Path, seed: int) -> Iterator[Line]:
    table = annotations_reward.main()
    paper, step, sequence = (table[name] for name in ("paper's gate", "step gate", "sequence"))
    for student in paper:
        after = f"{step[student]:.2f}; in sequence {sequence[student]:.2f}"
        yield f"earned, {student}", f"{paper[student]:.2f} (paper's gate, today)", "", after


def guarded(folder: Path, seed: int) -> Iterator[Line]:
    worst = guards_caught.honest(folder)
    for guard in COMPLETION_GUARDS[:3]:
        before = "19–50 % outside math" if guard == "step_padding" else ""
        yield f"{guard}, honest alarms at worst", before, "< 3 %", f"{worst.get(guard, 0.0):.1%}"
    for name, signals in guards_caught.cheats(folder, HELD_OUT, 1).items():
        caught = sum(HELD_OUT[name][0] in found for found in signals) / len(signals)
        yield f"caught, {name} (held out)", "", "> 80 %", f"{caught:.0%}"


def judged(folder: Path, seed: int) -> Iterator[Line]:
    yield "kappa, whole steps (same_step, held out)", "0.09–0.27 (parts)", "", f"{same_step_split.main():.2f}"
    for (name, (kind, same)), before in zip(branches.WAYS.items(), ("0.40, 0.29", "0.94, 0.86"), strict=True):
        right, found, gold, exact, problems = asyncio.run(branches.measure(kind, same))
        told = f"{right / max(1, found):.2f}, {right / gold:.2f}; {exact} of {problems} trees exact"
        yield f"branches, precision and recall, {name}", before, "", told


PIECES = {piece.__name__: piece for piece in (styles, checked, short, rewarded, guarded, judged)}


def main(folder: Path, seed: int = 9, pieces: Sequence[str] = ()) -> None:
    for name in pieces or PIECES:  # each table as soon as it is there: a run that is cut short has what it came to
        lines = [f"| {' | '.join(line)} |" for line in PIECES[name](folder, seed)]
        print("\n| figure | before | bar | after |\n| --- | --- | --- | --- |", *lines, sep="\n", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("annotations: no FOLDER of given data, so nothing is measured")
    else:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:3]), pieces=sys.argv[3:])
