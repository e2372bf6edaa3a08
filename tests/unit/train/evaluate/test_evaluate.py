"""An evaluation in this process of a model whose replies are not all whole: what is lost is neither right nor wrong,
and counts in what accuracy is a share of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.open import BACKENDS
from rlkd_data.chat.types import Rejected, Reply, Request
from rlkd_data.errors import ModelError
from rlkd_data.schema import DECOMPOSITIONS, Sampling, Step, Usage
from rlkd_data.tables import read_rows
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.run import evaluate
from rlkd_train.evaluate.samples import SAMPLES, Sample
from tests.support.traces import made_trace, write_made_traces
from tests.support.training_rows import decomposed, write

WHOLE = Reply("It is \\boxed{10}.", "Seven and three make ten.", "stop", Usage(5, 0, 7), "m", datetime.now(UTC))
"""Right for the trace of 1: 6 + 4."""
LOST = Rejected("openai:m broke its reply off: Provider hung up", reason="upstream_error")


@dataclass
class Scripted:
    """A model that answers the samples of a problem with these, in order."""

    answers: Sequence[Reply | Rejected]
    model: str = "openai:m"
    default_concurrency: int = 1

    def wire(self, request: Request) -> dict[str, Any]:
        return {"prompt": request.messages[-1].content, "index": request.sampling.sample_index}

    async def ask(self, wire: dict[str, Any]) -> Reply:
        answer = self.answers[wire["index"]]
        if isinstance(answer, Rejected):
            raise answer
        return answer

    async def close(self) -> None:
        pass


ADD = ("Add.", "How many in all?", "10")
STEPS = """[Meta-reasoning 1]: Weekdays first.
[Sub-problem 1]: How many on six days?
[Answer 1]: 6

[Meta-reasoning 2]: {}
[Sub-problem 2]: {}
[Answer 2]: {}

