"""On-policy distillation in whole runs of tiny models: a teacher beside the student, and one on a server."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.errors import InputError, ModelError
from rlkd_data.run.pipeline import check_settings
from rlkd_data.schema import TRACES
from rlkd_data.tables import TableWriter
from rlkd_train.config import DistillSettings
from rlkd_train.distill.run import train_distill
from rlkd_train.run_folder import read_log
from tests.support.tiny_model import save_tiny_model
from tests.support.training_rows import trace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("made")
    with TableWriter(folder / "traces", TRACES) as table:
        for number in range(24):
            table.add(trace(f"t{number}", "So it is.", "\\boxed{12}", problem=f"What is number {number}?"))
    save_tiny_model(folder / "student")
    model = AutoModelForCausalLM.from_pretrained(save_tiny_model(folder / "teacher", seed=1))
    for weight in model.parameters():
        weight.data *= 4  # it is sure of what it says
    model.save_pretrained(folder / "teacher")
    model.resize_token_embeddings(272)  # of which its tokenizer knows fewer, as in families of models
    model.save_pretrained(save_tiny_model(folder / "wide"))
    return folder


def settings(made: Path, **more: Any) -> DistillSettings:
    values = {
        "model": str(made / "student"),
        "traces": [str(made / "traces")],
        "teacher": str(made / "teacher"),
        "steps": 3,
        "prompts_per_step": 4,
        "max_completion": 16,
        "temperature": 1.0,
        "precision": "float32",
        "lora": {"r": 0},
        "optim": {"learning_rate": 3e-2, "schedule": "constant", "micro_batch": 2, "save_steps": 2, "max_grad_norm": 1},
    } | more
    found = check_settings(DistillSettings, values, "x.yaml")
    assert isinstance(found, DistillSettings)
    return found


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in read_log(out)]


def test_the_student_comes_nearer_to_its_teacher(made: Path, tmp_path: Path) -> None:
    result = train_distill(settings(made, steps=20, teacher=str(made / "wide")), tmp_path)
    found = losses(tmp_path)
    assert len(found) == 20
    assert sum(found[-3:]) < 0.7 * sum(found[:3])
    assert result.figures["loss_last"] == found[-1]
    line = read_log(tmp_path)[-1]
    assert line["seconds/generation"] > 0 and line["seconds/update"] > 0 and line["tokens_per_second"] > 0


def test_a_run_that_was_stopped_goes_on(made: Path, tmp_path: Path) -> None:
    train_distill(settings(made, steps=4), tmp_path)
    whole = losses(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "checkpoint-4")
    shutil.rmtree(tmp_path / "model")
    train_distill(settings(made, steps=4), tmp_path)
    assert losses(tmp_path) == pytest.approx(whole, rel=1e-4)
    assert (tmp_path / "model" / "model.safetensors").exists()


@pytest.mark.parametrize("divergence", [0.0, 0.5, 1.0])
def test_nothing_separates_a_student_from_itself(made: Path, tmp_path: Path, divergence: float) -> None:
    chosen = settings(made, teacher=str(made / "student"), steps=1, divergence=divergence, lora={"r": 4})
    assert train_distill(chosen, tmp_path).figures["loss_first"] == pytest.approx(0.0, abs=1e-5)
    assert (tmp_path / "model" / "adapter_model.safetensors").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"limit": 4, "prompts_per_step": 8}, "4 problems and prompts_per_step 8"),
        ({"optim": {"micro_batch": 3}}, "optim.micro_batch is 3, which does not divide the 4 prompts of a step"),
        ({"teacher_top": 5}, "goes with a teacher_url and divergence: 0"),
        ({"trl": {"beta": 0.5}}, "trl: beta is set by divergence"),
        ({"teacher": "nowhere/at-all"}, "nowhere/at-all"),
    ],
)
def test_a_mistake_is_one_line(made: Path, tmp_path: Path, more: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as raised:
        train_distill(settings(made, **more), tmp_path)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_teacher_of_other_tokens_is_refused(made: Path, tmp_path: Path) -> None:
    other = save_tiny_model(tmp_path / "other")
    tokens = json.loads((other / "tokenizer.json").read_text())
    vocabulary = tokens["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (other / "tokenizer.json").write_text(json.dumps(tokens))
    with pytest.raises(InputError, match="2 of its 261 tokens are not the student's"):
        train_distill(settings(made, teacher=str(other)), tmp_path / "out")


class Served:
    """A server that says a model's real log-probabilities, as vLLM does; its first replies are those of `trouble`."""

    def __init__(self, model: Path) -> None:
        from transformers import AutoModelForCausalLM

        self.trouble: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self._model = AutoModelForCausalLM.from_pretrained(model)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = outer.trouble.pop(0) if outer.trouble else 200
                said = outer.answer(body) if status == 200 else {"error": "not now"}
                sent = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        import torch

        self.bodies.append(body)
        choices = []
        for ids in body["prompt"]:
            with torch.no_grad():
                said = self._model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
            places: list[dict[str, Any] | None] = [None]
            for place in range(1, len(ids)):
                order = said[place - 1].argsort(descending=True).tolist()
                kept = dict.fromkeys([ids[place], *order[: body["prompt_logprobs"]]])
                places.append(
                    {str(t): {"logprob": said[place - 1, t].item(), "rank": order.index(t) + 1} for t in kept}
                )
            choices.append({"prompt_logprobs": places})
        return {"choices": choices}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def served(made: Path) -> Iterator[Served]:
    server = Served(made / "teacher")
    yield server
    server.close()


