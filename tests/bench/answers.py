"""Verdicts on labelled pairs of answers, ours beside plain math-verify: `python tests/bench/answers.py [FILE …]`.

A FILE holds JSON lines: two answers (`answer_a` and `answer_b`, or `gold` and `answer`), the label (`equivalent` or
`right`; null: nobody can say), perhaps a `kind` and a `problem`. Without one, the pairs of tests/unit/answers count.
Printed are the share judged as labelled, false "same", false "differ", open ones, pairs a second, and with `--wrong`
the pairs themselves. Plain math-verify is `verify(parse(gold), parse(answer))`, each text as it stands, and once more
each put between dollar signs where it has none; what it cannot read is a "differ", as its own metric takes it. It runs
in this process, one pair after the other; ours runs in its processes, and once more with either side as gold.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rlkd_data.answers.final import final_answer
from rlkd_data.answers.verify import Job, Verdict, Verifier
from rlkd_data.schema import Domain

OWN = Path(__file__).resolve().parents[1] / "unit" / "answers" / "answer_pairs.jsonl"


@dataclass(frozen=True, slots=True)
class Labelled:
    name: str
    gold: str
    answer: str
    label: bool | None
    kind: str
    problem: str | None

    def job(self, *, swapped: bool = False) -> Job:
        gold, answer = (self.answer, self.gold) if swapped else (self.gold, self.answer)
        domain: Domain = "science" if self.kind == "choice_letter" else "math"
        return Job(final_answer(gold) or gold, final_answer(answer) or answer, domain, self.problem)


def read_pairs(path: Path) -> list[Labelled]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [
        Labelled(
            row.get("id", str(number)),
            row["answer_a"] if "answer_a" in row else row["gold"],
            row["answer_b"] if "answer_b" in row else row["answer"],
            row["equivalent"] if "equivalent" in row else row["right"],
            row.get("kind", path.stem),
            row.get("problem"),
        )
        for number, row in enumerate(rows)
    ]


def ours(pairs: Sequence[Labelled], *, swapped: bool = False) -> list[Verdict]:
    with Verifier() as verifier:
        verifier.verify("\\sqrt{2}+x", "\\sqrt{3}+x", "math")  # the processes are there
        return list(verifier.verify_all(pair.job(swapped=swapped) for pair in pairs))


def plain(gold: str, answer: str) -> bool | None:
    from math_verify import parse, verify

    return bool(verify(parse(gold, parsing_timeout=None), parse(answer, parsing_timeout=None), timeout_seconds=None))


def in_dollars(gold: str, answer: str) -> bool | None:
    return plain(*(text if "$" in text or "\\boxed" in text else f"${text}$" for text in (gold, answer)))


def each(judge: Callable[[str, str], bool | None], pairs: Sequence[Labelled]) -> list[bool | None]:
    return [judge(pair.gold, pair.answer) for pair in pairs]


def timed(judge: Callable[[], Sequence[bool | None]]) -> tuple[list[bool | None], float]:
    start = time.perf_counter()
    found = list(judge())
    return found, len(found) / (time.perf_counter() - start)


def show(name: str, pairs: Sequence[Labelled], verdicts: Sequence[bool | None], rate: float | None) -> None:
    counts = Counter((pair.label, verdict) for pair, verdict in zip(pairs, verdicts, strict=True))
    right = sum(count for (label, verdict), count in counts.items() if label == verdict)
    same = counts[False, True] + counts[None, True]
    print(
        f"  {name:<28} {right / len(pairs):7.1%} as labelled   {same:3d} false same   {counts[True, False]:3d} false "
        f"differ   {sum(n for (_, verdict), n in counts.items() if verdict is None):3d} open"
        + (f"   {rate:8.0f} pairs/s" if rate else "")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=[OWN])
    parser.add_argument("--wrong", action="store_true", help="print the pairs that ours does not judge as labelled")
    chosen = parser.parse_args()
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    plain("1", "1")
    for path in chosen.files:
        pairs = read_pairs(path)
        print(f"{path.name}: {len(pairs)} pairs")
        said: list[Verdict] = []

        def judged(pairs: Sequence[Labelled] = pairs, said: list[Verdict] = said) -> list[bool | None]:
            said.extend(ours(pairs))
            return [verdict.is_correct for verdict in said]

        show("ours", pairs, *timed(judged))
        show("ours, sides exchanged", pairs, [v.is_correct for v in ours(pairs, swapped=True)], None)
        for name, judge in (("math-verify", plain), ("math-verify, in dollar signs", in_dollars)):
            show(name, pairs, *timed(partial(each, judge, pairs)))
        for pair, verdict in zip(pairs, said, strict=True):
            if chosen.wrong and verdict.is_correct is not pair.label:
                print(f"    {pair.name} {pair.kind}: labelled {pair.label}, {verdict.is_correct} ({verdict.how})")
                print(f"      {pair.gold[-150:]!r}\n      {pair.answer[-150:]!r}")


if __name__ == "__main__":
    main()
