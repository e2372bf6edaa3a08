"""`rlkd-train compare` from folders to tables, files and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from rlkd_data.errors import InputError
from rlkd_data.report.arms import named_arms
from rlkd_data.schema import Sampling
from rlkd_data.tables import TableWriter
from rlkd_train.compare.arms import arms
from rlkd_train.compare.curves import points
from rlkd_train.compare.folder import write
from rlkd_train.compare.run import Comparison, compare
from rlkd_train.compare.stage import compare_arms
from rlkd_train.compare.written import chance, markdown, print_comparison
from rlkd_train.config import CompareSettings
from rlkd_train.evaluate.intervals import bootstrap_interval, share_interval
from rlkd_train.evaluate.samples import SAMPLES, Sample
from rlkd_train.on_the_way import ledger
from tests.support.cli import run

Right = Callable[[int, int], bool]


def evaluation(
    folder: Path, right: Right, problems: Sequence[int] = range(12), k: int = 2, tokens: int = 50, scored: bool = True
) -> Path:
    """An evaluation in which sample `i` of problem `n` is right where `right(n, i)`."""
    with TableWriter(folder, SAMPLES) as writer:
        for number in problems:
            for index in range(k):
                correct = right(number, index)
                writer.add(
                    Sample(
                        problem_id=f"p{number}",
                        problem=f"What is {number}?",
                        answer=str(number),
                        model=f"local:{folder.name}",
                        sampling=Sampling(0.7, None, 64, None, index),
                        completion="\\boxed{1}",
                        final_answer="1",
                        is_correct=correct,
                        verification="math-verify",
                        completion_tokens=tokens + number,
                        truncated=False,
                        structure=None if not scored else 0.25 if correct else 0.0,
                        unscored=None,
                        created_at=datetime.now(UTC),
                    )
                )
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    evaluation(root / "base", lambda n, i: n % 4 == 0)
    evaluation(root / "sft-seed1", lambda n, i: n % 4 == 0 or n > 2)
    evaluation(root / "sft-seed2", lambda n, i: n % 4 == 0 or (n + i) > 3, tokens=60)
    evaluation(root / "other", lambda n, i: True, problems=range(50, 55))
    evaluation(root / "some", lambda n, i: n == 1, problems=range(4), k=1)
    evaluation(root / "run" / "evaluations" / "step-5", lambda n, i: False)
    evaluation(root / "run" / "evaluations" / "step-10", lambda n, i: True)
    (root / "nothing").mkdir()
    with TableWriter(root / "empty", SAMPLES):
        pass
    return root


@pytest.fixture(scope="module")
def found(folders: Path) -> Comparison:
    return compare(arms([folders / "base", folders / "sft-seed1", folders / "sft-seed2"], seeds=True))


def test_seeds_of_an_arm_are_averaged_and_their_spread_is_told(found: Comparison) -> None:
    assert [(arm.name, len(arm.runs)) for arm in found.arms] == [("base", 1), ("sft", 2)]
    assert found.figures == [
        *("pass@1", "pass@2", "cons@2", "completion tokens", "truncated", "structure"),
        *("distinct answers", "answer entropy"),
    ]
    base, sft = (one for one in found.measured if one.figure == "pass@1")
    assert base.value == 0.25 and base.seed_sd is None
    assert (base.low, base.high) == share_interval([1.0, 0.0, 0.0, 0.0] * 3)  # 95 %
    assert sft.by_seed == pytest.approx((10 / 12, 9.5 / 12)) and sft.value == pytest.approx(9.75 / 12)
    assert sft.seed_sd == pytest.approx(0.5 / 12 / 2**0.5)
    one = next(one for one in found.differences if one.figure == "pass@1")
    assert one.difference == pytest.approx(9.75 / 12 - 0.25) and (one.higher, one.equal, one.lower) == (7, 5, 0)
    assert one.p == pytest.approx(2 / 2**7) and one.told and one.p_seeds is None
    assert (one.low, one.high) == bootstrap_interval([0.0, 0.0, 0.0, 0.75, *[0.0, 1.0, 1.0, 1.0] * 2])
    assert any("an arm of one run" in note for note in found.notes)


def test_counts_are_no_shares_though_all_of_them_lie_between_0_and_1(folders: Path, tmp_path: Path) -> None:
    """One answer to each problem: an interval of a share said that it may be half an answer."""
    both = [evaluation(tmp_path / name, lambda n, i: True) for name in ("one", "two")]
    found = {one.figure: one for one in compare(arms(both)).measured}
    answers, right = found["distinct answers"], found["pass@1"]
    assert (answers.value, answers.low, answers.high) == (1.0, 1.0, 1.0) and (right.low or 1.0) < 0.9


def test_a_training_run_stands_for_its_last_evaluation(folders: Path) -> None:
    found = compare(arms([folders / "base", folders / "run"]), figures=["pass@1"])
    assert [one.value for one in found.measured] == [0.25, 1.0]


def test_what_arms_do_not_share_is_said(folders: Path) -> None:
    found = compare(arms([folders / "base", folders / "some"]))
    assert "pass@1: compared on the 4 problems that every run has, of 12" in found.notes
    assert any("another number of samples a problem (base 2, some 1)" in note for note in found.notes)
    assert "distinct answers" not in found.figures and "pass@1" in found.figures  # it grows with the samples
    assert not any(one.told for one in found.differences if one.figure == "pass@1")


def test_a_figure_that_only_some_runs_have_is_told(folders: Path, tmp_path: Path) -> None:
    evaluation(tmp_path / "plain", lambda n, i: True, scored=False)
    found = compare(arms([folders / "base", tmp_path / "plain"]))
    assert "structure" not in found.figures
    assert "structure: left out, for it is not known of plain" in found.notes


def test_evaluations_that_were_made_otherwise_are_told(folders: Path, tmp_path: Path) -> None:
    """Structure by another judge, another prompt, another step: none of it is the arms' doing."""
    for name, prompt, judge in (("a-1", None, "llm"), ("a-2", "Think.", "llm"), ("b-1", None, "equal")):
        evaluation(tmp_path / name, lambda n, i: True)
        told = {"system_prompt": prompt, "structure": {"judge": {"kind": judge}}}
        (tmp_path / name / "stage.json").write_text(
            json.dumps({"stage": "eval", "status": "done", "settings": told, "result": {}, "versions": {}})
        )
    notes = compare(arms([tmp_path / name for name in ("a-1", "a-2", "b-1")], seeds=True)).notes
    assert "evaluated with another system_prompt (a none and Think., b none): what" in " ".join(notes)
    assert "evaluated with another structure.judge.kind (a llm, b equal): what" in " ".join(notes)
    for name, steps in (("c", (5, 10)), ("d", (5, 10))):
        for step in steps:
            evaluation(tmp_path / name / "evaluations" / f"step-{step}", lambda n, i, last=step == 10: last)
        ledger.write(tmp_path / name, [line(step, 0.5) for step in (steps if name == "c" else steps[:1])])
    found = compare(arms([tmp_path / "c", tmp_path / "d"]), figures=["pass@1"])
    assert [one.value for one in found.measured] == [1.0, 0.0]  # d was cut short in its second
    assert any("of different steps (c 10, d 5)" in note for note in found.notes)


