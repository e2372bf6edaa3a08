"""SFT and GRPO that are evaluated on the way: once a step, as `eval` does it, and without a trace in the training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from rlkd_data.chat.backends import weights as weights_of_models
from rlkd_data.errors import InputError
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Step
from rlkd_data.tables import read_rows
from rlkd_train.config import EvalSettings, SftSettings
from rlkd_train.evaluate.run import evaluate
from rlkd_train.evaluate.samples import SAMPLES, Sample
from rlkd_train.on_the_way import callback, ledger
from rlkd_train.sft.train import train_sft
from tests.support import train_run
from tests.support.servers import running_openai_server
from tests.support.tiny_model import save_tiny_model
from tests.support.train_run import Hashed, go, weights
from tests.support.training_rows import decomposed, trace, write


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("inputs")
    save_tiny_model(root / "tiny")
    taught = [trace(f"t{n}", f"Think of {n}.", f"\\boxed{{{n}}}", problem=f"What is {n}?") for n in range(12)]
    held_out = [trace(f"h{n}", "", "\\boxed{12}", problem=f"What is {n} + 1?") for n in range(3)]
    write(root / "traces", TRACES, taught)
    write(root / "held_out", TRACES, held_out)
    return root


def settings(inputs: Path, evaluation: dict[str, Any] | None, **more: Any) -> SftSettings:
    if evaluation is not None:
        sampling = {"max_tokens": 12, "temperature": 1.0}
        evaluation = {"problems": [str(inputs / "held_out")], "every": 2, "k": 2, "sampling": sampling} | evaluation
    values: dict[str, Any] = {
        "model": str(inputs / "tiny"),
        "traces": [str(inputs / "traces")],
        "max_steps": 4,
        "precision": "float32",
        "lora": {"r": 4, "dropout": 0.2},
        "optim": {"learning_rate": 1e-2, "micro_batch": 2, "accumulate": 1, "save_steps": 3},
        "evaluation": evaluation,
    }
    return SftSettings.model_validate(values | more)


def learn(chosen: SftSettings, out: Path) -> dict[str, Any]:
    """SFT as a process of its own would do it, whose random numbers begin anew."""
    torch.manual_seed(0)
    return dict(train_sft(chosen, out).figures)


def samples(folder: Path) -> list[Sample]:
    return sorted(read_rows(folder, SAMPLES), key=lambda row: (row.problem_id, row.sampling.sample_index))


def texts(folder: Path) -> list[str]:
    return [one.completion for one in samples(folder)]


@pytest.fixture(scope="module")
def whole(inputs: Path) -> Path:
    """A run that nobody disturbed."""
    learn(settings(inputs, {"best": "completion tokens"}), inputs / "whole")
    return inputs / "whole"


def test_every_evaluation_has_a_line_and_a_table(whole: Path) -> None:
    lines = ledger.read(whole)
    assert [line["step"] for line in lines] == [0, 2, 4]
    assert all(line["samples"] == 6 and 0 <= line["pass@1"] <= 1 and line["completion tokens"] > 0 for line in lines)
    assert sorted(path.name for path in (whole / ledger.FOLDER).iterdir()) == ["step-0", "step-2", "step-4"]
    rows = samples(whole / ledger.FOLDER / "step-2")
    assert len(rows) == 6 and {row.sampling.sample_index for row in rows} == {0, 1}
    assert all(row.completion_tokens <= 12 and "whole at step 2" in row.model for row in rows)
    assert texts(whole / ledger.FOLDER / "step-0") != texts(whole / ledger.FOLDER / "step-4")


def test_the_best_weights_are_kept(whole: Path) -> None:
    lines = ledger.read(whole)
    best = min(lines, key=lambda line: line["completion tokens"])
    note = json.loads((whole / "best" / "evaluation.json").read_text())
    assert note["step"] == best["step"] and (whole / "best" / "adapter_model.safetensors").exists()
    assert json.loads((whole / "best" / "adapter_config.json").read_text())["base_model_name_or_path"].endswith("tiny")


def test_training_does_not_notice(inputs: Path, whole: Path) -> None:
    """Dropout and the order of rows draw the same numbers: the weights are those of a run without evaluations."""
    learn(settings(inputs, None), inputs / "plain")
    weights = [(inputs / name / "model" / "adapter_model.safetensors").read_bytes() for name in ("whole", "plain")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_run_that_is_killed_while_it_evaluates_does_that_evaluation_and_no_other_again(
    inputs: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    out = inputs / f"killed at {at}"
    begun: list[int] = []
    plain = callback.Evaluating._in_main
    kill = [at]

    def counted(self: Any, step: int, *more: Any) -> bool:
        begun.extend([step] if all(line["step"] != step for line in self._lines) else [])
        if kill == [step]:
            kill.clear()
            raise KeyboardInterrupt
        return plain(self, step, *more)

    monkeypatch.setattr(callback.Evaluating, "_in_main", counted)
    chosen = settings(inputs, {"best": "completion tokens"})
    with pytest.raises(KeyboardInterrupt):
        learn(chosen, out)
    learn(chosen, out)
    assert begun == sorted([0, 2, 4, at])
    assert [drop_model(line) for line in ledger.read(out)] == [drop_model(line) for line in ledger.read(whole)]
    for step in (0, 2, 4):
        assert texts(out / ledger.FOLDER / f"step-{step}") == texts(whole / ledger.FOLDER / f"step-{step}")


def drop_model(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if not name.endswith("seconds")}


def test_it_measures_what_eval_measures(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_of_models, "cpu_has_bfloat16", lambda: False)
    out = inputs / "greedy"
    evaluation = {"k": 1, "sampling": {"max_tokens": 12, "temperature": 0}, "at_start": False, "best": "samples"}
    learn(settings(inputs, evaluation, lora={"r": 0}, max_steps=2), out)
    wanted = EvalSettings.model_validate(
        {
            "model": f"local:{out / 'best'}",
            "data": [str(inputs / "held_out")],
            "sampling": evaluation["sampling"],
            "store": str(inputs / "store.sqlite"),
        }
    )
    evaluate(wanted, inputs / "judged")
    assert texts(out / ledger.FOLDER / "step-2") == texts(inputs / "judged")
    told = [
        [(one.is_correct, one.verification, one.completion_tokens, one.truncated) for one in samples(folder)]
        for folder in (out / ledger.FOLDER / "step-2", inputs / "judged")
    ]
    assert told[0] == told[1]


def test_training_ends_early_where_nothing_gets_better(inputs: Path) -> None:
    out = inputs / "early"
    figures = learn(settings(inputs, {"best": "problems", "patience": 1, "every": 1}, max_steps=9), out)
    assert figures["steps"] == 1 and [line["step"] for line in ledger.read(out)] == [0, 1]
    assert json.loads((out / "best" / "evaluation.json").read_text())["step"] == 0


def test_what_is_trained_on_is_not_held_out(inputs: Path) -> None:
    both = [str(inputs / "held_out"), str(inputs / "traces")]
    with pytest.raises(InputError, match=r"12 of 15 are trained on \(problem_id problem of t"):
        learn(settings(inputs, {"problems": both}), inputs / "refused")
    assert not (inputs / "refused" / "model").exists()


def test_a_figure_that_is_not_there_is_said_before_the_first_step(inputs: Path) -> None:
    with pytest.raises(InputError, match="no figure 'pass@7': there are"):
        learn(settings(inputs, {"best": "pass@7"}), inputs / "unknown")
    assert not list((inputs / "unknown" / "checkpoints").glob("checkpoint-*"))


def test_grpo_is_evaluated_for_structure_and_does_not_notice(inputs: Path) -> None:
    model = inputs / "tiny"
    held_out = [trace(f"h{n}", "", "\\boxed{12}", problem=f"What is {n} + 1?") for n in range(2)]
    teacher = (Step(1, "First the numbers.", "Which numbers?", "one and one"),)
    write(inputs / "steps", DECOMPOSITIONS, [decomposed(row, teacher) for row in held_out])
    write(inputs / "two", TRACES, held_out)
    go(train_run.settings(model), inputs / "grpo plain", Hashed())
    with running_openai_server(reply_function="tests.support.grpo_run:decompose") as gsrm:
        structure = {"gsrm": "openai:gsrm", "base_url": gsrm.base_url, "judge": {"kind": "equal"}}
        evaluation = {
            "problems": [str(inputs / "two")],
            "decompositions": [str(inputs / "steps")],
            "every": 3,
            "k": 2,
            "sampling": {"max_tokens": 8, "temperature": 1.0},
            "structure": structure | {"allow_other_annotator": True, "store": str(inputs / "structure.sqlite")},
        }
        go(train_run.settings(model, evaluation=evaluation), inputs / "grpo", Hashed())
    lines = ledger.read(inputs / "grpo")
    assert [line["step"] for line in lines] == [0, 3, 4]
    assert all(0 <= line["structure"] <= 1 and line["structure unscored"] == 0 for line in lines)
    rows = samples(inputs / "grpo" / ledger.FOLDER / "step-4")
    assert all(row.steps and row.teacher in ("h0", "h1") and row.verdicts for row in rows)
    before, after = (weights(inputs / name / "model") for name in ("grpo plain", "grpo"))
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("name", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_sharded_weights_are_refused(inputs: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "true")
    with pytest.raises(InputError, match="no process holds the whole model"):
        learn(settings(inputs, {}), inputs / "sharded")
