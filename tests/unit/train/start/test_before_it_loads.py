"""What is refused or said before a model or a GSRM is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlkd_data.chat.backends.models import resolve
from rlkd_data.errors import InputError
from rlkd_train.config import GrpoSettings
from rlkd_train.fits import unused_card
from rlkd_train.grpo.prompts import with_room
from rlkd_train.shares import share
from rlkd_train.tokenizer import open_tokenizer, written
from tests.support.tiny_model import save_tiny_model
from tests.support.train_run import settings, tasks


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


def without(tiny: Path, folder: Path, *names: str) -> Path:
    """The model's tokenizer without some of its parts."""
    folder.mkdir()
    for path in tiny.iterdir():
        if path.name not in (*names, "model.safetensors"):
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_base_model_without_a_chat_template_is_said_and_takes_one_from_the_settings(
    tiny: Path, tmp_path: Path
) -> None:
    base = without(tiny, tmp_path / "base", "chat_template.jinja")
    with pytest.raises(InputError, match=r"has no chat template.*set chat_template to plain, chatml"):
        open_tokenizer(settings(base), resolve(str(base)))
    tokenizer = open_tokenizer(settings(base, chat_template="plain", system_prompt="Be short."), resolve(str(base)))
    assert tokenizer.apply_chat_template(
        [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi?"}],
        add_generation_prompt=True,
        tokenize=False,
    ) == ("Be short.\n\nUser: Hi?\n\nAssistant:")


def test_the_template_of_r1_leaves_the_first_tag_to_the_model(tiny: Path) -> None:
    from rlkd_data.prompts import student_messages

    tokenizer = open_tokenizer(settings(tiny, chat_template="r1"), resolve(str(tiny)))
    assert written(tokenizer, student_messages("1 + 1?"), "r1").endswith("<｜Assistant｜>")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('system is not supported') }}", "cannot write system and user messages: system is not"),
        ("{% for m in messages %}", "cannot write system and user messages"),
        (None, "neither a file that can be read nor one of chatml, plain, r1"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line(
    tiny: Path, tmp_path: Path, template: str | None, said: str
) -> None:
    path = tmp_path / "own.jinja"
    if template is not None:
        path.write_text(template)
    with pytest.raises(InputError, match=said):
        open_tokenizer(settings(tiny, chat_template=str(path), system_prompt="S"), resolve(str(tiny)))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"max_completion": 2000}, r"has 2,048 positions.*longest prompt \(1\d\d tokens\).*max_completion to 1,9\d\d"),
        ({"prompts_per_step": 6}, "5 problems and prompts_per_step 6.*set prompts_per_step to 5 or less"),
        ({"max_prompt": 3}, "no prompt is as short as max_prompt"),
    ],
)
def test_what_no_step_could_be_made_of_is_refused(tiny: Path, more: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        with_room(settings(tiny, **more), resolve(str(tiny)), tasks())


def test_the_command_refuses_before_it_opens_a_gsrm(tiny: Path, tmp_path: Path) -> None:
    from rlkd_train.grpo.run import train_grpo
    from tests.support.grpo_run import make_run

    path = make_run(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1", prompts_per_step=4)
    with pytest.raises(InputError, match="2 problems and prompts_per_step 4"):
        train_grpo(GrpoSettings.model_validate(json.loads(path.read_text())), tmp_path / "run")


@pytest.mark.parametrize(
    ("total", "micro_batch", "processes", "expected"),
    [(32, 8, 1, (8, 4)), (32, 8, 2, (8, 2)), (32, 8, 8, (4, 1)), (24, 8, 2, (6, 2)), (16, 1, 4, (1, 4))],
)
def test_a_step_is_of_the_same_sequences_whatever_the_processes(
    total: int, micro_batch: int, processes: int, expected: tuple[int, int]
) -> None:
    assert share(total, micro_batch, processes, "x") == expected
    assert expected[0] * expected[1] * processes == total


@pytest.mark.parametrize(
    ("micro_batch", "processes", "said"), [(5, 1, "does not divide the 16"), (4, 3, "3 processes cannot share the 16")]
)
def test_a_step_that_cannot_be_shared_is_refused(micro_batch: int, processes: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        share(16, micro_batch, processes, "the 16 completions")


@pytest.mark.parametrize(
    ("vendor", "kind", "hidden", "told"),
    [
        ("0x10de", "0x030200", None, True),
        ("0x10de", "0x030200", "", False),
        ("0x10de", "0x040300", None, False),  # its sound
        ("0x1af4", "0x030000", None, False),
    ],
)
def test_a_card_that_torch_cannot_use_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, kind: str, hidden: str | None, told: bool
) -> None:
    import torch

    (tmp_path / "0000:01").mkdir()
    (tmp_path / "0000:01/vendor").write_text(f"{vendor}\n")
    (tmp_path / "0000:01/class").write_text(f"{kind}\n")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    said = unused_card(tmp_path)
    assert (said is not None) is told
    if said is not None:
        assert "has an NVIDIA card" in said and "training runs on the CPU" in said
