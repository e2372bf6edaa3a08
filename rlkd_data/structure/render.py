"""Steps to text: the one format that few-shot examples show, that a GSRM learns, and that `parse` reads back."""

from __future__ import annotations

from collections.abc import Sequence

from rlkd_data.schema import Step
from rlkd_data.structure.escaping import escape


def render(steps: Sequence[Step], final_answer: str | None = None) -> str:
    """The canonical text of a decomposition.

    `parse(render(steps, final_answer))` gives both back, if every part and the final answer is non-empty stripped text
    and the final answer is one paragraph (blank lines in it are left out).
    """
    blocks = [
        f"{opening(number)} {escape(step.meta_reasoning)}\n"
        f"[Sub-problem {number}]: {escape(step.sub_problem)}\n"
        f"[Answer {number}]: {escape(step.answer)}"
        for number, step in enumerate(steps, 1)
    ]
    if final_answer is not None:
        paragraph = "\n".join(line for line in final_answer.split("\n") if line.strip())
        blocks.append(f"[Final answer]: {escape(paragraph)}")
    return "\n\n".join(blocks)


def opening(number: int) -> str:
    """What step `number` (from 1) begins with."""
    return f"[Meta-reasoning {number}]:"
