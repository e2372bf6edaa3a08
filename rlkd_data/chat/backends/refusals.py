"""What a server's refusal says about a request's fields: which it does not take, under which name it would, and how
many tokens it would write. Pure; wordings differ from server to server, so words are looked for, not sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens")
"""The names under which servers take the longest reply."""
_OTHER_NAMES = dict.fromkeys(LENGTHS, LENGTHS) | {"seed": ("random_seed",), "stop": ("stop_sequences",)}
_REFUSES = re.compile(
    r"unsupported|unrecogni[sz]ed|deprecated|extra_forbidden|extra (?:input|field|propert)|additional propert"
    r"|not (?:\w+ )?(?:supported|permitted|allowed|available|compatible|accepted|recogni[sz]ed|defined)"
    r"|n[o']t (?:support|accept|allow|recogni[sz]e)|unknown (?:\w+ )?(?:parameter|field|argument|name|key)"
    r"|unexpected (?:\w+ )?(?:keyword|parameter|argument|field|property)|no longer|only (?:the )?default"
    r"|must be (?:unset|omitted|removed)|can(?:not|'t) (?:both )?be (?:set|specified|used|both)|\bonly one of",
    re.IGNORECASE,
)
_KEPT = ("model", "messages", "system", "response_format", "output_config", "logprobs", "top_logprobs")
"""A request without them is another question."""
_PLAIN_WORDS = ("stop", "user", "n", "tools", "store", "reasoning", "thinking", "modalities", "metadata")
"""Names that stand in sentences about other things: they count where they are quoted, or are called a parameter."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Fields of a body that a server does not take. `instead`: the name under which it takes the first."""

    fields: tuple[str, ...]
    instead: str | None = None


def refusal(body: str, sent: Collection[str]) -> Refusal | None:
    """What the body of an error says of the fields that were `sent`; None where it is about something else."""
    sent = [name for name in sent if name not in _KEPT]
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = body
    complaints = list(_complaints(told))
    if not any(_REFUSES.search(text) for _, text in complaints):
        return None
    named = [name for name, text in complaints if name in sent and _REFUSES.search(text)]
    if not named:
        text = " ".join(text for _, text in complaints)
        named = [name for name in sent if _is_named(name, text)]
        if len(named) > 1 and re.search(r"\bboth\b|only one of", text, re.IGNORECASE):
            named = [name for name in named if name != "temperature"][-1:]  # of the two, it says more
    if not named:
        return None
    text = " ".join(text for _, text in complaints)
    others = (one for one in _OTHER_NAMES.get(named[0], ()) if one not in sent)
    return Refusal(tuple(dict.fromkeys(named)), next((one for one in others if _is_named(one, text)), None))


def _complaints(told: Any, depth: int = 0) -> Iterator[tuple[str | None, str]]:
    """(the field that it names, what is said of it) for every complaint of an error's body, however deep."""
    if isinstance(told, str):
        yield None, told
    elif isinstance(told, list) and depth < 8:
        for one in told:
            yield from _complaints(one, depth + 1)
    elif isinstance(told, dict) and depth < 8:
        said = " ".join(str(told[key]) for key in ("type", "code", "message", "msg", "status") if _is_text(told, key))
        place = told.get("param") or told.get("loc") or told.get("field")
        parts = [str(part) for part in place] if isinstance(place, list) else re.split(r"[.\[/]", str(place or ""))
        found = next((part for part in parts if part and part not in ("body", "query")), None)
        if said:
            yield found, said
        for key, inner in told.items():
            if isinstance(inner, (dict, list)) or key in ("detail", "error", "raw"):
                yield from _complaints(inner, depth + 1)


def _is_text(told: dict[str, Any], key: str) -> bool:
    return isinstance(told.get(key), str)


def _is_named(name: str, text: str) -> bool:
    """Whether a text speaks of a field: for a word of every day, as a field."""
    word = rf"(?<![\w.-]){re.escape(name)}(?![\w-])"
    if name in _PLAIN_WORDS:
        word = (
            rf"[`'\"]{re.escape(name)}[`'\"]|(?:parameter|field|argument):? {word}|{word} (?:parameter|field|argument)"
        )
    return re.search(word, text) is not None


# --- how long a reply may be


