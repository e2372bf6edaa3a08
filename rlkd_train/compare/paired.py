"""The difference of two arms on the problems that they share: how large, how sure, and whether it may be chance. Pure.

Each problem is its own control: what is compared is x_A − x_B problem by problem, x being an arm's mean over its
samples and seeds. The problems' difficulty, which is most of the noise of either arm, falls out (Miller 2024, "Adding
Error Bars to Evals", arXiv 2411.00640, section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlkd_train.compare.exact import holm, sign_flips
from rlkd_train.compare.noise import Components, Spread, components, spread
from rlkd_train.evaluate.intervals import DRAWS, bootstrap_interval

_POWER = 0.8
_TIE = 1e-12

Values = Mapping[str, float]
"""A figure of one run, by problem."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`arm` less `baseline` in one figure, over `problems` shared ones, with an interval of `1 − level`.

    `p` and `test`: the exact test over problems, which takes the runs as they are. `p_seeds`: of the difference beside
    the noise of problems and of seeds together, by t with `noise.freedom`, and not below `p`, which knows less noise;
    None where an arm has one run. `p_family` is the one of the two that decides, after Holm's correction among the arms
    that are compared in this figure; `told` is whether it is below the level. `detectable` is the difference that would
    be found four times in five; None where there is no noise to tell it by. `higher`, `equal` and `lower` count
    problems.
    """

    figure: str
    arm: str
    baseline: str
    difference: float
    low: float | None
    high: float | None
    problems: int
    higher: int
    equal: int
    lower: int
    p: float
    test: str
    p_seeds: float | None
    p_family: float
    told: bool
    detectable: float | None
    noise: Spread

    @property
    def deciding(self) -> float:
        """`p_seeds` where there is one, otherwise `p`: uncorrected."""
        return self.p if self.p_seeds is None else self.p_seeds


def shared(*runs: Values) -> list[str]:
    """The problems that all runs have a value for, in the order of the first."""
    return [name for name in runs[0] if all(name in run for run in runs[1:])] if runs else []


def differences(
    figure: str,
    arms: Mapping[str, Sequence[Values]],
    baseline: str,
    *,
    level: float = 0.05,
    seed: int = 0,
    draws: int = DRAWS,
    paired: bool = False,
) -> list[Difference]:
    """Every other arm against the baseline; `draws` and `seed` are the bootstrap's. `arms` holds the runs of each, one
    a seed; only problems that all runs of both arms have a value for are compared, and an arm that shares none is left
    out. `paired`: the n-th runs of all arms have more in common than problems, such as their start; what they have in
    common is then no noise of the difference. Every arm has as many runs."""
    found = []
    for name, runs in arms.items():
        if name == baseline:
            continue
        problems = shared(*runs, *arms[baseline])
        if problems:
            theirs = [[run[one] for one in problems] for run in runs]
            own = [[run[one] for one in problems] for run in arms[baseline]]
            found.append(_difference(figure, (name, theirs), (baseline, own), level, seed, draws, paired))
    family = holm([one.deciding for one in found])
    return [replace(one, p_family=p, told=p < level) for one, p in zip(found, family, strict=True)]


def _difference(
    figure: str,
    arm: tuple[str, list[list[float]]],
    baseline: tuple[str, list[list[float]]],
    level: float,
    seed: int,
    draws: int,
    paired: bool,
) -> Difference:
    from scipy import stats

    low: float | None
    high: float | None

    differences_P = np.mean(arm[1], axis=0) - np.mean(baseline[1], axis=0)
    differences_P[np.abs(differences_P) < _TIE] = 0.0
    mean, count = float(differences_P.mean()), len(differences_P)
    test = sign_flips(differences_P.tolist(), seed)
    tables_SP = [np.subtract(arm[1], baseline[1])] if paired else [np.asarray(arm[1]), np.asarray(baseline[1])]
    parts: list[Components] = [components(table.tolist()) for table in tables_SP]
    error = float(differences_P.std(ddof=1) / count**0.5) if count > 1 else 0.0
    noise = spread(error, count, parts)
    if noise.seeds is None:
        p_seeds = None
        low, high = bootstrap_interval(differences_P.tolist(), seed=seed, level=1 - level, draws=draws) or (None, None)
    else:
        by_t = float(2 * stats.t.sf(abs(mean) / noise.both, noise.freedom)) if noise.both else float(mean == 0)
        p_seeds = max(test.p, by_t)
        reach = float(stats.t.ppf(1 - level / 2, noise.freedom)) * noise.both
        low, high = (mean - reach, mean + reach) if count > 1 else (None, None)
    reached = float(stats.norm.ppf(1 - level / 2) + stats.norm.ppf(_POWER)) * noise.both
    return Difference(
        figure=figure,
        arm=arm[0],
        baseline=baseline[0],
        difference=mean,
        low=low,
        high=high,
        problems=count,
        higher=int((differences_P > 0).sum()),
        equal=int((differences_P == 0).sum()),
        lower=int((differences_P < 0).sum()),
        p=test.p,
        test=test.how,
        p_seeds=p_seeds,
        p_family=1.0,
        told=False,
        detectable=reached or None,
        noise=noise,
    )
