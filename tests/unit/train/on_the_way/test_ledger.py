"""Which evaluation is best, when training ends, and what a run that goes on keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from rlkd_data.errors import InputError
from rlkd_train.config import EvaluationSettings
from rlkd_train.on_the_way.ledger import FOLDER, LINES, Choice, drop_after, line_of, read, write


def lines(name: str, *values: float) -> list[dict[str, float]]:
    return [{"step": 5 * number, name: value} for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("name", "values", "gain", "best"),
    [
        ("pass@1", (0.1, 0.3, 0.3, 0.2), 0.0, 1),
        ("pass@1", (0.1, 0.3, 0.35, 0.2), 0.1, 1),
        ("pass@1", (0.1, 0.15, 0.25), 0.1, 2),  # what creeps up is measured from the best, not from the last
        ("completion tokens", (90.0, 70.0, 80.0), 0.0, 1),
        ("truncated", (0.0, 0.0), 0.0, 0),
    ],
)
def test_the_first_of_the_best_is_best(name: str, values: tuple[float, ...], gain: float, best: int) -> None:
    told = lines(name, *values)
    assert Choice(name, None, gain).best_of(told) is told[best]


def test_training_ends_when_nothing_came_of_as_many_evaluations_as_patience_has() -> None:
    ends = [Choice("x", 2, 0.0).ends(lines("x", *(0.1, 0.3, 0.2, 0.3, 0.4, 0.1, 0.1)[:count])) for count in range(8)]
    assert ends == [False, False, False, False, True, False, False, True]
    assert not Choice("x", None, 0.0).ends(lines("x", 3, 2, 1)) and Choice("y", 1, 0.0).best_of(lines("x", 1)) is None


def test_a_run_that_goes_on_drops_what_it_has_not_come_to(tmp_path: Path) -> None:
    for step in (0, 5, 10, 15):
        (tmp_path / FOLDER / f"step-{step}").mkdir(parents=True)
        (tmp_path / FOLDER / f".step-{step}.sqlite-wal").touch()
    write(tmp_path, lines("x", 1, 2, 3))
    with (tmp_path / LINES).open("a") as file:
        file.write('{"step": 15, "x')
    assert [line["step"] for line in read(tmp_path)] == [0, 5, 10]
    assert [line["step"] for line in drop_after(tmp_path, 5)] == [0, 5]
    assert [line["step"] for line in read(tmp_path)] == [0, 5]
    kept = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert kept == [".step-0.sqlite-wal", ".step-5.sqlite-wal", "step-0", "step-5"]
    assert drop_after(tmp_path / "new", 0) == []


def test_a_line_holds_the_figures_that_are_wanted() -> None:
    figures = {
        "pass@1": 0.5,
        "samples": 4,
        "unjudged": {"x": 1},
        "model": "m",
        "intervals": {"pass@1": {"low": 0.2, "high": 0.8, "problems": 2}, "format": {"low": 0.0, "high": 1.0}},
    }
    assert line_of(5, figures, ()) == {
        "step": 5,
        "pass@1": 0.5,
        "samples": 4,
        "intervals": {"pass@1": {"low": 0.2, "high": 0.8}},
    }
    assert set(line_of(5, figures, ("samples",))) == {"step", "samples", "intervals"}
    with pytest.raises(InputError, match="no figure 'pass@2': there are pass@1, samples"):
        line_of(5, figures, ("pass@2",))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"patience": 2}, "name it, as best: pass@1"),
        ({"structure": {}}, "give its decompositions"),
        ({"every": 0}, "greater than 0"),
    ],
)
def test_settings_that_cannot_be(more: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EvaluationSettings.model_validate({"problems": ["x"], **more})
