"""Paired differences: the noise of problems and that of seeds apart, and neither taken for a finding."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from rlkd_train.compare.noise import components
from rlkd_train.compare.paired import Difference, Values, shared
from rlkd_train.compare.paired import differences as all_differences
from rlkd_train.compare.written import verdict

differences = partial(all_differences, draws=400)


def runs_of(values_SP: NDArray[np.float64]) -> list[Values]:
    """Runs whose values are shares of 100 samples, which are tested fast."""
    return [{str(number): round(float(value), 2) for number, value in enumerate(row)} for row in values_SP]


def drawn(
    rng: np.random.Generator,
    problems: NDArray[np.float64],
    seeds: int,
    seed_sd: float,
    sample_sd: float,
    more: float = 0.0,
) -> list[Values]:
    own = rng.normal(0, seed_sd, (seeds, 1))
    return runs_of(problems + more + own + rng.normal(0, sample_sd, (seeds, len(problems))))


def test_components_are_found_again() -> None:
    rng = np.random.default_rng(0)
    true = {"problem": 0.09, "seed": 0.0016, "rest": 0.04}
    found = [
        components(rng.normal(0, 0.3, 60) + rng.normal(0, 0.04, (4, 1)) + rng.normal(0, 0.2, (4, 60)))
        for _ in range(200)
    ]
    for name, value in true.items():
        assert np.mean([getattr(one, name) for one in found]) == pytest.approx(value, rel=0.12)
    assert components([[0.1, 0.5, 0.9]]).seed is None
    with pytest.raises(ValueError, match="at least one"):
        components([[], []])


def rate(told: list[bool]) -> float:
    return sum(told) / len(told)


def test_noise_of_seeds_is_no_finding_where_several_were_run() -> None:
    """Arms that differ by chance of their seeds alone: over problems they do differ, as another seed would not."""
    rng = np.random.default_rng(1)
    found: list[Difference] = []
    for _ in range(250):
        problems = rng.uniform(0, 1, 40)
        arms = {name: drawn(rng, problems, 4, 0.05, 0.1) for name in "ab"}
        found += differences("x", arms, "a")
    assert rate([one.p < 0.05 for one in found]) > 0.3
    assert 0.015 < rate([one.told for one in found]) < 0.085
    inside = rate([one.low <= 0 <= one.high for one in found])
    assert 0.915 < inside < 0.985


def started(rng: np.random.Generator, problems: NDArray[np.float64], more: float) -> dict[str, list[Values]]:
    """Two arms of five seeds each, whose n-th runs begin at one start; starts differ more than anything else."""
    start = rng.normal(0, 0.1, (5, 1))
    return {
        name: runs_of(problems + start + gain + rng.normal(0, 0.01, (5, 1)) + rng.normal(0, 0.1, (5, len(problems))))
        for name, gain in (("a", 0.0), ("b", more))
    }


def test_what_pairs_of_seeds_have_in_common_is_no_noise() -> None:
    rng = np.random.default_rng(7)
    told: dict[tuple[float, bool], list[bool]] = {}
    inside = []
    for _ in range(150):
        problems = rng.uniform(0, 1, 40)
        for more in (0.0, 0.05):
            arms = started(rng, problems, more)
            for paired in (False, True):
                (one,) = differences("x", arms, "a", paired=paired)
                told.setdefault((more, paired), []).append(one.told)
                if paired:
                    inside.append(one.low <= more <= one.high)
    assert rate(told[0.0, True]) < 0.085
    assert rate(told[0.05, False]) < 0.2
    assert rate(told[0.05, True]) > 0.9
    assert 0.915 < rate(inside) < 0.985


def test_noise_of_problems_is_no_finding() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(250):
        problems = rng.uniform(0.2, 0.8, 40)
        arms = {name: runs_of(rng.binomial(4, problems)[None, :] / 4) for name in "ab"}
        found += differences("x", arms, "a")
    assert rate([one.told for one in found]) < 0.085
    assert all(one.p_seeds is None and one.noise.seeds is None for one in found)


def test_a_true_difference_is_found_though_the_problems_differ_more() -> None:
    rng = np.random.default_rng(3)
    problems = rng.uniform(0, 1, 60)
    (found,) = differences(
        "x", {"a": drawn(rng, problems, 3, 0.01, 0.1), "b": drawn(rng, problems, 3, 0.01, 0.1, 0.1)}, "a"
    )
    assert found.told and found.difference == pytest.approx(0.1, abs=0.03)
    assert found.low < 0.1 < found.high and found.higher > found.lower
    assert found.detectable is not None and found.detectable < 0.1


def test_what_could_be_found_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    found = []
    for _ in range(200):
        problems = rng.uniform(0, 1, 50)
        found += differences(
            "x", {"a": drawn(rng, problems, 1, 0, 0.2), "b": drawn(rng, problems, 1, 0, 0.2, 0.112)}, "a"
        )
    assert np.mean([one.detectable or 0 for one in found]) == pytest.approx(0.112, rel=0.05)
    assert 0.7 < rate([one.told for one in found]) < 0.9


def test_several_arms_are_corrected_for_being_several() -> None:
    base = {str(n): 0.0 for n in range(12)}
    other = {str(n): float(n < 6) for n in range(12)}
    (one,) = differences("x", {"a": [base], "b": [other]}, "a")
    two = differences("x", {"a": [base], "b": [other], "c": [other]}, "a")
    assert one.p == one.p_family == pytest.approx(2 / 2**6) and one.told
    assert [each.p_family for each in two] == pytest.approx([4 / 2**6] * 2) and not any(each.told for each in two)


def test_only_shared_problems_are_compared() -> None:
    assert shared({"1": 0.0, "2": 1.0}, {"2": 0.0, "3": 0.0}) == ["2"] and shared() == []
    (found,) = differences("x", {"a": [{"1": 0.0, "2": 1.0}], "b": [{"2": 0.0, "3": 0.0}]}, "a")
    assert found.problems == 1 and found.difference == -1.0
    assert differences("x", {"a": [{"1": 0.0}], "b": [{"2": 0.0}]}, "a") == []


def test_arms_that_are_the_same_differ_in_nothing() -> None:
    run = {str(n): n / 7 for n in range(20)}
    for arms in ({"a": [run], "b": [run]}, {"a": [run, run], "b": [run, run]}):
        (found,) = differences("x", arms, "a")
        assert (found.difference, found.equal, found.p_family, found.told) == (0.0, 20, 1.0, False)
        assert found.detectable is None


@pytest.mark.parametrize("problems", [1, 2, 4])
def test_a_few_problems_are_no_finding_however_alike_the_seeds_are(problems: int) -> None:
    """All right in one arm, all wrong in the other, without any spread: by t alone that is certain."""
    right, wrong = ({str(number): value for number in range(problems)} for value in (1.0, 0.0))
    [one] = differences("pass@1", {"a": [wrong, wrong], "b": [right, right]}, "a")
    assert one.p_seeds == one.p == 2 ** (1 - problems) and not one.told
    assert (one.low is None) == (problems == 1)
    said = "one problem" if problems == 1 else f"{problems} problems"
    assert verdict(one) == f"not to be told from chance ({said})"
