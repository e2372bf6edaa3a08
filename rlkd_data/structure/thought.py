"""A model's inline thought told from what it says: `<think>…</think>` and its like, in whatever form a model writes it.

A server takes most thoughts out of a reply; where it does not, they stand at the reply's beginning. The chat template
may have written the opening tag, so that only the closing one is seen. Pure, and linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Form = Literal["none", "closed", "template_opened", "unclosed"]

_WORDS = r"think|thinking|thoughts?|seed:think|internal_monologue"
_PAIRS: tuple[tuple[str, str], ...] = (
    (rf"<(?:{_WORDS})(?:[ \t][^<>\n]{{0,80}})?>", rf"</[ \t]?(?:{_WORDS})[ \t]?>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (r"<\|(?:thinking|think)(?:_start)?\|>", r"<\|(?:/thinking|/think|thinking_end|think_end)\|>"),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    (r"<unused94>(?:thought)?", r"<unused95>"),
    (r"<\|channel>[ \t]*thought\b", r"<channel\|>"),
)
"""What opens and what closes a thought: Qwen, DeepSeek, Seed; Magistral; Kimi; OpenThoughts; Command; others; Apertus;
MedGemma; Gemma."""
_OPENS = tuple(re.compile(rf"\s*(?:<\|im_start\|>assistant\s*)?{opening}", re.IGNORECASE) for opening, _ in _PAIRS)
_CLOSES = tuple(re.compile(closing, re.IGNORECASE) for _, closing in _PAIRS)
_ANY_CLOSE = re.compile("|".join(f"(?:{closing})" for _, closing in _PAIRS), re.IGNORECASE)
_WRAP = re.compile(
    r"<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_(?:RESPONSE|TEXT)\|>|<\|(?:im_end|endoftext|return)\|>\s*\Z"
)
"""What only encloses or ends the reply behind a thought."""

_CHANNEL = re.compile(
    r"(?:<\|start\|>(?:assistant)?)?<\|channel\|>[ \t]*(?P<name>\w+)[^<]{0,80}"
    r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_STRIPPED = re.compile(r"\A\s*analysis(?=[A-Z\[\"'(<\d\s])")
_STRIPPED_FINAL = "assistantfinal"
"""Harmony whose special tokens a tokenizer took out: `analysisThe user …assistantfinal[Meta-reasoning 1]…`."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A reply without its thought.

    `form`: `closed`, with an opening and a closing tag; `template_opened`, with a closing one alone; `unclosed`, with
    an opening one alone, so that there is no reply and `text` is empty; `none`. `thought` is None without one.
    `between` is what stands between the first closing tag and the last, where there are several: the thought or the
    reply speaks of the tag itself, and which of them cannot be told; `first` is then the cut at the first one.
    """

    text: str
    thought: str | None = None
    form: Form = "none"
    between: str = ""
    first: Cut | None = None


def cut_thought(text: str, *, opened: bool = False) -> Cut:
    """Tell a thought from the reply behind it. `opened`: the prompt ended with an opening tag, so that a text without a
    closing one is all thought. Of several closing tags the last ends the thought, as a thought mentions the tag oftener
    than a reply does; see `Cut.between`."""
    if harmony := _harmony(text):
        return harmony
    for opens, closes in zip(_OPENS, _CLOSES, strict=True):
        if found := opens.match(text):
            return _closed(text, found.end(), list(closes.finditer(text, found.end())), "closed")
    closing = list(_ANY_CLOSE.finditer(text))
    if closing or opened:
        return _closed(text, 0, closing, "template_opened")
    return Cut(text)


def _closed(text: str, start: int, closing: list[re.Match[str]], form: Form) -> Cut:
    if not closing:
        return Cut("", text[start:].strip(), "unclosed")
    first, last = closing[0], closing[-1]
    cut = _cut_at(text, start, last, form)
    if last is first:
        return cut
    between = text[first.end() : last.start()].strip()
    return replace(cut, between=between, first=_cut_at(text, start, first, form))


def _cut_at(text: str, start: int, closing: re.Match[str], form: Form) -> Cut:
    return Cut(_WRAP.sub("", text[closing.end() :]).strip("\r\n"), text[start : closing.start()].strip(), form)


def _harmony(text: str) -> Cut | None:
    """OpenAI's channels: the final one is the reply, those before it are the thought."""
    if "<|channel|>" in text and "<|message|>" in text:
        said = list(_channels(text))
        if said and not text[: text.index("<|channel|>")].replace("<|start|>", "").removeprefix("assistant").strip():
            final = [body for name, body in said if name == "final"]
            thought = "\n".join(body for name, body in said if name != "final").strip()
            if not final:
                return Cut("", thought, "unclosed")
            return Cut(final[-1].strip("\r\n"), thought, "closed")
    if (found := _STRIPPED.match(text)) and _STRIPPED_FINAL in text:
        thought, _, reply = text[found.end() :].rpartition(_STRIPPED_FINAL)
        return Cut(reply.strip("\r\n"), thought.strip(), "closed")
    return None


def _channels(text: str) -> Iterator[tuple[str, str]]:
    """(channel, what is said in it), in order."""
    headers = list(_CHANNEL.finditer(text))
    for number, header in enumerate(headers):
        until = headers[number + 1].start() if number + 1 < len(headers) else len(text)
        end = _CHANNEL_END.search(text, header.end(), until)
        yield header["name"].lower(), text[header.end() : end.start() if end else until]
