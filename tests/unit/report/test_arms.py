"""Several seeds of an arm on the page: one curve with a band, one column, their samples together."""

import json

import pytest

from rlkd_data.config import ReportSettings
from rlkd_data.errors import InputError
from rlkd_data.report.build import report
from rlkd_data.report.gather import gather
from rlkd_data.report.over_seeds import over_seeds
from tests.support.report_rows import sample, write_evaluation, write_on_the_way, write_run

ENDS = {"pass@1": {"low": 0.0, "high": 1.0}}


@pytest.fixture
def grid(tmp_path):
    """Two arms: `rlkd` of three seeds, of which the last one ended early, and `sft` of one run."""
    for seed, steps in ((1, (0, 5, 10)), (2, (0, 5, 10)), (3, (0, 5))):
        log = [{"step": step, "loss": seed + step, "grad_norm": float("nan")} for step in (1, 2)]
        run = write_run(tmp_path / f"rlkd-seed{seed}", [*log, {"step": 2, "loss": seed + 3, "epoch": 1}])
        told = [(step, [sample("p", seed == 1)], {"pass@1": step / 10 + seed / 100}, ENDS) for step in steps]
        write_on_the_way(run, told)
    write_on_the_way(write_run(tmp_path / "sft", []), [(0, [sample("p", True)], {"pass@1": 0.5}, ENDS)])
    return tmp_path


def test_seeds_of_an_arm_are_one_curve_with_a_band(grid):
    found = gather([grid], seeds=True)
    rlkd, sft = found["curves"]
    assert (rlkd["name"], rlkd["seeds"], sft["name"], sft["seeds"]) == ("rlkd", 3, "sft", 1)
    assert [point[0] for point in rlkd["points"]["pass@1"]] == [0, 5]
    assert rlkd["cut"] == [5, 10] and "cut" not in sft  # the third seed ended early
    assert rlkd["points"]["pass@1"][1] == pytest.approx((5, 0.52, 0.51, 0.53))
    assert sft["points"]["pass@1"] == [(0, 0.5, 0.0, 1.0)]  # of a single run it is the interval over problems


def test_what_trainers_logged_is_averaged_step_by_step(grid):
    [run] = gather([grid], seeds=True)["runs"]
    assert (run["name"], run["seeds"]) == ("rlkd", 3)
    assert run["log"] == [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 5.0, "epoch": 1.0}]
    assert [line["loss"] for line in run["low"]] == [2, 4] and [line["loss"] for line in run["high"]] == [4, 6]


def test_evaluations_of_an_arm_are_one_column_and_its_samples_stand_together(grid):
    found = gather([grid], seeds=True)
    told = {one["name"]: one for one in found["evaluations"]}
    assert list(told) == ["rlkd/step-0", "rlkd/last", "sft/step-0"]
    first = told["rlkd/step-0"]
    assert first["seeds"] == 3 and first["figures"] == pytest.approx(
        {"pass@1": 0.02, "pass@1 low": 0.01, "pass@1 high": 0.03}
    )
    [problem] = found["problems"]
    of_arm = [one for one in problem["samples"] if one["evaluation"] == "rlkd/last"]
    assert [one["run"] for one in of_arm] == ["rlkd-seed1/step-10", "rlkd-seed2/step-10", "rlkd-seed3/step-5"]
    assert problem["samples"][-1]["evaluation"] == "sft/step-0" and problem["samples"][-1]["run"] is None


def test_evaluations_of_their_own_are_grouped_as_runs_are(tmp_path):
    for seed in (1, 2):
        write_evaluation(tmp_path / f"eval-s{seed}", [sample("p", True)], **{"pass@1": seed / 2, "problems": 1})
    [one] = gather([tmp_path], seeds=True)["evaluations"]
    told = {"pass@1": 0.75, "pass@1 low": 0.5, "pass@1 high": 1.0, "problems": 1}
    assert (one["name"], one["seeds"], one["figures"]) == ("eval", 2, told)


def test_arms_are_those_that_are_given_or_of_a_comparison_on_the_page(grid):
    one, two, three = (grid / f"rlkd-seed{seed}" for seed in (1, 2, 3))
    given = gather([grid / "sft", three], {"RLKD": [one, two]})
    assert [(arm["name"], arm["seeds"]) for arm in given["curves"]] == [("sft", 1), ("rlkd-seed3", 1), ("RLKD", 2)]
    assert [arm["name"] for arm in gather([grid])["curves"]] == ["rlkd-seed1", "rlkd-seed2", "rlkd-seed3", "sft"]
    (grid / "compared").mkdir()
    arms = [{"arm": "ours", "runs": [str(one), str(two), str(three)]}, {"arm": "odd"}, 3]
    held = {"arms": arms, "measured": [], "differences": [], "notes": [], "baseline": "ours", "level": 0.05}
    (grid / "compared" / "compare.json").write_text(json.dumps(held))
    assert [(arm["name"], arm["seeds"]) for arm in gather([grid])["curves"]] == [("ours", 3), ("sft", 1)]


def test_a_run_in_two_arms_is_refused(grid):
    with pytest.raises(InputError, match=r"rlkd-seed1 is given twice \(arms a and b\): give each run once"):
        gather([grid], {"a": [grid / "rlkd-seed1"], "b": [grid / "rlkd-seed1"]})


def test_a_folder_of_runs_is_no_run_of_an_arm(grid):
    with pytest.raises(InputError, match=r"arm a: .* is no training run and no evaluation"):
        gather([grid / "sft"], {"a": [grid]})


def test_the_stage_takes_arms(grid):
    arms = {"RLKD": tuple(grid / f"rlkd-seed{seed}" for seed in (1, 2))}
    settings = ReportSettings(tables=(grid / "sft",), arms=arms)
    report(settings, grid / "out")
    assert '"name":"RLKD","stage":"grpo","seeds":2' in (grid / "out" / "report.html").read_text()


def test_runs_without_a_common_step_have_no_curve():
    assert over_seeds([{1: (0.5, None, None)}, {2: (0.5, None, None)}]) == []
    assert over_seeds([]) == []