[Final answer]: 10"""


def run(answers: list[Reply | Rejected], folder: Path, patch: pytest.MonkeyPatch) -> tuple[Any, list[Sample]]:
    patch.setitem(BACKENDS, "openai", lambda model, settings: Scripted(answers))
    traces = write_made_traces(folder / "traces", [made_trace(1)])
    settings = EvalSettings(model="openai:m", data=(traces,), k=len(answers), store=folder / "s.sqlite")
    result = evaluate(settings, folder / "out")
    rows: list[Sample] = list(read_rows(folder / "out", SAMPLES))
    return result, sorted(rows, key=lambda row: row.sampling.sample_index)


def test_what_is_lost_is_neither_right_nor_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = "So \\boxed{10}? No: one broke, so the answer is \\boxed{"
    sent = Sampling(None, None, 64, None, 4)
    answers: list[Reply | Rejected] = [
        WHOLE,
        replace(WHOLE, finish_reason="other"),  # right, and not said to have ended
        LOST,
        replace(WHOLE, text=cut, finish_reason="length"),  # the first box was withdrawn
        replace(WHOLE, text="It is \\boxed{11}.", reasoning=None, sent=sent),
    ]
    result, rows = run(answers, tmp_path, monkeypatch)
    assert [row.is_correct for row in rows] == [True, None, None, False, False]
    assert [row.truncated for row in rows] == [False, False, False, True, False]
    assert rows[0].completion == f"<think>\n{WHOLE.reasoning}\n</think>\n\n{WHOLE.text}"
    assert rows[1].verification == "null: no whole reply (unfinished)"
    assert rows[2].verification == f"null: no whole reply (upstream_error: {LOST})" and rows[2].completion == ""
    assert rows[3].final_answer is None
    assert rows[4].sampling == sent and rows[4].completion == "It is \\boxed{11}."
    assert [(row.verdict, row.reason) for row in rows] == [
        ("right", "exact"),
        ("unjudged", "no whole reply: unfinished"),
        ("unjudged", "no whole reply: upstream_error"),
        ("wrong", "no answer"),
        ("wrong", "number"),
    ]
    assert [row.format for row in rows] == [1.0, None, None, 0.5, 0.5]
    told = result.figures
    assert (told["verified"], told["samples"], told["lost"]) == (3, 5, 2)
    assert told["pass@1"] == pytest.approx(1 / 5) and told["pass@1 at most"] == pytest.approx(3 / 5)
    assert told["unjudged"] == {"no whole reply: unfinished": 1, "no whole reply: upstream_error": 1}
    assert told["completion tokens"] == 7.0 and told["truncated"] == pytest.approx(1 / 3)
    kept = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert [kept[f"pass@{k}"] for k in range(1, 6)] == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1.0])


def test_one_right_and_nine_that_nobody_can_read_are_a_tenth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unread = [replace(WHOLE, text="It is somewhere in between, I would say.", reasoning=None)] * 5
    open_ = [replace(WHOLE, text="\\boxed{between 10 hens}", reasoning=None)] * 4
    result, rows = run([WHOLE, *unread, *open_], tmp_path, monkeypatch)
    assert [row.verdict for row in rows] == ["right", *["wrong"] * 5, *["unjudged"] * 4]
    assert result.figures["pass@1"] == pytest.approx(0.1) and result.figures["unjudged"] == {"free text": 4}


def test_what_was_cut_off_is_wrong_unless_it_states_a_whole_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "The answer is 10",
        "The answer is 10.",
        "The answer is 10. Now,",
        "So \\boxed{10} and",
        "#### 10\n",
    ]
    cut = [replace(WHOLE, text=text, reasoning=None, finish_reason="length") for text in texts]
    _, rows = run([*cut, replace(WHOLE, text=texts[0], reasoning=None)], tmp_path, monkeypatch)
    assert [row.is_correct for row in rows] == [False, False, True, True, True, True]


def test_an_evaluation_of_lost_replies_alone_measures_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"none of 2 completions .* is whole.*Provider hung up"):
        run([replace(WHOLE, finish_reason="other"), LOST], tmp_path, monkeypatch)
    assert not list((tmp_path / "out").glob("part-*"))


def test_structure_is_told_with_intervals_and_the_ways_that_samples_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two problems; of each, two samples that go the teacher's way, and one that parts from it at the second step."""

    def opened(model: str, settings: Any) -> Scripted:
        if model == "student":
            thoughts = ("the same", "the same ", "another")
            return Scripted([replace(WHOLE, reasoning=f"On six days 6, {text}: 10.") for text in thoughts])
        return Decomposing([])

    monkeypatch.setitem(BACKENDS, "openai", opened)
    traces = [made_trace(1), made_trace(2)]
    steps = (Step(1, "Weekdays first.", "How many on six days?", "6"), Step(2, *ADD))
    write(tmp_path / "steps", DECOMPOSITIONS, [decomposed(row, steps) for row in traces])
    settings = EvalSettings.model_validate(
        {
            "model": "openai:student",
            "data": [write_made_traces(tmp_path / "traces", traces)],
            "decompositions": [tmp_path / "steps"],
            "structure": {
                "gsrm": "openai:gsrm",
                "judge": {"kind": "equal"},
                "allow_other_annotator": True,
                "store": tmp_path / "s.sqlite",
            },
            "paths": {"kind": "equal"},
            "k": 3,
            "store": tmp_path / "s.sqlite",
        }
    )
    told = evaluate(settings, tmp_path / "out").figures
    rows: list[Sample] = list(read_rows(tmp_path / "out", SAMPLES))
    assert [list(row.path or ()) for row in rows] == [[1, 2], [1, 2], [1, 3]] * 2
    assert [row.step_recall for row in rows] == [1.0, 1.0, 0.5] * 2
    assert [row.prefix for row in rows] == [2, 2, 1] * 2
    assert told["structure"] == pytest.approx(5 / 6) and told["judge of paths"].startswith("equal text")
    assert (told["distinct first steps"], told["distinct paths"], told["steps"]) == (1.0, 2.0, 2.0)
    assert told["branch entropy"] == pytest.approx(told["path entropy"] * 3 / 9)
    kept = json.loads((tmp_path / "out" / "figures.json").read_text())["intervals"]
    assert {"structure", "step recall", "branch entropy", "completion tokens"} <= kept.keys()
    assert kept["pass@1"]["problems"] == 2 and kept["pass@1"]["bootstrap low"] <= told["pass@1"]


class Decomposing(Scripted):
    """A GSRM that finds the teacher's steps, but for a last one of a thought that says "another"."""

    def wire(self, request: Request) -> dict[str, Any]:
        return {"prompt": request.messages[-1].content}

    async def ask(self, wire: dict[str, Any]) -> Reply:
        last = ("Guess.", "Do they lay at night?", "no") if "another" in wire["prompt"] else ADD
        return replace(WHOLE, text=STEPS.format(*last), reasoning=None)
