"""GSM8K (Cobbe et al. 2021): a problem and a human-written solution, which is the trace.

The published rows hold `question` and `answer`; the answer's lines carry calculator marks (`<<48/2=24>>`), its last one
is `#### 72`. In the *socratic* configuration each line is `sub-question ** answer`.
"""

from __future__ import annotations

import re

from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, required, text

TEACHER = "human:gsm8k"
_MARK = re.compile(r"<<[^<>]*>>")


def read(record: Record) -> SourceRow:
    """A row as published, or one that holds problem, solution and answer apart."""
    problem = required(record, "question", "problem")
    solution = text(record, "solution")
    answer = text(record, "answer")
    if solution is None:
        solution, hashes, answer = (answer or "").rpartition("####")
        if not hashes:
            raise _without_answer(problem)
    return row(record, problem, solution, answer)


def read_socratic(record: Record) -> SourceRow:
    """A socratic row as published, or one that holds `steps` with question and answer. The sub-questions are gold for a
    decomposition, and so no part of the trace."""
    problem = required(record, "question", "problem")
    steps = record.get("steps")
    if steps is not None:
        lines = [str(step["answer"]) for step in steps]
        return row(record, problem, "\n".join(lines), text(record, "answer"))
    body, hashes, answer = (text(record, "answer") or "").rpartition("####")
    if not hashes:
        raise _without_answer(problem)
    return row(record, problem, "\n".join(line.rpartition(" ** ")[2] for line in body.splitlines()), answer)


def row(record: Record, problem: str, solution: str, answer: str | None) -> SourceRow:
    answer = (answer or "").strip()
    if not answer:
        raise Unusable("no_final_answer", "the row has no final answer", SourceRow(problem, None, "math"))
    reasoning = _MARK.sub("", solution).strip()
    if not reasoning:
        raise Unusable("no_reasoning", "the row has no solution", SourceRow(problem, answer, "math"))
    return SourceRow(
        problem=problem,
        answer=answer,
        reasoning=reasoning,
        response=f"The final answer is \\boxed{{{answer}}}.",
        final_answer=answer,
        teacher=TEACHER,
        source=text(record, "source"),
        license=text(record, "license"),
    )


def _without_answer(problem: str) -> Unusable:
    return Unusable("no_final_answer", "the answer column has no line '#### …'", SourceRow(problem, None, "math"))


def _has_hashes(record: Record) -> bool:
    return "#### " in str(record["answer"])


def _has_marks(record: Record) -> bool:
    return _MARK.search(str(record["solution"])) is not None


def _has_sub_questions(record: Record) -> bool:
    return _has_hashes(record) and " ** " in str(record["answer"])


def _steps_are_pairs(record: Record) -> bool:
    steps = record["steps"]
    return isinstance(steps, list) and bool(steps) and isinstance(steps[0], dict)


_COLUMNS = frozenset({"question", "answer"})

GSM8K = Adapter("gsm8k", _COLUMNS, read, domain="math", fits=_has_hashes)
GSM8K_APART = Adapter("gsm8k", frozenset({"problem", "solution", "answer"}), read, domain="math", fits=_has_marks)
GSM8K_SOCRATIC = Adapter("gsm8k-socratic", _COLUMNS, read_socratic, domain="math", fits=_has_sub_questions)
GSM8K_STEPS = Adapter(
    "gsm8k-socratic", frozenset({"problem", "steps"}), read_socratic, domain="math", fits=_steps_are_pairs
)