def test_it_is_written_whole(found: Comparison, folders: Path, tmp_path: Path) -> None:
    files = write(found, tmp_path / "out")
    assert [path.name for path in files] == ["compare.json", "compare.md", "compare.svg", "compare.png"]
    held = json.loads(files[0].read_text())
    assert held["baseline"] == "base" and len(held["measured"]) == 16 and held["differences"][0]["p"] == 2 / 2**7
    page = files[1].read_text()
    assert "| pass@1 | 25.0 % \\[" in page and "| higher |" in page and "![compare](compare.svg)" in page
    assert "not to be told from chance" not in page.split("pass@2")[0]
    assert files[2].read_text().startswith("<svg") and files[3].read_bytes().startswith(b"\x89PNG")


def line(step: int, value: float, **ends: float) -> dict[str, object]:
    return {"step": step, "pass@1": value, "structure": 0.1, "intervals": {"pass@1": ends} if ends else {}}


def test_evaluations_on_the_way_are_curves_and_seeds_their_band(folders: Path, tmp_path: Path) -> None:
    for name, shift in (("rlkd-s1", 0.0), ("rlkd-s2", 0.2), ("sft", 0.1)):
        evaluation(tmp_path / name / "evaluations" / "step-10", lambda n, i: True)
        ends = {"low": 0.0, "high": 0.6}
        ledger.write(tmp_path / name, [line(step, step / 100 + shift, **ends) for step in (0, 5, 10)])
    ledger.write(tmp_path / "rlkd-s2", [line(0, 0.2), line(10, 0.3), line(15, 0.4)])
    found = compare(arms([tmp_path / "sft", tmp_path / "rlkd-s1", tmp_path / "rlkd-s2", folders / "base"], seeds=True))
    told = [one for one in points(found.arms) if one.figure == "pass@1"]
    assert [(one.arm, one.step) for one in told] == [("sft", 0), ("sft", 5), ("sft", 10), ("rlkd", 0), ("rlkd", 10)]
    assert (told[0].value, told[0].low, told[0].high) == (0.1, 0.0, 0.6)
    assert (told[4].value, told[4].low, told[4].high) == pytest.approx((0.2, 0.1, 0.3))
    files = write(found, tmp_path / "out")
    assert [path.name for path in files][-2:] == ["curves.svg", "curves.png"]
    svg = (tmp_path / "out" / "curves.svg").read_text()
    assert "pass@1" in svg and "rlkd" in svg and "completion tokens" not in svg
    assert "![curves](curves.svg)" in (tmp_path / "out" / "compare.md").read_text()


