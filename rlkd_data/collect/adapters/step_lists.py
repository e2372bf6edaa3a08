"""Solutions that are lists of steps, each judged by people.

- openai/prm800k: `question.problem`, `question.ground_truth_answer`; `label.steps[]` with `completions[]` (text,
  rating -1, 0 or 1), `chosen_completion` (an index) or `human_completion`; `label.finish_reason` is `solution`,
  `found_error`, `bad_problem` or `give_up`.
- PRMBench: `problem`, `correct_steps`. ProcessBench: `problem`, `steps`, and `label` (also `first_error_step`), the
  first wrong step counted from 0, or -1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlkd_data.answers.final import final_answer
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, gold, listed, required, text
from rlkd_data.collect.normalise import split_reasoning

_PRM800K = "openai:prm800k"
_ANSWER_HEADING = "# Answer"
"""Stands before the answer in the last step of a PRM800K solution."""


def read_prm800k(record: Record) -> SourceRow:
    """The path that the labellers followed to the right answer. Raises Unusable where it leads nowhere."""
    question, label = _mapping(record.get("question")), _mapping(record.get("label"))
    row = SourceRow(
        problem=required(question, "problem"),
        answer=text(question, "ground_truth_answer"),
        domain="math",
        teacher=_PRM800K,
    )
    finish = text(label, "finish_reason") or "unknown"
    if finish != "solution":
        raise Unusable(finish, f"the labelling ended with {finish}", row)
    steps = [step for entry in listed(label, "steps") if (step := _followed(_mapping(entry)))]
    return _with_steps(row, steps)


def _followed(step: Mapping[str, Any]) -> str | None:
    completions = [_mapping(completion) for completion in listed(step, "completions")]
    chosen = step.get("chosen_completion")
    if isinstance(chosen, int) and 0 <= chosen < len(completions):
        return text(completions[chosen], "text")
    written = step.get("human_completion")
    if written:
        return text(written, "text") if isinstance(written, Mapping) else str(written).strip()
    best = max(completions, key=lambda completion: _rating(completion.get("rating")), default=None)
    return text(best, "text") if best is not None else None


def _rating(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else -2.0


def read_plain(record: Record) -> SourceRow:
    """Steps as a list of texts. Raises Unusable where one of them was marked wrong."""
    steps = [str(step).strip() for step in (listed(record, "correct_steps") or listed(record, "steps"))]
    row = SourceRow(
        problem=required(record, "problem", "question"),
        answer=gold(record, "answer", "ground_truth_answer"),
        domain="math",
        teacher=text(record, "generator", "teacher", "model"),
        source=text(record, "source"),
        license=text(record, "license"),
    )
    wrong = next((value for name in ("first_error_step", "label") if isinstance(value := record.get(name), int)), -1)
    if wrong >= 0 and "correct_steps" not in record:
        raise Unusable("wrong_step", f"step {wrong + 1} of {len(steps)} was marked wrong", row)
    return _with_steps(row, [step for step in steps if step])


def _with_steps(row: SourceRow, steps: Sequence[str]) -> SourceRow:
    from dataclasses import replace

    if not steps:
        raise Unusable("no_steps", "the row has no steps", row)
    body, heading, answer = steps[-1].rpartition(_ANSWER_HEADING)
    if heading and answer.strip():
        reasoning = "\n\n".join(step.strip() for step in (*steps[:-1], body) if step.strip())
        said = answer.strip()
        return replace(row, reasoning=reasoning, response=f"The answer is {said}", final_answer=said)
    parts = split_reasoning("\n\n".join(steps), None)
    return replace(row, reasoning=parts.reasoning, response=parts.response, final_answer=final_answer(parts.reasoning))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _are_texts(record: Record) -> bool:
    steps = listed(record, "correct_steps") or listed(record, "steps")
    return bool(steps) and isinstance(steps[0], str)


PRM800K = Adapter(
    "prm800k",
    frozenset({"question", "label"}),
    read_prm800k,
    domain="math",
    fits=lambda record: isinstance(record["label"], Mapping) and isinstance(record["question"], Mapping),
)
CORRECT_STEPS = Adapter("steps", frozenset({"problem", "correct_steps"}), read_plain, domain="math", fits=_are_texts)
STEPS = Adapter("steps", frozenset({"problem", "steps"}), read_plain, domain="math", fits=_are_texts)
