"""Rows that hold a conversation: one problem, and one reply to it.

- `messages`, `conversations` and their like: turns with role and content, or from and value (ShareGPT), where a system
  turn or column may stand before; a reply's thought stands in it between tags, as a part of it, or beside it.
- verl: `prompt` is such a list, the gold answer `reward_model.ground_truth`, the source `data_source`.
- Preferences (DPO): `prompt` or a question with `chosen` and `rejected`; the chosen reply is the trace.
- TRL's prompt and completion, both lists of messages.

What the system said is left out, as it is no part of the problem. Who asks more than once, or calls tools, is Unusable:
a reply to a later question needs the earlier ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlkd_data.answers.final import answer_of_reply
from rlkd_data.collect.adapters import generic
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, as_domain, gold, share, text
from rlkd_data.collect.normalise import split_reasoning

COLUMNS = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns", "prompt")
CHOSEN = ("chosen", "chosen_response", "accepted")
_ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "instruction"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai", "output"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
_THOUGHT = ("reasoning_content", "reasoning", "thinking")
_THINKING_PARTS = frozenset({"thinking", "reasoning", "thought"})


@dataclass(frozen=True, slots=True)
class _Turn:
    role: str
    said: str
    thought: str | None = None


def read(record: Record) -> SourceRow:
    """Raises Unusable where there is no question, more than one, or what is no text."""
    turns = _turns(record)
    asked = [turn for turn in turns if turn.role == "user"]
    problem = _problem(record) or (asked[0].said if asked else None)
    if not problem:
        raise Unusable("no_problem", "no turn of the conversation is the user's")
    bare = SourceRow(
        problem=problem,
        answer=_gold(record, problem),
        domain=as_domain(text(record, "domain", "ability", "category")),
        teacher=text(record, "teacher", "model", "generator"),
        source=text(record, "source", "data_source"),
        license=text(record, "license", "licence"),
        pass_rate=share(record.get("pass_rate")),
    )
    strange = next((turn.role for turn in turns if turn.role not in ("user", "assistant", "system")), None)
    if strange is not None:
        raise Unusable("other_turns", f"the conversation has a turn of {strange!r}", bare)
    replies = [turn for turn in turns if turn.role == "assistant"]
    if len(asked) > 1 or len(replies) > 1:
        said = f"the conversation has {len(asked)} questions and {len(replies)} replies: one of each is a trace"
        raise Unusable("several_turns", said, bare)
    return _with_reply(bare, record, replies[0] if replies else None)


def _with_reply(bare: SourceRow, record: Record, reply: _Turn | None) -> SourceRow:
    from dataclasses import replace

    said = reply.said if reply else text(record, *CHOSEN, *generic.RESPONSE)
    thought = (reply.thought if reply else None) or text(record, *generic.REASONING)
    if said is None and thought is None:
        return bare
    parts = split_reasoning(said or "", thought)
    if parts.open_ended:
        raise Unusable("truncated", "the reasoning is never closed", bare)
    stated = answer_of_reply(parts.response, parts.reasoning)
    return replace(bare, reasoning=parts.reasoning, response=parts.response, final_answer=stated)


def _turns(record: Record) -> list[_Turn]:
    """All turns of a row: of a preference's those before, then the chosen ones, which may repeat the question."""
    before = next((_read(found) for name in COLUMNS if (found := _listed(record.get(name)))), [])
    after = [turn for name in (*CHOSEN, "completion") for turn in _read(_listed(record.get(name)))]
    if any(turn.role == "user" for turn in after):
        return after
    return before + after


def _read(turns: Sequence[Mapping[str, Any]]) -> list[_Turn]:
    return [_turn(turn) for turn in turns]


def _turn(turn: Mapping[str, Any]) -> _Turn:
    named = str(turn.get("role") or turn.get("from") or "").strip().lower()
    role = "tool" if turn.get("tool_calls") else _ROLES.get(named, named or "nobody")
    content = next((turn[name] for name in ("content", "value", "text") if turn.get(name) is not None), None)
    thought = text(turn, *_THOUGHT)
    if not isinstance(content, Sequence) or isinstance(content, str):
        return _Turn(role, text({"said": content}, "said") or "", thought)
    said: list[str] = []
    thoughts = [thought] if thought else []
    for part in content:
        kind = str(part.get("type", "text")) if isinstance(part, Mapping) else "text"
        if kind in _THINKING_PARTS:
            thoughts.append(_inner(part.get(kind) or part.get("text")))
        elif kind in ("text", "output_text", "input_text"):
            said.append(_inner(part.get("text") or part.get("content") if isinstance(part, Mapping) else part))
        else:
            raise Unusable("not_text", f"a turn of {role!r} holds {kind}, which is no text")
    return _Turn(role, "\n".join(said).strip(), "\n".join(filter(None, thoughts)) or None)


def _inner(value: object) -> str:
    """The text of a part, which may be a list of parts again."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(_inner(part.get("text") if isinstance(part, Mapping) else part) for part in value)
    return value if isinstance(value, str) else ""


def _listed(value: object) -> list[Mapping[str, Any]]:
    """A conversation as turns: a list of them, one alone, or either as JSON text. Empty for what is none."""
    if isinstance(value, str) and value.lstrip()[:2] in ("[{", '{"'):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    turns = [turn for turn in value if isinstance(turn, Mapping) and ("role" in turn or "from" in turn)]
    return turns if len(turns) == len(value) else []


def _problem(record: Record) -> str | None:
    """The problem in a column of its own; a conversation as JSON text is none."""
    return text({name: record.get(name) for name in generic.PROBLEM if not _listed(record.get(name))}, *generic.PROBLEM)


def _gold(record: Record, problem: str) -> str | None:
    found = gold(record, *generic.ANSWER, problem=problem)
    for name, inner in (("reward_model", "ground_truth"), ("extra_info", "answer")):
        group = record.get(name)
        if found is None and isinstance(group, Mapping):
            found = gold(group, inner, problem=problem)
    return found


def _is_conversation(record: Record) -> bool:
    if _whole_already(record):
        return False
    chosen = any(record.get(name) for name in CHOSEN)
    return any(_listed(record.get(name)) for name in (*COLUMNS, *CHOSEN)) or (chosen and _problem(record) is not None)


def _whole_already(record: Record) -> bool:
    """Whether problem and reply stand in columns of their own, beside the conversation that is made of them."""
    return _problem(record) is not None and any(
        isinstance(record.get(name), str) and not _listed(record[name])
        for name in (*generic.RESPONSE, *generic.REASONING)
    )


CHAT = Adapter("chat", frozenset(), read, fits=_is_conversation)
