"""A stage of which nothing but rejected rows came is not done: it says so, and leaves its folder to the next."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlkd_data.config import Settings
from rlkd_data.errors import InputError, ModelError
from rlkd_data.run.fruitless import STATUS, is_fruitless, told
from rlkd_data.run.identity import read_stage
from rlkd_data.run.stage import StageResult, StageSpec, run_stage

SAMPLING = SimpleNamespace(max_tokens=512)
TEACHER: Any = SimpleNamespace(teacher="openai:m", sampling=SAMPLING)
IMPORT: Any = SimpleNamespace(teacher=None, sampling=SAMPLING)
ANNOTATOR: Any = SimpleNamespace(annotator="openai:m", sampling=SAMPLING)


@pytest.mark.parametrize(
    ("counts", "settings", "said"),
    [
        ({"rejected:truncated": 9, "rejected:refused": 3}, TEACHER, "all 12 rows are rejected, 9 of them: truncated"),
        ({"rejected:truncated": 9}, TEACHER, "raise --max-tokens above 512"),
        ({"rejected:truncated": 1}, ANNOTATOR, "the only row is rejected: truncated – raise --max-tokens above 512"),
        ({"rejected:no_reasoning": 2}, TEACHER, "--thinking-budget"),
        ({"rejected:no_response": 2}, TEACHER, "reasoning parser"),
        ({"rejected:refused": 2}, ANNOTATOR, "another --annotator"),
        ({"rejected:no_steps": 2}, ANNOTATOR, "a stronger --annotator"),
        ({"rejected:incorrect": 2}, TEACHER, "--keep"),
        ({"rejected:contaminated": 2}, IMPORT, "--decontaminate"),
        ({"rejected:no_problem": 2}, IMPORT, "--map"),
    ],
)
def test_the_line_says_which_reason_most_rows_have_and_what_to_change(
    counts: dict[str, int], settings: Any, said: str
) -> None:
    problem = told({"ok": 0} | counts, settings, Path("out"))
    assert isinstance(problem, InputError) and said in str(problem) and "out/rejected" in str(problem)
    assert "\n" not in str(problem)


def test_a_server_s_fault_is_not_the_user_s() -> None:
    problem = told({"ok": 0, "rejected:upstream_error": 2}, TEACHER, Path("out"))
    assert isinstance(problem, ModelError) and "same command later" in str(problem)


def test_a_stage_without_rejected_rows_is_not_one() -> None:
    assert is_fruitless({"ok": 0, "rejected:refused": 1})
    assert not is_fruitless({"ok": 1, "rejected:refused": 1})
    assert not is_fruitless({"ok": 0}) and not is_fruitless({"ok": 0, "skipped:no_gold": 4}) and not is_fruitless({})


class Given(Settings):
    ok: int = 0


RUNS: list[int] = []


def stage(settings: Given, out: Path) -> StageResult:
    RUNS.append(settings.ok)
    assert not (out / "rejected").exists()
    (out / "rejected").mkdir()
    (out / "rejected" / "row").touch()
    return StageResult({"ok": settings.ok, "rejected:truncated": 3})


SPEC = StageSpec("fruit", Given, f"{__name__}:stage")


def test_it_is_run_again_and_the_corrected_command_has_its_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    RUNS.clear()
    for _ in range(2):
        with pytest.raises(InputError, match="nothing came out"):
            run_stage(SPEC, Given(), out)
        record = read_stage(out)
        assert record is not None and record["status"] == STATUS and (out / "rejected").exists()
    (out / "ledger.json").write_text("{}")
    result, ran = run_stage(SPEC, Given(ok=1), out)
    assert ran and result.counts["ok"] == 1 and RUNS == [0, 0, 1]
    assert (out / "ledger.json").exists()  # what was spent is remembered
    assert run_stage(SPEC, Given(ok=1), out)[1] is False
    with pytest.raises(InputError, match="other settings"):
        run_stage(SPEC, Given(), out)
