"""How well the kinds of steps are told: steps of real traces that a person has labelled (tests/data/structure).

    python -m tests.bench.kinds

The rules were made after reading the first part; the second was labelled afterwards, before they were run on it. The
floor is kappa 0, chance.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from rlkd_data.schema import Step
from rlkd_data.structure.kinds import KINDS, kind_of
from rlkd_train.evaluate.metrics import agreement

LABELLED = Path(__file__).resolve().parents[1] / "data" / "structure" / "kinds.jsonl"


def kappa(labels: list[str], found: list[str]) -> float:
    """Cohen's kappa of several classes (Cohen 1960)."""
    same = sum(map(str.__eq__, labels, found)) / len(labels)
    left, right = Counter(labels), Counter(found)
    chance = sum(left[kind] * right[kind] for kind in left) / len(labels) ** 2
    return (same - chance) / (1 - chance)


def main() -> None:
    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()]
    for name, held_out in (("read before the rules were made", False), ("held out", True)):
        some = [row for row in rows if row["held_out"] is held_out]
        labels = [row["kind"] for row in some]
        found = [str(kind_of(Step(1, "", "", row["text"]))) for row in some]
        right = sum(map(str.__eq__, labels, found))
        print(f"{name}: {len(some)} steps, accuracy {right / len(some):.2f}, kappa {kappa(labels, found):.2f}")
        for kind in KINDS:
            one = agreement([label == kind for label in labels], [told == kind for told in found])
            values = ((name, getattr(one, name)) for name in ("precision", "recall", "kappa"))
            told = ", ".join(f"{name} {'–' if value is None else f'{value:.2f}'}" for name, value in values)
            print(f"  {kind} ({labels.count(kind)}): {told}")


if __name__ == "__main__":
    main()
