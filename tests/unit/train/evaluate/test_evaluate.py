"""An evaluation in this process of a model whose replies are not all whole: what is lost is neither right nor wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.open import BACKENDS
from rlkd_data.chat.types import Rejected, Reply, Request
from rlkd_data.errors import ModelError
from rlkd_data.schema import Sampling, Usage
from rlkd_data.tables import read_rows
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.run import evaluate
from rlkd_train.evaluate.samples import SAMPLES, Sample
from tests.support.traces import made_trace, write_made_traces

WHOLE = Reply("It is \\boxed{10}.", "Seven and three make ten.", "stop", Usage(5, 0, 7), "m", datetime.now(UTC))
"""Right for the trace of 1: 6 + 4."""
LOST = Rejected("openai:m broke its reply off: Provider hung up", reason="upstream_error")


@dataclass
class Scripted:
    """A model that answers the samples of a problem with these, in order."""

    answers: list[Reply | Rejected]
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
    assert result.figures["verified"] == 3 and result.figures["pass@1"] == pytest.approx(1 / 3)


def test_an_evaluation_of_lost_replies_alone_measures_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"none of 2 completions .* is whole.*Provider hung up"):
        run([replace(WHOLE, finish_reason="other"), LOST], tmp_path, monkeypatch)
    assert not list((tmp_path / "out").glob("part-*"))
