"""Training with the real model, killed in the middle and taken up again."""

import json
import signal
import time
from datetime import UTC, datetime

import pytest

from rlkd_data.chat.backends.models import resolve
from rlkd_data.run.resources import resource
from rlkd_data.schema import TRACES, Sampling, Trace
from tests.support.cli import start as command

pytestmark = [pytest.mark.model, pytest.mark.slow]

STEPS = 4


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """One short gold row, to be learned by heart: about two seconds a step on two cores."""
    folder = tmp_path_factory.mktemp("gsrm")
    with resource("pipelines", "data", "gsm8k_socratic_test.jsonl").open(encoding="utf-8") as file:
        shortest = sorted(file, key=len)[:2]
    (folder / "gold.jsonl").write_text("".join(shortest), encoding="utf-8")
    path = folder / "gsrm.yaml"
    path.write_text(
        json.dumps(
            {
                "model": "smollm2-135m",
                "socratic": str(folder / "gold.jsonl"),
                "held_out": 1,
                "measure_tokens": 8,
                "augment": {"variants": 0},
                "max_steps": STEPS,
                "max_length": 1024,
                "lora": {"r": 8, "alpha": 16},
                "optim": {
                    "learning_rate": 2e-3,
                    "schedule": "constant",
                    "micro_batch": 1,
                    "accumulate": 1,
                    "save_steps": 1,
                },
            }
        )
    )
    return path


def test_a_student_learns_a_trace_by_heart(tmp_path):
    from rlkd_data.tables import TableWriter
    from rlkd_train.config import SftSettings
    from rlkd_train.run_folder import read_log
    from rlkd_train.sft.train import train_sft

    with TableWriter(tmp_path / "traces", TRACES) as table:
        table.add(trace("3*4 is 12.", "It is \\boxed{12}."))
        table.add(trace("", ""))
    result = train_sft(
        SftSettings(
            model="smollm2-135m",
            traces=[tmp_path / "traces"],
            max_steps=4,
            lora={"r": 8, "alpha": 16},
            optim={"learning_rate": 5e-3, "schedule": "constant", "micro_batch": 1, "accumulate": 1},
        ),
        tmp_path / "student",
    )
    assert result.counts == {"ok": 1, "rejected:too_long": 0, "rejected:empty": 1}
    losses = [line["loss"] for line in read_log(tmp_path / "student")]
    assert len(losses) == 4
    assert losses[-1] < 0.5 * losses[0]


def trace(reasoning, response):
    return Trace(
        trace_id=reasoning,
        problem_id="p",
        problem="How much is 3*4?",
        domain="math",
        answer="12",
        reasoning=reasoning,
        response=response,
        final_answer="12",
        is_correct=True,
        verification="test",
        teacher="test",
        source="test",
        license="MIT",
        sampling=Sampling(),
        finish_reason="stop",
        usage=None,
        cost_usd=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def start(config, out):
    return command("rlkd-train", "gsrm", "--config", config, "--out", out)


def test_a_killed_training_goes_on_and_ends_with_an_adapter_that_answers(config, tmp_path):
    out = tmp_path / "run"
    first = start(config, out)
    deadline = time.monotonic() + 240
    while not list(out.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert first.poll() is None, first.communicate()[1]
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    torn = out / "checkpoints" / "checkpoint-3"
    torn.mkdir()  # as if it had been killed while it saved
    (torn / "optimizer.pt").touch()

    second = start(config, out)
    _, said = second.communicate()
    assert second.returncode == 0, said
    assert "going on from" in said

    steps = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    losses = [(line["step"], line["loss"]) for line in steps if "loss" in line]
    assert [step for step, _ in losses] == list(range(1, STEPS + 1))
    assert losses[-1][1] < 0.8 * losses[0][1]

    weights = out / "model" / "adapter_model.safetensors"
    assert weights.stat().st_size < 10 << 20
    assert json.loads((out / "model" / "adapter_config.json").read_text())["base_model_name_or_path"] == "smollm2-135m"
    found = resolve(str(out / "model"))  # what `local:PATH` loads
    assert found.base is not None
    assert json.loads((out / "model" / "gsrm.json").read_text())["figures"]["held_out"]["rows"] == 1
    assert json.loads((out / "stage.json").read_text())["result"]["counts"]["ok"] == 1
