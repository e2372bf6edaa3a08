"""How much of a difference other problems would change, and how much another training seed. Pure.

A run's figure varies because its problems are a sample of problems, because its completions are a sample of what the
model would write, and because the model would be another with another seed of its training. For an arm of S runs on the
same P problems, x_sp being the mean of run s on problem p, the crossed model x_sp = μ + problem_p + seed_s + rest_sp
(Searle, Casella & McCulloch 1992, "Variance Components", section 4.2) has

    E MS_seed = σ²_rest + P σ²_seed        E MS_rest = σ²_rest
    E MS_problem = σ²_rest + S σ²_problem

`rest` holds the sampling of completions, and what a seed does to single problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Components:
    """Variances: of problems' true values, of runs' true means, and of the rest, a run and problem. `seed` is None of a
    single run, where it cannot be told from nothing; `problem` then holds the rest too, which is 0."""

    problems: int
    seeds: int
    problem: float
    seed: float | None
    rest: float

    @property
    def of_seeds(self) -> float:
        """What the seeds add to the variance of the arm's mean; 0 where it is not known."""
        return (self.seed or 0.0) / self.seeds


def components(values_SP: Sequence[Sequence[float]]) -> Components:
    """The variances of S runs on P problems, by the analysis of variance; one that comes out below 0 is 0. Raises
    ValueError for runs of different length, or without a problem."""
    x = np.asarray(values_SP, dtype=float)
    if x.ndim != 2 or not x.shape[1]:
        raise ValueError("variance components need runs on the same problems, at least one of each")
    seeds, problems = x.shape
    by_problem, by_seed, whole = x.mean(axis=0), x.mean(axis=1), x.mean()
    between = float(((by_problem - whole) ** 2).sum() / max(1, problems - 1))
    if seeds == 1:
        return Components(problems, 1, between, None, 0.0)
    rest_sp = x - by_problem[None, :] - by_seed[:, None] + whole
    ms_rest = float((rest_sp**2).sum() / max(1, (problems - 1) * (seeds - 1)))
    ms_seed = float(problems * ((by_seed - whole) ** 2).sum() / (seeds - 1))
    return Components(
        problems,
        seeds,
        problem=max(0.0, between - ms_rest / seeds),
        seed=max(0.0, (ms_seed - ms_rest) / problems),
        rest=ms_rest,
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard error of a difference by cause: other problems (and other completions), other seeds; the degrees of
    freedom of both together. `seeds` is None where an arm has one run, which tells nothing of seeds."""

    problems: float
    seeds: float | None
    freedom: float

    @property
    def both(self) -> float:
        return float(np.hypot(self.problems, self.seeds or 0.0))


def spread(se_problems: float, problems: int, arms: Sequence[Components]) -> Spread:
    """The standard error of a difference between arms: `se_problems` is that of the paired differences of the arms'
    means over the problems. Degrees of freedom are Satterthwaite's (1946), P − 1 and S − 1 being those of the parts."""
    known = [arm for arm in arms if arm.seed is not None]
    parts = [(se_problems**2, problems - 1)] + [(arm.of_seeds, arm.seeds - 1) for arm in known]
    total = sum(variance for variance, _ in parts)
    below = sum(variance**2 / freedom for variance, freedom in parts if freedom > 0)
    freedom = total**2 / below if below > 0 else float(max(1, problems - 1))
    of_seeds = sum(arm.of_seeds for arm in known) ** 0.5
    return Spread(se_problems, of_seeds if len(known) == len(arms) else None, freedom)
