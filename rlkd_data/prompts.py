"""Renders prompts/*.j2, and names each prompt by a hash of its content."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlkd_data.chat.types import Message
from rlkd_data.errors import InputError
from rlkd_data.run.resources import resource
from rlkd_data.schema import Domain, Step, content_hash
from rlkd_data.structure.as_json import SCHEMA_JSON, render_json
from rlkd_data.structure.names import SAID
from rlkd_data.structure.render import render

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

TEACHER = "teacher.j2"
DECOMPOSE = ("decompose.system.j2", "decompose.user.j2")
"""The in-context prompt of an annotator; a domain's examples stand between its two parts."""
REPAIR = "repair.j2"
CONTINUE = "continue.j2"
"""What an annotator is told where its reply failed a check, and where it was cut off."""
STUDENT = "student.j2"
"""What a student is asked with: the same in SFT, GRPO and evaluation."""
GSRM = ("gsrm.system.j2", "gsrm.user.j2")
"""The zero-shot prompt that a GSRM is trained with and asked with."""

Format = Literal["tagged", "json"]

_CHOICES = re.compile(r"^\(?A[).:]\s.*\n(?:.*\n)*?\(?B[).:]\s", re.MULTILINE)


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _template(name: str) -> Template:
    """Compiled once: a reward renders thousands of prompts a step, and compiling takes longer than asking the store."""
    return _environment().from_string(source(name))


@cache
def source(name: str) -> str:
    """The text of a template, without its last line break."""
    return resource("prompts", name).read_text(encoding="utf-8").rstrip("\n")


def render_template(name: str, **values: Any) -> str:
    """A template filled in. Values are data: their text is never read as a template."""
    return _template(name).render(**values)


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


def student_messages(problem: str, system: str | None = None) -> tuple[Message, ...]:
    """What a student is asked, after what it is told before every problem."""
    before = (Message("system", system),) if system else ()
    return (*before, Message("user", render_template(STUDENT, problem=problem.strip())))


@dataclass(frozen=True, slots=True)
class OwnPrompt:
    """A user's own prompt: a template of the question, where there is one, and what is said before it."""

    template: str | None = None
    system: str | None = None
    where: str = ""

    @property
    def is_one(self) -> bool:
        return self.template is not None or self.system is not None

    def prompt_id(self, *names: str) -> str:
        """Names it by its content, and by that of the shipped templates that go with it."""
        return content_hash("prompt", self.template, self.system, *(source(name) for name in names), length=12)

    def ask(self, usual: str, **values: Any) -> tuple[Message, ...]:
        """The messages: those of the template, or of the shipped one. Raises InputError where it cannot be filled in.
        It runs in a sandbox, and values are data: their text is never read as a template."""
        text = render_template(usual, **values) if self.template is None else self._filled(values)
        before = () if self.system is None else (Message("system", self.system),)
        return (*before, Message("user", text))

    def _filled(self, values: dict[str, Any]) -> str:
        from jinja2 import TemplateError

        try:
            return _own_template(self.template or "").render(**values)
        except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
            line = getattr(problem, "lineno", None)
            said = " ".join(str(problem).split())
            raise InputError(
                f"{self.where}{f':{line}' if line else ''} cannot be filled in: {said} (it may use {', '.join(values)})"
            ) from None


@cache
def _own_template(text: str) -> Template:
    return _environment().from_string(text)


def own_prompt(file: Path | None, system: str | None) -> OwnPrompt:
    """A user's prompt. Raises InputError for a file that cannot be read or holds no template."""
    if file is None:
        return OwnPrompt(None, system)
    try:
        text = file.expanduser().read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"the prompt {file} cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    if "{{" not in text:
        raise InputError(f"the prompt {file} asks the same of every row: it names no value, as {{{{ problem }}}}")
    return OwnPrompt(text, system, str(file))


def teacher_messages(problem: str, domain: Domain, own: OwnPrompt | None = None) -> tuple[Message, ...]:
    """What a teacher is asked. A problem whose lines offer choices asks for a letter."""
    choices = _CHOICES.search(problem) is not None
    if own is not None and own.is_one:
        return own.ask(TEACHER, problem=problem.strip(), domain=domain, choices=choices)
    return (Message("user", render_template(TEACHER, problem=problem.strip(), domain=domain, choices=choices)),)


@dataclass(frozen=True, slots=True)
class FewShot:
    """A domain's words for the system prompt, and its worked examples."""

    values: dict[str, str]
    examples: tuple[tuple[str, str, tuple[Step, ...], str | None], ...]
    """(problem, reasoning, steps, final answer)"""


@cache
def few_shot(domain: Domain) -> FewShot:
    """The shipped examples of a domain."""
    import yaml

    found = yaml.safe_load(source(f"few_shot/{domain}.yaml"))
    examples = tuple((e["problem"].strip(), e["reasoning"].strip(), *example_steps(e)) for e in found["examples"])
    return FewShot({name: found[name] for name in ("domain_name", "working", "hint")}, examples)


def example_steps(example: dict[str, Any]) -> tuple[tuple[Step, ...], str | None]:
    """The steps and final answer of one entry of a few-shot file."""
    steps = tuple(
        Step(number, step["meta"].strip(), step["question"].strip(), step["answer"].strip())
        for number, step in enumerate(example["steps"], 1)
    )
    return steps, example["final_answer"]


@cache
def decompose_prefix(domain: Domain, form: Format = "tagged") -> tuple[Message, ...]:
    """All that an annotator is told before the trace: the same for all traces of a domain, to the byte, so that a
    server's prefix cache serves it. The examples are rendered, so that their form cannot drift from what is parsed."""
    system, user = DECOMPOSE
    shots = few_shot(domain)
    write = render_json if form == "json" else render
    messages = [Message("system", render_template(system, format=form, **shots.values))]
    for problem, reasoning, steps, final_answer in shots.examples:
        asked = render_template(user, problem=problem, reasoning=reasoning, part=None)
        messages += [Message("user", asked), Message("assistant", write(steps, final_answer))]
    return tuple(messages)


def decompose_messages(
    problem: str, reasoning: str, domain: Domain, form: Format = "tagged", part: tuple[int, int, int] | None = None
) -> tuple[Message, ...]:
    """What an annotator is asked, in context. `part` is (first character, last, of how many) where the reasoning is a
    piece of one that was cut."""
    values = {"problem": problem.strip(), "reasoning": reasoning.strip(), "part": part}
    return (*decompose_prefix(domain, form), Message("user", render_template(DECOMPOSE[1], **values)))


def repair_message(failures: Iterable[tuple[str, str | None]]) -> Message:
    """Tells an annotator which checks its reply failed: (code, where) each."""
    told = [(SAID.get(code, code), where) for code, where in failures]
    return Message("user", render_template(REPAIR, failures=told))


def continue_message() -> Message:
    """Asks for the rest of a reply that was cut off."""
    return Message("user", render_template(CONTINUE))


@cache
def decompose_prompt_id(domain: Domain, form: Format = "tagged") -> str:
    """Names a domain's in-context prompt by the content of its templates and examples, and by its form."""
    names = (*DECOMPOSE, f"few_shot/{domain}.yaml", REPAIR, CONTINUE)
    return prompt_id(*names) if form == "tagged" else content_hash("prompt", prompt_id(*names), SCHEMA_JSON, length=12)
