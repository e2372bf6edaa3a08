"""What the steps on a page do, of right traces and of wrong ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rlkd_data.structure.kinds import KINDS


def by_answer(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the rows whose answers are right, wrong and not verified, where there are some with steps: how many rows, how
    many steps of each kind, and the mean share of steps that came to nothing."""
    found = []
    for name, correct in (("right", True), ("wrong", False), ("not verified", None)):
        chosen = [row for row in rows if row["kinds"] and row["correct"] is correct]
        if not chosen:
            continue
        counts = Counter(kind for row in chosen for kind in row["kinds"])
        found.append(
            {
                "answer": name,
                "rows": len(chosen),
                "kinds": [[kind, counts[kind]] for kind in KINDS if counts[kind]],
                "abandoned": sum(row["abandoned"] or 0.0 for row in chosen) / len(chosen),
            }
        )
    return found
