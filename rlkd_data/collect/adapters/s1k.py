"""simplescaling/s1K: one Gemini trace a question (`thinking_trajectories`, `attempt`). s1K-1.1 has a DeepSeek-R1 trace
(`deepseek_thinking_trajectory`, `deepseek_attempt`) and a Gemini one (`gemini_…`); DeepSeek's comes first."""

from __future__ import annotations

from collections.abc import Iterator

from rlkd_data.answers.final import answer_of_reply, final_answer
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, as_domain, listed, required, text
from rlkd_data.collect.normalise import split_reasoning

DEEPSEEK = "deepseek-ai/DeepSeek-R1"
GEMINI = "google/gemini-2.0-flash-thinking-exp"
_SHORT = 100
"""Characters up to which a solution without a stated answer is the answer itself."""


def read_all(record: Record) -> list[SourceRow]:
    """Raises Unusable where there is no trace."""
    problem = required(record, "question")
    solution = text(record, "solution")
    gold = solution and (final_answer(solution) or (solution if len(solution) <= _SHORT else None))
    domain = as_domain(text(record, "cot_type")) or "math"
    rows = []
    for index, (teacher, thought, attempt) in enumerate(_traces(record)):
        parts = split_reasoning(attempt, thought)
        rows.append(
            SourceRow(
                problem=problem,
                answer=gold,
                domain=domain,
                reasoning=parts.reasoning,
                response=parts.response,
                final_answer=answer_of_reply(parts.response, parts.reasoning),
                teacher=teacher,
                sample_index=index,
            )
        )
    if not rows:
        raise Unusable("no_reasoning", "the row has no thinking trajectory", SourceRow(problem, gold, domain))
    return rows


def _traces(record: Record) -> Iterator[tuple[str, str, str]]:
    for name, teacher in (("deepseek", DEEPSEEK), ("gemini", GEMINI)):
        thought = text(record, f"{name}_thinking_trajectory")
        if thought:
            yield teacher, thought, text(record, f"{name}_attempt") or ""
    thoughts = listed(record, "thinking_trajectories") or [text(record, "thinking_trajectories")]
    for thought in thoughts:
        if isinstance(thought, str) and thought.strip():
            yield GEMINI, thought, text(record, "attempt") or ""


def read(record: Record) -> SourceRow:
    return read_all(record)[0]


S1K = Adapter("s1k", frozenset({"question", "thinking_trajectories", "attempt"}), read, read_all=read_all)
S1K_11 = Adapter("s1k", frozenset({"question", "deepseek_thinking_trajectory"}), read, read_all=read_all)