def test_a_name_is_no_markup(folders: Path) -> None:
    found = compare(arms([folders / "base"], {"<b>a|b[red]*x*": [folders / "sft-seed1"]}))
    assert "&lt;b>a\\|b\\[red]\\*x\\*" in markdown(found, "t")
    console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    print_comparison(found, console)
    assert "<b>a|b[red]*x*" in console.export_text()


def test_the_command_prints_the_table(folders: Path) -> None:
    names = [str(folders / name) for name in ("base", "sft-seed1", "sft-seed2")]
    done = run("rlkd-train", "compare", *names, "--seeds")
    assert done.returncode == 0, done.stderr
    assert "Difference from base" in done.stdout and "0.016" in done.stdout


@pytest.mark.parametrize(
    ("runs", "named", "said"),
    [
        ([], [], "there are 0 runs: a comparison needs two arms"),
        (["base"], [], "there are 1 runs of one arm, base"),
        (["base", "base"], [], "are both called base"),
        (["base"], ["base"], "write it as NAME=RUN"),
        (["base"], ["again=base"], "is given twice"),
        ([], ["a=base", "a=some"], "there are two arms of this name"),
        (["base"], ["base=some"], "there are two arms of this name"),
        (["base", "nothing"], [], "nothing holds no evaluation"),
        (["base", "gone"], [], "gone holds no evaluation"),
        (["base", "empty"], [], "empty holds no "),
        (["base", "other"], [], "base, other have no problem in common"),
    ],
)
def test_what_cannot_be_compared_is_said(folders: Path, runs: list[str], named: list[str], said: str) -> None:
    folders_named = [one.replace("=", f"={folders}/") for one in named]
    with pytest.raises(InputError, match=said):
        compare(arms([folders / name for name in runs], named_arms(folders_named)))


def test_pairs_have_as_many_runs_in_each_arm(folders: Path) -> None:
    three = arms([folders / "base", folders / "sft-seed1", folders / "sft-seed2"], seeds=True)
    with pytest.raises(InputError, match=r"paired: .*different numbers \(base 1, sft 2\)"):
        compare(three, paired=True)


def test_a_baseline_and_a_figure_are_there_or_refused(folders: Path) -> None:
    both = arms([folders / "base", folders / "sft-seed1"])
    assert compare(both, "sft-seed1").differences[0].difference < 0
    with pytest.raises(InputError, match="--baseline sft: no arm is called so; there are base, sft-seed1"):
        compare(both, "sft")
    with pytest.raises(InputError, match="--figure pass@9: not every run has it; all have pass@1, pass@2"):
        compare(both, figures=["pass@9"])


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["grpo-seed1", "grpo-seed2", "sft"], {"grpo": 2, "sft": 1}),
        (["grpo_s1", "grpo_s2", "sft-1", "sft-2"], {"grpo": 2, "sft": 2}),
        (["a.seed=3", "aseed4", "math500", "gsm8k"], {"a": 2, "math500": 1, "gsm8k": 1}),
        (["Grpo-Seed01", "Grpo-seed-2", "bus1", "bus2"], {"Grpo": 2, "bus1": 1, "bus2": 1}),
        (["alpha-0.2", "alpha-0.5", "alpha-0.5-1", "v.1"], {"alpha-0.2": 1, "alpha-0.5": 2, "v": 1}),
    ],
)
def test_a_seed_at_the_end_of_a_name_makes_no_arm_of_its_own(names: list[str], wanted: dict[str, int]) -> None:
    found = arms([Path(name) for name in names], seeds=True)
    assert {arm.name: len(arm.runs) for arm in found} == wanted


def test_chances_are_read_at_a_glance() -> None:
    assert [chance(p) for p in (0.00001, 0.0123, 0.5, 1.0)] == ["< 0.0001", "0.012", "0.50", "1.00"]


def test_a_comparison_is_a_stage_of_a_pipeline(folders: Path, tmp_path: Path) -> None:
    sft = (folders / "sft-seed1", folders / "sft-seed2")
    settings = CompareSettings(runs=(folders / "base",), arms={"SFT": sft}, figures=("pass@1",))
    result = compare_arms(settings, tmp_path)
    assert result.counts == {"arms": 2}
    told = json.loads((tmp_path / "compare.json").read_text())
    assert [one["arm"] for one in told["arms"]] == ["base", "SFT"]
    assert {one["figure"] for one in told["measured"]} == {"pass@1"}
    assert Path(result.figures["page"]).is_file()
