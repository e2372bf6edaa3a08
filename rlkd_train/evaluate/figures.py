"""The figures of an evaluation: of the samples, with intervals over problems. Pure."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rlkd_train.evaluate.by_problem import COUNTS, by_problem, judged, lost, unjudged, values
from rlkd_train.evaluate.intervals import Estimate, estimate
from rlkd_train.evaluate.samples import Sample
from rlkd_train.evaluate.shapes import by_accuracy

_FIRST = ("problems", "pass@1", "pass@1 low", "pass@1 high", "completion tokens", "truncated")
"""What is told of each benchmark by itself."""
_PASS = re.compile(r"pass@\d+")


def figures(samples: Sequence[Sample], *, seed: int = 0) -> dict[str, Any]:
    """Each figure of `by_problem.values` as its mean over problems, and under `intervals` what is known of it beyond
    that. `unjudged` are the samples without a verdict, by reason: they are in every denominator of accuracy, but for
    those of `problems not judged`, whose gold answer judges nobody. `seed` is the bootstrap's."""
    groups = by_problem(samples)
    told = {
        figure: estimate(list(found.values()), seed=seed, counts=figure in COUNTS)
        for figure, found in values(samples).items()
    }
    known = {figure: one for figure, one in told.items() if one is not None}
    lengths = [one.completion_tokens for one in samples if not lost(one)]
    found: dict[str, Any] = {
        "problems": len(groups),
        "samples": len(samples),
        "verified": sum(one.is_correct is not None for one in samples),
        "problems not judged": sum(not judged(group) for group in groups.values()),
        "unjudged": unjudged(samples),
    }
    if "pass@1" in known:
        found |= {
            "pass@1": known["pass@1"].value,
            "pass@1 low": known["pass@1"].low,
            "pass@1 high": known["pass@1"].high,
        }
    found |= {figure: one.value for figure, one in known.items()}
    if lengths:
        found["median completion tokens"] = float(statistics.median(lengths))
    found["lost"] = sum(map(lost, samples))
    found["structure unscored"] = sum(one.unscored is not None for one in samples)
    found = {name: value for name, value in found.items() if value not in (None, {})}
    parts = _by_benchmark(samples, seed)
    return found | by_accuracy(samples) | parts | {"intervals": {figure: shown(one) for figure, one in known.items()}}


def _by_benchmark(samples: Sequence[Sample], seed: int) -> dict[str, Any]:
    """The figures of each benchmark, where there are several, or problems of a table beside."""
    names = list(dict.fromkeys(one.benchmark for one in samples))
    if len(names) < 2:
        return {}
    found = {}
    for name in names:
        own = [replace(one, benchmark=None) for one in samples if one.benchmark == name]
        found[name or "tables"] = figures(own, seed=seed)
    return {"by benchmark": found}


def headline(found: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that a stage tells: without their intervals but for pass@1's, and pass@k for the powers of two and
    for all samples. (`figures.json` holds the rest.)"""
    k = max((int(name.removeprefix("pass@")) for name in found if _PASS.fullmatch(name)), default=0)
    parts = found.get("by benchmark", {})
    several = {name: headline(part) for name, part in parts.items()}
    told = {f"{name}: {figure}": part[figure] for name, part in several.items() for figure in _FIRST if figure in part}
    odd = {f"pass@{number}" for number in range(1, k) if number & (number - 1)}
    left_out = odd | {"intervals", "by benchmark", f"avg@{k}"}
    return {name: value for name, value in found.items() if name not in left_out} | told


def shown(one: Estimate) -> dict[str, Any]:
    """An estimate as JSON values, without what it has not."""
    low, high = one.bootstrap or (None, None)
    told = {
        "problems": one.problems,
        "low": one.low,
        "high": one.high,
        "standard error": one.standard_error,
        "bootstrap low": low,
        "bootstrap high": high,
    }
    return {name: value for name, value in told.items() if value is not None}
