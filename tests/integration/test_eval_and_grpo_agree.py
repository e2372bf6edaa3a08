"""`eval` and a step of GRPO over the same completions: the same verdicts, and code run in both only where it may be.

Both are the real stages, with TRL's own trainer; only what the model would have written is put in its mouth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.answers import sandbox
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Domain, Step
from rlkd_data.tables import TableWriter, read_rows
from rlkd_train.config import EvalSettings, GrpoSettings
from rlkd_train.evaluate.run import evaluate
from rlkd_train.evaluate.samples import SAMPLES, Sample
from rlkd_train.grpo.run import train_grpo
from rlkd_train.reward.completions import COMPLETIONS, FOLDER, ScoredCompletion
from tests.support.servers import RunningServer, running_openai_server
from tests.support.stored_completions import STORED, completion_of
from tests.support.tiny_model import save_tiny_model
from tests.support.training_rows import decomposed, trace

Problem = tuple[str, str | None, Domain, str, str]
shut_in = pytest.mark.skipif(sandbox.available() is not None, reason="sandbox unavailable")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_openai_server(reply_function="tests.support.stored_completions:answer") as found:
        yield found


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL's trainer says the stored completions, those of a group in turn."""
    from trl import GRPOTrainer

    def say(self: Any, prompt_ids: list[list[int]], *_: Any, **__: Any) -> tuple[list[list[int]], None]:
        asked = self.processing_class.batch_decode(prompt_ids)
        told: Counter[str] = Counter()
        ids = []
        for prompt in asked:
            text = completion_of(prompt, told[prompt])
            told[prompt] += 1
            ids.append([*self.processing_class(text)["input_ids"], self.processing_class.eos_token_id])
        return ids, None

    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", say)
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def both(
    folder: Path, server: RunningServer, problems: Sequence[Problem], *, run_code: bool
) -> tuple[dict[str, Sample], dict[str, ScoredCompletion], dict[str, Any]]:
    """(eval's samples, one GRPO step's completions, both by problem and text; eval's figures)."""
    rows = [
        replace(trace(f"t{n}", "I look at it.", "so", problem=problem), answer=gold, domain=domain)
        for n, (problem, gold, domain, *_) in enumerate(problems)
    ]
    steps = (Step(1, "I look at it.", "What is it?", "so"),)
    for name, schema, made in (
        ("traces", TRACES, rows),
        ("steps", DECOMPOSITIONS, [decomposed(row, steps) for row in rows]),
    ):
        with TableWriter(folder / name, schema) as table:
            for row in made:
                table.add(row)
    chat = {"base_url": server.base_url, "store": str(folder / "store.sqlite")}
    grading = {"run_code": run_code}
    evaluated = EvalSettings.model_validate(
        {"model": "openai:student", "data": [folder / "traces"], "k": 2, **chat, **grading}
    )
    figures = evaluate(evaluated, folder / "eval").figures
    trained = GrpoSettings.model_validate(
        {
            "model": str(save_tiny_model(folder / "tiny")),
            "traces": [folder / "traces"],
            "decompositions": [folder / "steps"],
            "steps": 1,
            "generations": 2,
            "prompts_per_step": len(problems),
            "max_completion": 256,
            "lora": {"r": 0},
            "optim": {"micro_batch": 2},
            "structure": {
                "gsrm": "openai:gsrm", "judge": {"kind": "equal"}, "allow_other_annotator": True, **chat
            },
            "max_unscored": 1.0,
            **grading,
        }
    )  # fmt: skip
    train_grpo(trained, folder / "grpo")
    samples = list(read_rows(folder / "eval", SAMPLES))
    scored = list(read_rows(folder / "grpo" / FOLDER, COMPLETIONS))
    assert len(samples) == len(scored) == 2 * len(problems)
    return (
        {sample.problem + sample.completion: sample for sample in samples},
        {one.problem + one.completion: one for one in scored},
        figures,
    )


@shut_in
@pytest.mark.slow
def test_fifty_completions_have_the_same_verdicts_in_eval_and_in_a_step_of_grpo(
    tmp_path: Path, server: RunningServer
) -> None:
    samples, scored, figures = both(tmp_path, server, STORED, run_code=True)
    assert len(samples) == 50 and samples.keys() == scored.keys()
    assert {key: one.verification for key, one in samples.items()} == {
        key: one.verification for key, one in scored.items()
    }
    for key, sample in samples.items():
        one = scored[key]
        assert one.accuracy == (None if sample.is_correct is None else float(sample.is_correct))
        judged = sample.is_correct is not None or sample.verification in ("null: no gold answer",)
        assert (one.unscored is None) == judged and (one.total is None) != judged
    first, second = ([samples[row[0] + completion_of(row[0], n)] for row in STORED] for n in (0, 1))
    assert [one.problem for one in first if not one.is_correct] == ["Nobody knows this one."]
    assert {one.problem: one.verification for one in second if one.is_correct is not False} == {
        "How far is it?": "null: open: units",
        "What is the tower?": "null: no verdict within 1 s of processor time",
        "Who was it?": "null: free text",
        "Nobody knows this one.": "null: no gold answer",
    }
    assert {one.verification for one in second} >= {"unreadable answer", "no answer", "option", "units"}
    assert figures["pass@1"] == 24 / 48  # three that nobody can judge count; the two without a gold answer do not


@shut_in
@pytest.mark.parametrize("run_code", [True, False])
def test_code_is_run_in_eval_and_in_grpo_where_it_may_be(tmp_path: Path, server: RunningServer, run_code: bool) -> None:
    problem = next(row for row in STORED if row[2] == "code")
    samples, scored, _ = both(tmp_path, server, [problem], run_code=run_code)
    right, wrong = (problem[0] + completion_of(problem[0], number) for number in (0, 1))
    told = ["tests: 2/2 passed", "tests: 1/2 passed, wrong output"] if run_code else ["null: code is not run"] * 2
    assert [samples[key].verification for key in (right, wrong)] == told
    assert [scored[key].verification for key in (right, wrong)] == told
    assert [samples[key].is_correct for key in (right, wrong)] == ([True, False] if run_code else [None, None])
    assert [scored[key].accuracy for key in (right, wrong)] == ([1.0, 0.0] if run_code else [None, None])
    assert [scored[key].unscored for key in (right, wrong)] == [None, None]  # not run is no reason to leave one out
