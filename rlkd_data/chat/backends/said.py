"""What an error's body says, for people and for the scheduler: its sentence, wherever the server put it, and how long
it asks to wait. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>|<h1[^>]*>(.*?)</h1>", re.IGNORECASE | re.DOTALL)
_SENTENCES = ("error", "message", "detail", "msg", "error_description", "title", "errors")
_DEEPEST = 8
_CODES = ("code", "type", "status", "reason", "param")
_LONGEST_CODE = 100
_REPEATED = ("input", "flagged_input", "messages", "content", "prompt", "request", "body")
"""Names under which servers repeat a request."""
_ECHO = re.compile(rf"""(['"])(?:{"|".join(_REPEATED)})\1\s*:.*""", re.DOTALL)
_SPAN = (
    r"(?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|months?|h(?:ours?|r)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?|d(?:ays?)?"
    r"|weeks?)(?![a-z])[\s,]*)+"
)
_WAIT = (
    re.compile(rf"(?:retry|try again|wait|available again|resets?)\b[^.\d]{{0,30}}?({_SPAN})", re.IGNORECASE),
    re.compile(rf'"retry_?delay"\s*:\s*"({_SPAN})"', re.IGNORECASE),
)
_BARE_WAIT = re.compile(r'"(?:retry_?after(?:_?seconds)?|estimated_time)"\s*:\s*"?(\d+(?:\.\d+)?)"?', re.IGNORECASE)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli|mon|h|m|s|d|w)", re.IGNORECASE)
_SECONDS = {
    "ms": 0.001,
    "milli": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "mon": 2592000.0,
}


def sentence(body: str) -> str:
    """What a body says: of JSON its message, with what a provider behind a gateway said; of a web page its title."""
    page = page_title(body)
    if page is not None:
        return f"a web page, {page!r}"
    try:
        return _of(json.loads(body), 0) or body
    except (ValueError, RecursionError):
        return body


def complaint(body: str) -> str:
    """What a body complains of: its sentence and its codes, without the request that some servers repeat in it."""
    try:
        codes = " ".join(_codes(json.loads(body), 0))
    except (ValueError, RecursionError):
        codes = ""
    return f"{codes} {_ECHO.sub('', sentence(body))}"


def _codes(value: Any, depth: int) -> Iterator[str]:
    """The words of an error that are for programs, and the names of what it tells beside them."""
    if depth >= _DEEPEST:
        return
    if isinstance(value, list):
        for one in value[:20]:
            yield from _codes(one, depth + 1)
    elif isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, str) and name in _CODES:
                yield one[:_LONGEST_CODE]
            elif name not in _REPEATED:
                yield from _codes(one, depth + 1)
            elif name == "flagged_input":
                yield name


def page_title(body: str) -> str | None:
    """The title of a web page; empty for one without, None for what is none."""
    if not _PAGE.match(body[:2000]):
        return None
    found = _TITLE.search(body[:100_000])
    text = next((group for group in found.groups() if group), "") if found else ""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def _of(value: Any, depth: int) -> str:
    """The sentence in a value, however deep; empty where there is none."""
    if depth >= _DEEPEST:
        return ""
    match value:
        case str():
            return _inside(value.strip(), depth)
        case list():
            return "; ".join(filter(None, (_of(one, depth + 1) for one in value[:3])))
        case dict():
            return _of_object(value, depth)
        case _:
            return ""


def _inside(text: str, depth: int) -> str:
    """A text that may be JSON again."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return _of(json.loads(text), depth + 1) or text
    except (ValueError, RecursionError):
        return text


def _of_object(value: dict[str, Any], depth: int) -> str:
    outer = next((said for name in _SENTENCES if (said := _of(value.get(name), depth + 1))), "")
    place = value.get("loc")
    if isinstance(place, list) and outer:
        outer = f"{'.'.join(str(part) for part in place if part != 'body')}: {outer}"
    behind = value.get("metadata")
    if isinstance(behind, dict) and (inner := _of(behind.get("raw"), depth + 1)):
        who = behind.get("provider_name")
        return f"{outer}: {inner}" + (f" ({who})" if isinstance(who, str) else "")
    return outer


def asked_wait(body: str) -> float | None:
    """Seconds that a body asks to wait, in its sentence or in a field of its own."""
    for pattern in _WAIT:
        if found := pattern.search(body):
            pieces = _PIECE.findall(found[1])
            return sum(float(number) * _SECONDS[unit.lower()] for number, unit in pieces)
    found = _BARE_WAIT.search(body)
    return float(found[1]) if found else None
