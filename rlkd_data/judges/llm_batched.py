"""The `llm-batched` judge: a chat model is asked about all pairs of a completion in one request, and answers with a
JSON object. A pair that the reply does not cover is unscored, never "no"."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence

from rlkd_data.chat.client import Client
from rlkd_data.chat.types import Failed, Hopeless, Message, Rejected, Reply, Request
from rlkd_data.errors import InputError
from rlkd_data.judges.base import Pair, Verdict
from rlkd_data.judges.thinking import ROOM, needs_room, spoken
from rlkd_data.prompts import render_template
from rlkd_data.run.together import together
from rlkd_data.schema import Sampling

PROMPT = "judge_batched.j2"
_TOKENS_A_PAIR = 12
_TOKENS_BESIDE = 32
_WORDS = {"yes": True, "no": False}


class LlmBatchedJudge:
    """One request for the pairs of each group (`Pair.group`). Raises InputError for a backend without JSON schemas."""

    whole = True

    def __init__(self, client: Client) -> None:
        self._client = client
        try:
            client.backend.wire(self.request([Pair("meta", "a", "b", "c")]))
        except InputError as refused:
            raise InputError(f"a judge of kind llm-batched needs JSON schemas ({refused}): use kind: llm") from None

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        groups: dict[Hashable, list[int]] = {}
        for number, pair in enumerate(pairs):
            groups.setdefault(pair.group, []).append(number)
        answers = await together(self._judge([pairs[n] for n in numbers]) for numbers in groups.values())
        verdicts = [Verdict(None, "llm-batched: not asked")] * len(pairs)
        for numbers, answer in zip(groups.values(), answers, strict=True):
            for number, verdict in zip(numbers, answer, strict=True):
                verdicts[number] = verdict
        return verdicts

    async def _judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        try:
            reply = await self._client.ask(self.request(pairs))
            if needs_room(reply):
                reply = await self._client.ask(self.request(pairs, room=ROOM))
            return read_reply(reply, len(pairs))
        except Hopeless:
            raise
        except Failed as failure:
            verdict = Verdict(None, f"llm-batched: {failure.reason}", failed=not isinstance(failure, Rejected))
            return [verdict] * len(pairs)

    @staticmethod
    def request(pairs: Sequence[Pair], *, room: int = 0) -> Request:
        """The question about the pairs of one comparison. The schema demands an answer for each. `room`: tokens for the
        thought of a judge that thinks."""
        numbers = [str(number) for number in range(1, len(pairs) + 1)]
        schema = {
            "type": "object",
            "properties": {number: {"type": "string", "enum": ["yes", "no"]} for number in numbers},
            "required": numbers,
            "additionalProperties": False,
        }
        text = render_template(PROMPT, pairs=pairs, problem=pairs[0].problem)
        sampling = Sampling(temperature=0.0, max_tokens=_TOKENS_A_PAIR * len(pairs) + _TOKENS_BESIDE + room)
        return Request((Message("user", text),), sampling, schema_json=json.dumps(schema))

    async def close(self) -> None:
        await self._client.close()


def read_reply(reply: Reply, count: int) -> list[Verdict]:
    """A verdict for each of `count` pairs. One that the reply does not name, names twice, or answers with anything but
    yes or no is unscored."""
    given: dict[str, list[object]] = {}
    found = _load(spoken(reply))
    for key, value in found or ():
        given.setdefault(key, []).append(value)
    missing = "llm-batched: not JSON" if found is None else "llm-batched: not covered"
    verdicts = []
    for number in range(1, count + 1):
        values = given.get(str(number), [])
        word = values[0].strip().lower() if len(values) == 1 and isinstance(values[0], str) else None
        match = _WORDS.get(word) if word is not None else None
        said = missing if not values else f"llm-batched said {str(values)[:40]}"
        verdicts.append(Verdict(match, "llm-batched" if match is not None else said))
    return verdicts


def _load(text: str) -> list[tuple[str, object]] | None:
    """The members of a JSON object, those that stand twice too; of one that is cut off or in a code fence, what can be
    read."""
    try:
        found = json.loads(text, object_pairs_hook=lambda members: members)
    except (ValueError, RecursionError):
        import json_repair

        repaired = json_repair.loads(text)
        found = list(repaired.items()) if isinstance(repaired, dict) and repaired else None
    return found if isinstance(found, list) and all(isinstance(one, tuple) for one in found) else None
