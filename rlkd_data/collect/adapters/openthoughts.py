"""open-thoughts/OpenThoughts-114k: one DeepSeek-R1 trace a problem.

The `metadata` configuration holds the parts in columns of their own and names the domain; the default one holds
`conversations` with the parts between `<|begin_of_thought|>` and its fellows.
"""

from __future__ import annotations

from rlkd_data.answers.final import final_answer
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, as_domain, listed, required, text
from rlkd_data.collect.normalise import split_reasoning

TEACHER = "deepseek-ai/DeepSeek-R1"
_SHORT = 100
"""Characters up to which a ground truth without a boxed answer is the answer itself, not a worked solution."""


def read(record: Record) -> SourceRow:
    if record.get("conversations"):
        return _conversation(record)
    problem = required(record, "problem")
    gold, domain = _gold(text(record, "ground_truth_solution")), as_domain(text(record, "domain"))
    thought = text(record, "deepseek_reasoning")
    if thought is None:
        raise Unusable("no_reasoning", "no text in column deepseek_reasoning", SourceRow(problem, gold, domain))
    reasoning = split_reasoning(thought).reasoning
    response = text(record, "deepseek_solution") or ""
    return SourceRow(
        problem=problem,
        answer=gold,
        domain=domain,
        reasoning=reasoning,
        response=response,
        final_answer=final_answer(response),
        teacher=TEACHER,
    )


def _conversation(record: Record) -> SourceRow:
    turns = {
        turn.get("from"): text(turn, "value") for turn in listed(record, "conversations") if isinstance(turn, dict)
    }
    asked, said = turns.get("user"), turns.get("assistant")
    if not asked or not said:
        raise Unusable("no_conversation", "conversations has no user and assistant turn")
    parts = split_reasoning(said)
    if parts.open_ended:
        raise Unusable("truncated", "the reasoning is never closed", SourceRow(asked))
    return SourceRow(
        problem=asked,
        reasoning=parts.reasoning,
        response=parts.response,
        final_answer=final_answer(parts.response),
        teacher=TEACHER,
    )


def _gold(solution: str | None) -> str | None:
    if solution is None:
        return None
    return final_answer(solution) or (solution if len(solution) <= _SHORT else None)


OPENTHOUGHTS = Adapter("openthoughts", frozenset({"deepseek_reasoning", "deepseek_solution"}), read)
OPENTHOUGHTS_CHAT = Adapter(
    "openthoughts-chat",
    frozenset({"conversations", "system"}),
    read,
    fits=lambda record: "<|begin_of_thought|>" in str(record["conversations"]),  # others have other teachers
)
