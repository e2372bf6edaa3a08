"""`rlkd-train compare`: arms × figures with intervals, and each arm against the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from rlkd_data.errors import InputError
from rlkd_data.report.arms import Arm
from rlkd_train.compare.how import differing, each
from rlkd_train.compare.paired import Difference, Values, differences, shared
from rlkd_train.compare.values import Evaluated, read
from rlkd_train.evaluate.by_problem import COUNTS, GROWING
from rlkd_train.evaluate.intervals import estimate

_OF_K = ("pass@", "cons@", "avg@")
"""Figures of a number of samples, which only some runs have where they have different ones."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An arm's figure: the mean over `problems`, those that all arms share, with its interval over problems
    (`evaluate.intervals`), where there are two. `by_seed` are the runs' own means, and `seed_sd` their standard
    deviation, where there are several."""

    arm: str
    figure: str
    value: float
    low: float | None
    high: float | None
    problems: int
    by_seed: tuple[float, ...]
    seed_sd: float | None


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. `notes` say what the arms do not have in common. `paired`: their seeds are pairs."""

    arms: tuple[Arm, ...]
    models: dict[str, tuple[str, ...]]
    baseline: str
    level: float
    measured: tuple[Measured, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    paired: bool = False

    @property
    def figures(self) -> list[str]:
        return list(dict.fromkeys(one.figure for one in self.measured))

    def as_json(self) -> dict[str, Any]:
        """The whole of it as JSON values."""
        return {
            "arms": [{"arm": arm.name, "runs": [str(path) for path in arm.runs]} for arm in self.arms],
            "models": {name: list(models) for name, models in self.models.items()},
            "baseline": self.baseline,
            "level": self.level,
            "paired": self.paired,
            "measured": [asdict(one) for one in self.measured],
            "differences": [asdict(one) for one in self.differences],
            "notes": list(self.notes),
        }


def compare(
    arms: Sequence[Arm],
    baseline: str | None = None,
    figures: Sequence[str] = (),
    level: float = 0.05,
    seed: int = 0,
    *,
    paired: bool = False,
) -> Comparison:
    """Compare the evaluations of these arms on the problems that all of them have. `paired`: the n-th runs of all arms
    are of one training seed, as `paired.differences` says. Raises InputError for a folder without an evaluation, a
    baseline or figure that is not there, arms that share no problem, and pairs of arms with different numbers of runs.
    """
    names = [arm.name for arm in arms]
    against = baseline or names[0]
    if against not in names:
        raise InputError(f"--baseline {against}: no arm is called so; there are {', '.join(names)}")
    if paired and len({len(arm.runs) for arm in arms}) > 1:
        each_has = ", ".join(f"{arm.name} {len(arm.runs)}" for arm in arms)
        raise InputError(f"paired: runs are paired in the order given, and arms have different numbers ({each_has})")
    evaluated = {arm.name: [read(path) for path in arm.runs] for arm in arms}
    runs = [run for found in evaluated.values() for run in found]
    known = _wanted(runs, figures)
    measured: list[Measured] = []
    told: list[Difference] = []
    for figure in known:
        by_arm: dict[str, Sequence[Values]] = {
            name: [run.figures.get(figure, {}) for run in found] for name, found in evaluated.items()
        }
        problems = shared(*(run for found in by_arm.values() for run in found))
        if not problems:
            continue
        measured += [_measured(name, figure, found, problems, level, seed) for name, found in by_arm.items()]
        alike = {name: [{one: run[one] for one in problems} for run in found] for name, found in by_arm.items()}
        told += differences(figure, alike, against, level=level, seed=seed, paired=paired)
    if not measured:
        raise InputError(f"{', '.join(names)} have no problem in common: evaluate them on the same problems")
    models = {name: tuple(dict.fromkeys(run.model for run in found)) for name, found in evaluated.items()}
    notes = tuple(_notes(evaluated, known, measured))
    return Comparison(tuple(arms), models, against, level, tuple(measured), tuple(told), notes, paired)


def _wanted(runs: Sequence[Evaluated], figures: Sequence[str]) -> list[str]:
    """The figures that all runs have, or those that were asked for of them."""
    common = [name for name in runs[0].figures if all(name in run.figures for run in runs)]
    for name in figures:
        if name not in common:
            raise InputError(f"--figure {name}: not every run has it; all have {', '.join(common)}")
    one_k = len({run.k for run in runs}) == 1
    return list(figures) or [name for name in runs[0].main if name in common and (one_k or name not in GROWING)]


def _drawn_with(name: str, run: Evaluated) -> Any:
    return run.sampling[name]


def _each(evaluated: Mapping[str, Sequence[Evaluated]], of_run: Callable[[Evaluated], Any]) -> str:
    return each({arm: list(dict.fromkeys(map(of_run, found))) for arm, found in evaluated.items()})


def _measured(
    name: str, figure: str, runs: Sequence[Values], problems: Sequence[str], level: float, seed: int
) -> Measured:
    values_SP = np.array([[run[one] for one in problems] for run in runs])
    by_seed = values_SP.mean(axis=1)
    found = estimate(values_SP.mean(axis=0).tolist(), seed=seed, level=1 - level, counts=figure in COUNTS)
    assert found is not None
    sd = float(by_seed.std(ddof=1)) if len(runs) > 1 else None
    return Measured(name, figure, found.value, found.low, found.high, len(problems), tuple(map(float, by_seed)), sd)


def _notes(
    evaluated: Mapping[str, Sequence[Evaluated]], figures: Sequence[str], measured: Sequence[Measured]
) -> list[str]:
    runs = [run for found in evaluated.values() for run in found]
    notes = []
    every = set[str]().union(*(values for run in runs for values in run.figures.values()))
    for figure in figures:
        held = next((one.problems for one in measured if one.figure == figure), 0)
        if held < len(every):
            notes.append(f"{figure}: compared on the {held:,} problems that every run has, of {len(every):,}")
    lacking: dict[tuple[str, ...], list[str]] = {}
    for figure in dict.fromkeys(figure for run in runs for figure in run.main if not figure.startswith(_OF_K)):
        without = tuple(arm for arm, found in evaluated.items() if any(figure not in run.figures for run in found))
        if without and figure not in GROWING:
            lacking.setdefault(without, []).append(figure)
    for arms, names in lacking.items():
        notes.append(f"{', '.join(names)}: left out, for it is not known of {' and '.join(arms)}")
    for name in ("temperature", "top_p", "max_tokens"):
        if len({str(run.sampling[name]) for run in runs}) > 1:
            told = _each(evaluated, partial(_drawn_with, name))
            notes.append(f"the runs were sampled with another {name} ({told}): what differs may be that")
    if len({run.k for run in runs}) > 1:
        notes.append(
            f"the runs have another number of samples a problem ({_each(evaluated, lambda run: run.k)}): figures that "
            "grow with it are left out"
        )
    if len({run.step for run in runs if run.step is not None}) > 1:
        told = _each(evaluated, lambda run: "by itself" if run.step is None else run.step)
        notes.append(f"the last evaluations are of different steps ({told}): runs of different length are compared")
    notes += differing({arm: [run.how for run in found] for arm, found in evaluated.items()})
    if any(len(found) == 1 for found in evaluated.values()):
        notes.append(
            "an arm of one run says nothing about another training seed: its difference holds for these weights, over "
            "problems like these"
        )
    return notes
