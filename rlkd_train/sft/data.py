"""What a student learns from: traces, as the prompt that it will be asked with and the teacher's whole answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlkd_data.schema import TRACES, Trace
from rlkd_data.tables import read_rows
from rlkd_train.config import SftSettings
from rlkd_train.sft.examples import Example, prompt_text

OPEN, CLOSE = "<think>", "</think>"


def student_examples(settings: SftSettings, tokenizer: Any, left_out: dict[str, int]) -> Iterator[Example]:
    """The usable traces, in their tables' order. `left_out` counts the others by reason as they are met."""
    from rlkd_data.prompts import student_messages

    for folder in settings.traces:
        for trace in read_rows(folder, TRACES):
            reason = unusable(trace, settings)
            if reason is not None:
                left_out[reason] = left_out.get(reason, 0) + 1
                continue
            messages = tuple(student_messages(trace.problem, settings.system_prompt))
            opened = prompt_text(tokenizer, messages).rstrip().endswith(OPEN)
            yield Example(messages, completion(trace, think_tags=settings.think_tags, opened=opened))


def unusable(trace: Trace, settings: SftSettings) -> str | None:
    """Why a trace cannot be learned from, as a code, or None."""
    if not (trace.reasoning.strip() or trace.response.strip()):
        return "empty"
    if trace.finish_reason == "length":  # it would teach to stop in the middle
        return "truncated"
    if settings.only_correct and trace.is_correct is not True:
        return "not_correct"
    if trace.is_correct is False and not settings.keep_wrong:
        return "wrong"
    return None


def completion(trace: Trace, *, think_tags: bool, opened: bool = False) -> str:
    """`<think>`, reasoning, `</think>`, response. `opened`: the chat template has written the first tag already.

    Tags inside the texts are data, but would end the reasoning early for whoever reads the completion: they are
    written without their brackets.
    """
    reasoning, response = (_without_tags(text.strip()) for text in (trace.reasoning, trace.response))
    if think_tags and (reasoning or opened):
        reasoning = f"{'' if opened else OPEN + chr(10)}{reasoning}\n{CLOSE}"
    return "\n\n".join(part for part in (reasoning, response) if part)


def _without_tags(text: str) -> str:
    return text.replace(OPEN, "think").replace(CLOSE, "/think")
