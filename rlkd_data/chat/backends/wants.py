"""What one model at one server wants of a request: learned from its first refusal, said once, and held to from then on.

Models differ in what they take (no temperature, another name for the longest reply), gateways in what they pass on.
What was sent in the end is what the store's key is made of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rlkd_data.chat.backends.refusals import LENGTHS, blames_length, refusal, room
from rlkd_data.chat.types import Adapted, Failed, Misused, Rejected
from rlkd_data.run.progress import say
from rlkd_data.schema import Sampling


class Wants:
    """`who` names the model and its server, for people. `needed`: fields that its protocol cannot do without."""

    def __init__(self, who: str, needed: Collection[str] = ()) -> None:
        self._who, self._needed = who, needed
        self._renamed: dict[str, str] = {}
        self._dropped: set[str] = set()
        self._most: int | None = None
        self._clamped = False

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A body as the model takes it."""
        found: dict[str, Any] = {}
        for given, value in body.items():
            name = self._renamed.get(given, given)
            if name in self._dropped:
                continue
            longest = name in LENGTHS and self._most is not None
            found[name] = min(value, self._most) if longest else value
        return found

    def check(self, body: Mapping[str, Any]) -> None:
        """Raises Adapted for a body that was made before the model's wants were known."""
        if self.apply(body) != body:
            raise Adapted(f"{self._who} takes another form of the request")

    def lesson(self, refused: Rejected, sent: Mapping[str, Any]) -> Failed:
        """What a refusal means: Adapted where another form of the request may be taken, Misused where a setting must be
        changed, otherwise the refusal itself."""
        if self.apply(sent) != sent:  # sent before another's refusal taught this
            return Adapted(str(refused))
        return self._shorter(refused, sent) or self._without(refused, sent) or refused

    def _without(self, refused: Rejected, sent: Mapping[str, Any]) -> Failed | None:
        found = refusal(refused.body, sent) if refused.reason == "bad_request" else None
        if found is None or any(name in self._needed and not found.instead for name in found.fields):
            return None
        first = found.fields[0]
        instead = found.instead or next((n for n in LENGTHS[:2] if first in LENGTHS and n != first), None)
        if instead is not None and first not in self._renamed.values():
            self._renamed[first] = instead
            say(f"{self._who} takes no {first}: {instead} is sent in its place")
        else:
            self._dropped.update(found.fields)
            said = ", ".join(found.fields)
            say(f"{self._who} takes no {said}: sent without from here on ({_quoted(refused)})")
        return Adapted(str(refused))

    def _shorter(self, refused: Rejected, sent: Mapping[str, Any]) -> Failed | None:
        asked = next((sent[name] for name in LENGTHS if isinstance(sent.get(name), int)), None)
        if asked is None or refused.reason not in ("too_long", "bad_request"):
            return None
        left = room(refused.body, asked)
        if left is None:
            if refused.reason == "bad_request" and blames_length(refused.body):
                return Misused(f"{refused} – {asked:,} tokens are asked for: give a smaller --max-tokens")
            return None
        if not left.tokens:
            return Rejected(str(refused), reason="too_long", body=refused.body)
        if left.always:
            self._most = left.tokens
            say(f"{self._who} writes at most {left.tokens:,} tokens: that is asked for, not {asked:,}")
            return Adapted(str(refused))
        if not self._clamped:
            self._clamped = True
            say(
                f"{self._who} has not {asked:,} tokens left beside a prompt: where that is so, what is left is asked "
                f"for (now {left.tokens:,})"
            )
        return Adapted(str(refused), max_tokens=left.tokens)


def sampling_of(body: Mapping[str, Any], asked: Sampling) -> Sampling:
    """How a reply is drawn by the body that is sent."""
    return Sampling(
        temperature=_number(body.get("temperature")),
        top_p=_number(body.get("top_p")),
        max_tokens=_integer(next((body[name] for name in LENGTHS if name in body), None)),
        seed=_integer(body.get("seed", body.get("random_seed"))),
        sample_index=asked.sample_index,
    )


def _number(value: Any) -> float | None:
    """None for what is no number: a field of the user's own (`extra_body`) may hold anything."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _integer(value: Any) -> int | None:
    """The same, of what a table's 64 bits hold."""
    return value if isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63 else None


def _quoted(refused: Rejected) -> str:
    return str(refused).partition(" answered ")[2] or str(refused)