@dataclass(frozen=True, slots=True)
class Room:
    """Tokens that a reply may have: of every request (`always`), or beside this request's prompt."""

    tokens: int
    always: bool


_LEAST = 256
"""Tokens: a prompt that leaves less than this to its reply is too long."""
_NUMBER = r"(\d[\d,_]*)"
_ABOUT_LENGTH = re.compile(
    r"max_(?:completion_|output_|new_)?tokens|(?:completion|output|generated|new)[` ]tokens"
    r"|(?:in|for) the (?:completion|output)",
    re.IGNORECASE,
)
_WHOLE = (
    rf"\d \+ [\d,_]+ > {_NUMBER}",
    rf"context (?:length|window|limit|size)[^\d.]{{0,30}}{_NUMBER}",
    rf"{_NUMBER}[ -]tokens? context",
    rf"tokens?`? must be (?:<=|at most|less than or equal to) {_NUMBER}",
)
_PROMPT = (
    rf"{_NUMBER} \+ [\d,_]+ > \d",
    rf"{_NUMBER} (?:of )?(?:text |inputs? |prompt )?(?:tokens )?(?:in|from) the (?:messages|prompt|input)",
    rf"{_NUMBER} (?:of )?`?(?:text input|inputs?|prompt|messages?)`?(?: tokens)?\b",
    rf"(?:input|prompt|messages)(?: \w+)? (?:has|contains?|is|of|tokens:?)[^\d.]{{0,12}}{_NUMBER}",
)
_MOST = (
    rf"(?:at most|up to|(?:no|not) more than|less than or equal to|<=|maximum(?: value)?(?: \w+){{0,4}}(?: is| of|:)?)"
    rf"[^\d.]{{0,12}}{_NUMBER}",
    rf"\[\s*\d+\s*,\s*{_NUMBER}\s*\]",
    rf"\d > {_NUMBER}, which is the maximum",
    rf"between \d+ and {_NUMBER}",
)
_A_MINUTE = re.compile(
    rf"tokens per (?:min(?:ute)?|hour|day)\b.{{0,40}}?\blimit:? {_NUMBER},? requested:? {_NUMBER}",
    re.IGNORECASE | re.DOTALL,
)
"""A limit of tokens a minute that one request alone passes, as Groq (413) and OpenAI (429) say it; where it is what was
used before that leaves no room, that stands between the two."""


def is_beyond_a_minute(text: str) -> bool:
    """Whether a request is larger than all that an account may ask in a minute: waiting does not help it."""
    found = _A_MINUTE.search(text)
    return found is not None and _count(found[2]) > _count(found[1])


def room(text: str, asked: int) -> Room | None:
    """How many tokens a server that found `asked` too many would write; 0 where the prompt alone is too long. None
    where the text is about something else, or names no number."""
    if (found := _A_MINUTE.search(text)) is not None:  # the reply's longest is part of what is counted
        left = asked - max(0, _count(found[2]) - _count(found[1]))
        return Room(left if left >= _LEAST else 0, always=False) if left < asked else None
    if not _ABOUT_LENGTH.search(text):
        return None
    whole, prompt = _first(_WHOLE, text), _first(_PROMPT, text)
    if whole is not None and prompt is not None and whole != prompt:
        left = whole - prompt
        if re.search(rf"at least {prompt}\b", text):  # the prompt was not counted to its end
            left = whole // 2 if asked > whole // 2 else 0
        return Room(left if left >= _LEAST else 0, always=False) if left < asked else None
    if re.search("context", text, re.IGNORECASE) and whole is not None:
        return None
    most = _first(_MOST, text)
    return Room(most, always=True) if most is not None and 0 < most < asked else None


def blames_length(text: str) -> bool:
    """Whether a refusal is about the longest reply that was asked for."""
    return bool(_ABOUT_LENGTH.search(text)) and bool(
        re.search(r"too (?:large|high|big|long)|exceed|greater|less than|at most|must be|maximum|range", text, re.I)
    )


def _first(patterns: tuple[str, ...], text: str) -> int | None:
    for pattern in patterns:
        if found := re.search(pattern, text, re.IGNORECASE):
            return _count(found[1])
    return None


def _count(digits: str) -> int:
    return int(re.sub(r"\D", "", digits))
