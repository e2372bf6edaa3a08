"""Renders prompts/*.j2, and names each prompt by a hash of its content."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from rlkd_data.chat.types import Message
from rlkd_data.resources import resource
from rlkd_data.schema import content_hash

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

STUDENT = "student.j2"
"""What a student is asked with: the same in SFT, GRPO and evaluation."""
GSRM = ("gsrm.system.j2", "gsrm.user.j2")
"""The zero-shot prompt that a GSRM is trained with and asked with."""


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def source(name: str) -> str:
    """The text of a template, without its last line break."""
    return resource("prompts", name).read_text(encoding="utf-8").rstrip("\n")


def render_template(name: str, **values: Any) -> str:
    """A template filled in. Values are data: their text is never read as a template."""
    return _environment().from_string(source(name)).render(**values)


def prompt_id(*names: str) -> str:
    """Names a prompt by the content of its templates."""
    return content_hash("prompt", *(source(name) for name in names), length=12)


def gsrm_messages(problem: str, reasoning: str) -> tuple[Message, ...]:
    """What a GSRM is asked."""
    system, user = GSRM
    return (
        Message("system", render_template(system)),
        Message("user", render_template(user, problem=problem.strip(), reasoning=reasoning.strip())),
    )


def student_messages(problem: str) -> tuple[Message, ...]:
    """What a student is asked."""
    return (Message("user", render_template(STUDENT, problem=problem.strip())),)
