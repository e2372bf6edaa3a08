"""The tokenizer of a model to train, with the chat template that the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.models import LocalModel
from rlkd_data.chat.types import Message
from rlkd_data.errors import InputError
from rlkd_data.prompts import student_messages
from rlkd_data.run.resources import resource
from rlkd_train.config import StudentSettings, TrainSettings

TEMPLATES = "models", "chat"
"""Where the templates are that travel with rlkd."""


def open_tokenizer(settings: TrainSettings, found: LocalModel) -> Any:
    """The tokenizer of the model in `found`, which can write a conversation. Raises InputError where the model has no
    chat template and the settings name none, where the template refuses what it would be given, and where no token ends
    a completion."""
    from transformers import AutoTokenizer

    own = (found.path / "tokenizer_config.json").exists() or found.base is None
    where = found.path if own else found.base.path if found.base else found.path
    try:
        tokenizer = AutoTokenizer.from_pretrained(where)
    except (OSError, ValueError) as problem:
        raise InputError(f"{where}: its tokenizer cannot be loaded: {_one_line(problem)}") from None
    if settings.chat_template is not None:
        tokenizer.chat_template = template(settings.chat_template)
    if not tokenizer.chat_template:
        raise InputError(
            f"{settings.model} has no chat template (a base model has none): set chat_template to plain, chatml or a "
            "file of your own"
        )
    if tokenizer.eos_token_id is None:
        raise InputError(f"{settings.model}: its tokenizer has no token that ends a completion (eos_token)")
    system = settings.system_prompt if isinstance(settings, StudentSettings) else None
    written(tokenizer, student_messages("1 + 1?", system), settings.chat_template or settings.model)
    return tokenizer


def template(name: str) -> str:
    """The text of a chat template: one that travels with rlkd, or a file's. Raises InputError for neither."""
    names = sorted(path.stem for path in resource(*TEMPLATES).glob("*.jinja"))
    if name in names:
        return resource(*TEMPLATES, f"{name}.jinja").read_text(encoding="utf-8")
    try:
        return Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"chat_template: {name!r} is neither a file that can be read nor one of {', '.join(names)}"
        ) from None


def written(tokenizer: Any, messages: Sequence[Message], where: str, switches: Mapping[str, Any] | None = None) -> str:
    """The conversation up to and with the opening of the model's turn, as the chat template writes it. Raises
    InputError where it cannot: some refuse a system prompt."""
    from jinja2 import TemplateError

    try:
        return str(
            tokenizer.apply_chat_template(
                [{"role": one.role, "content": one.content} for one in messages],
                add_generation_prompt=True,
                tokenize=False,
                **(switches or {}),
            )
        )
    except (TemplateError, TypeError, ValueError) as problem:
        roles = " and ".join(dict.fromkeys(one.role for one in messages))
        raise InputError(
            f"the chat template of {where} cannot write {roles} messages: {_one_line(problem)}; set chat_template to "
            "another"
        ) from None


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split())[:300]
