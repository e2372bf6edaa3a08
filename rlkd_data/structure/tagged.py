"""Replies with a tag around each part: `<meta_reasoning>…</meta_reasoning>`, written as lines with markers."""

from __future__ import annotations

import re

from rlkd_data.structure.escaping import escape

_NAMES = (
    ("Meta-reasoning", r"me(?:ta|at)[-_ ]?reasoning|meta|sub[-_ ]?think(?:ing)?"),
    ("Sub-problem", r"sub[-_ ]?(?:problem|question)|question|query"),
    ("Final answer", r"final[-_ ]?answer"),
    ("Answer", r"(?:sub[-_ ]?)?answer"),
)
_TAG = re.compile(
    r"(?P<open>[<\[])(?P<close>/?)[ \t]?(?:"
    + "|".join(f"(?P<n{number}>{pattern})" for number, (_, pattern) in enumerate(_NAMES))
    + r")(?:[-_ ](?P<number>\d{1,6}))?(?P<attributes>(?:[ \t]+[\w-]{1,20}[ \t]?=[ \t]?[\"']?[\w.#-]{0,20}[\"']?){0,4})"
    r"[ \t]?(?:[>\]])",
    re.IGNORECASE,
)
_FINAL = 2
_SQUARE = re.compile(r"\[/[ \t]?me(?:ta|at)", re.IGNORECASE)
_STEP = re.compile(
    r"</?(?:steps?|decomposition|reasoning[-_ ]?steps?|output|response|result|item)(?:[-_ ]?(?P<number>\d{1,6}))?"
    r"(?P<attributes>[^<>\n]{0,80})>|<\?xml[^<>\n]{0,80}\?>",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\b(?:n|id|no|num|number|index|step)[ \t]?=[ \t]?[\"']?(?:step[-_ ]?)?(\d{1,6})", re.IGNORECASE)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&#39;": "'", "&amp;": "&"}
_CDATA = re.compile(r"\s*<!\[CDATA\[(?P<text>.*)\]\]>\s*", re.DOTALL)


def from_tags(text: str) -> str | None:
    """The text with markers in place of tags; None unless every part has an opening and a closing tag, one after the
    other, and a meta-reasoning is among them. A final answer may be said without tags."""
    square = _SQUARE.search(text) is not None
    tags = [tag for tag in _TAG.finditer(text) if (tag["open"] == "[") is square]
    following = [*tags[1:], None]
    tags = [tag for tag, after in zip(tags, following, strict=False) if not _lone_final(tag, after)]
    if len(tags) < 6 or len(tags) % 2 or not any(tag["n0"] and tag["close"] for tag in tags):
        return None
    written: list[str] = []
    at = 0
    step: str | None = None
    for opening, closing in zip(tags[::2], tags[1::2], strict=True):
        if opening["close"] or not closing["close"] or _name(opening) != _name(closing):
            return None
        outside = text[at : opening.start()]
        for found in _STEP.finditer(outside):
            step = found["number"] or _count(found["attributes"]) or (None if "</" in found[0] else step)
        number = opening["number"] or _count(opening["attributes"]) or step
        name = _NAMES[_name(opening)][0]
        if name == "Final answer":
            number = None
        written += [_STEP.sub("", outside).strip(" \t"), f"[{name}{f' {number}' if number else ''}]: "]
        written[-1] += escape(_content(text[opening.end() : closing.start()]))
        at = closing.end()
    written.append(_STEP.sub("", text[at:]))
    return "\n".join(written)


def _lone_final(tag: re.Match[str], after: re.Match[str] | None) -> bool:
    closed = after is not None and after["close"] != "" and _name(after) == _FINAL
    return _name(tag) == _FINAL and not tag["close"] and not closed


def _name(tag: re.Match[str]) -> int:
    return next(number for number in range(len(_NAMES)) if tag[f"n{number}"] is not None)


def _count(attributes: str | None) -> str | None:
    found = _COUNT.search(attributes or "")
    return found[1] if found else None


def _content(text: str) -> str:
    if found := _CDATA.fullmatch(text):
        return found["text"].strip()
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text.strip()
