"""The figures of an evaluation, a value a problem: what intervals and comparisons are made of. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rlkd_data.structure.kinds import KINDS
from rlkd_data.tables import read_rows
from rlkd_train.evaluate.diversity import (
    branch_entropy,
    distinct_answers,
    distinct_first_steps,
    distinct_paths,
    entropy,
)
from rlkd_train.evaluate.metrics import mean
from rlkd_train.evaluate.passes import cons_at_n, pass_at_every_k
from rlkd_train.evaluate.samples import SAMPLES, Sample
from rlkd_train.evaluate.verdicts import LOST, reason_of, says_nothing

Values = dict[str, dict[str, float]]
"""figure -> problem_id -> value, of the problems that have one."""


def read_samples(folder: Path) -> list[Sample]:
    """The samples of an evaluation's folder, those of a problem in the order in which they were drawn."""
    rows: list[Sample] = list(read_rows(folder, SAMPLES))
    return sorted(rows, key=lambda row: (row.problem_id, row.sampling.sample_index))


def by_problem(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """The samples of each problem, in their order."""
    found: dict[str, list[Sample]] = {}
    for one in samples:
        found.setdefault(one.problem_id, []).append(one)
    return found


def judged(group: Sequence[Sample]) -> bool:
    """Whether a problem's samples can be right or wrong at all: not where its gold answer judges nobody."""
    return not all(one.is_correct is None and says_nothing(one.verification) for one in group)


def values(samples: Iterable[Sample]) -> Values:
    """Every figure, by problem:

    - of problems whose gold answer can judge, where a sample that nobody can judge counts as not right: `pass@1` …
      `pass@k`, `avg@k` (pass@1 under its other name), `cons@k`; `pass@1 at most` counts it as right instead;
    - of samples that are whole replies, a problem's mean: `completion tokens`, `truncated`, `format` (those in the
      whole form);
    - where structure was measured, of scored samples, a problem's mean: `structure`, `prefix`, `step precision`,
      `step recall`, `steps`, `abandoned`, `kind: …` (shares of the steps);
    - of problems with two samples or more: `distinct answers`, `answer entropy`; where paths are known, `distinct first
      steps`, `distinct paths`, `path entropy`, `branch entropy` (bits).

    pass@k and cons@k are those of the smallest number of samples that a judged problem has.
    """
    groups = by_problem(samples)
    found: Values = {}
    right = {name: [one.is_correct is True for one in group] for name, group in groups.items() if judged(group)}
    k = min(map(len, right.values()), default=0)
    for name, flags in right.items():
        for number, value in enumerate(pass_at_every_k(flags)[:k], 1):
            found.setdefault(f"pass@{number}", {})[name] = value
    if k > 1:
        found[f"avg@{k}"] = found["pass@1"]
        found[f"cons@{k}"] = {name: cons_at_n([vote_of(one) for one in groups[name]], right[name]) for name in right}
    found["pass@1 at most"] = {
        name: sum(one.is_correct is not False for one in groups[name]) / len(groups[name]) for name in right
    }
    for figure, of_sample in _OF_SAMPLES.items():
        found[figure] = _means(groups, of_sample)
    for figure, of_group in _OF_GROUPS.items():
        told = {name: of_group(group) for name, group in groups.items() if len(group) > 1}
        found[figure] = {name: value for name, value in told.items() if value is not None}
    return {figure: told for figure, told in found.items() if told}


def vote_of(one: Sample) -> str | None:
    """The answer that a sample votes for; of a table that was written before votes were kept, its own."""
    return one.vote if one.verdict is not None else one.final_answer


def lost(one: Sample) -> bool:
    """Whether a sample is no whole reply, so that it has no length and no form."""
    return one.verification.startswith(LOST)


def _means(groups: dict[str, list[Sample]], of_sample: Callable[[Sample], float | None]) -> dict[str, float]:
    means = {
        name: mean([value for one in group if (value := of_sample(one)) is not None and math.isfinite(value)])
        for name, group in groups.items()
    }
    return {name: value for name, value in means.items() if value is not None}


def _whole(of_sample: Callable[[Sample], float | None]) -> Callable[[Sample], float | None]:
    return lambda one: None if lost(one) else of_sample(one)


def _share_of_kind(kind: str) -> Callable[[Sample], float | None]:
    return lambda one: one.kinds.count(kind) / len(one.kinds) if one.kinds else None


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


_OF_SAMPLES: dict[str, Callable[[Sample], float | None]] = {
    "completion tokens": _whole(lambda one: float(one.completion_tokens)),
    "truncated": _whole(lambda one: float(one.truncated)),
    "format": lambda one: None if one.format is None else float(one.format == 1.0),
    "structure": lambda one: one.structure,
    "prefix": lambda one: _number(one.prefix),
    "step precision": lambda one: one.step_precision,
    "step recall": lambda one: one.step_recall,
    "steps": lambda one: _number(one.n_steps),
    "abandoned": lambda one: one.abandoned if one.kinds else None,
} | {f"kind: {kind}": _share_of_kind(kind) for kind in KINDS}


def _paths(group: Sequence[Sample]) -> list[tuple[int, ...]]:
    return [tuple(one.path) for one in group if one.path is not None]


def _of_paths(of_paths: Callable[[list[tuple[int, ...]]], float]) -> Callable[[Sequence[Sample]], float | None]:
    def found(group: Sequence[Sample]) -> float | None:
        paths = _paths(group)
        return float(of_paths(paths)) if len(paths) > 1 else None

    return found


_OF_GROUPS: dict[str, Callable[[Sequence[Sample]], float | None]] = {
    "distinct answers": lambda group: float(distinct_answers([vote_of(one) for one in group])),
    "answer entropy": lambda group: entropy(vote for one in group if (vote := vote_of(one)) is not None),
    "distinct first steps": _of_paths(distinct_first_steps),
    "distinct paths": _of_paths(distinct_paths),
    "path entropy": _of_paths(entropy),
    "branch entropy": _of_paths(branch_entropy),
}

GROWING = frozenset(_OF_GROUPS)
"""Figures that grow with the number of samples, so that they are compared at the same k alone."""
COUNTS = GROWING | {"completion tokens", "prefix", "steps"}
"""Figures that are no shares: where all their values lie in [0, 1], that is chance."""


def unjudged(samples: Iterable[Sample]) -> dict[str, int]:
    """Samples without a verdict, by reason; the most frequent first."""
    reasons = Counter(reason_of(one.verification) for one in samples if one.is_correct is None)
    return dict(reasons.most_common())