def test_a_served_teacher_says_what_one_beside_the_student_says(made: Path, served: Served, tmp_path: Path) -> None:
    """With all of a teacher's tokens the loss is that of the same teacher here, though TRL reckons it elsewhere."""
    served.trouble = [503]
    there = {"teacher_url": served.url, "teacher": "the-teacher", "teacher_top": 261}
    micro = {"micro_batch": 4, "learning_rate": 1e-3}
    far = train_distill(settings(made, divergence=0.0, steps=1, optim=micro, **there), tmp_path / "far")
    near = train_distill(settings(made, divergence=0.0, steps=1, optim=micro), tmp_path / "near")
    assert far.figures["loss_first"] == pytest.approx(near.figures["loss_first"], rel=1e-3)
    assert served.bodies[-1]["model"] == "the-teacher"


def test_a_served_teacher_is_met_at_the_temperature_that_it_speaks_at(
    made: Path, served: Served, tmp_path: Path
) -> None:
    """What a server says of a prompt's tokens is at 1, whatever the completions are drawn at."""
    there = {"teacher_url": served.url, "teacher": "the-teacher", "divergence": 0.0, "teacher_top": 261}
    train_distill(settings(made, steps=1, temperature=0.5, model=str(made / "teacher"), **there), tmp_path)
    assert losses(tmp_path) == pytest.approx([0.0], abs=1e-5)


def test_a_served_teacher_teaches(made: Path, served: Served, tmp_path: Path) -> None:
    there = {"teacher_url": served.url, "teacher": "the-teacher"}
    train_distill(settings(made, steps=12, divergence=0.0, teacher_top=40, **there), tmp_path / "forward")
    found = losses(tmp_path / "forward")
    assert sum(found[-3:]) < 0.8 * sum(found[:3])
    train_distill(settings(made, steps=2, **there), tmp_path / "reverse")
    assert all(0 < loss < 1 for loss in losses(tmp_path / "reverse"))
    train_distill(settings(made, steps=1, model=str(made / "teacher"), **there), tmp_path / "same")
    assert losses(tmp_path / "same") == pytest.approx([0.0], abs=1e-6)


def test_a_server_that_refuses_ends_the_run_in_one_line(made: Path, served: Served, tmp_path: Path) -> None:
    served.trouble = [404]
    with pytest.raises(ModelError, match=r"gave status 404: .*not now") as raised:
        train_distill(settings(made, teacher_url=served.url, teacher="nobody"), tmp_path)
    assert "\n" not in str(raised.value)
