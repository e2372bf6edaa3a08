"""An annotator's whole reply to steps: the thought before it cut off, in the form that was asked for or the other."""

from __future__ import annotations

import dataclasses
from typing import Literal

from rlkd_data.structure.as_json import parse_json_reply
from rlkd_data.structure.parse import holds_step, parse_reply
from rlkd_data.structure.parsed import Note, Parsed, ParseFailure
from rlkd_data.structure.shapes import holds_keys
from rlkd_data.structure.thought import Cut, cut_thought

Format = Literal["tagged", "json"]


def read(text: str, form: Format = "tagged") -> Parsed | ParseFailure:
    """The steps of a reply, or why it has none. Unlike `parse` and `parse_json`, this takes a draft of the steps inside
    a closed thought for what it is; where the tag's place can be doubted, the reply is refused. A reply in the other
    form than `form` is read too."""
    cut = cut_thought(text)
    if cut.form == "unclosed":
        return ParseFailure("thought_only", "the reply is a thought that does not end")
    notes: tuple[Note, ...] = () if cut.thought is None else ("thought_cut",)
    first, second = (parse_json_reply, parse_reply) if form == "json" else (parse_reply, parse_json_reply)
    found = first(cut.text, notes)
    if isinstance(found, ParseFailure) and found.code in ("no_markers", "no_json"):
        other = second(cut.text, notes)
        if isinstance(other, Parsed):
            found = dataclasses.replace(other, notes=tuple(dict.fromkeys((*other.notes, "other_form"))))
    if isinstance(found, Parsed) and _doubtful(cut, found):
        return ParseFailure("thought_with_steps", "steps stand before a closing tag of a thought, and behind it")
    return found


def _doubtful(cut: Cut, found: Parsed) -> bool:
    """Whether a closing tag may stand in an answer that only speaks of it: steps before it, and behind it steps that
    go on with their numbers; or steps between two closing tags."""
    if cut.between and _holds(cut.between):
        return True
    return cut.form == "template_opened" and "renumbered" in found.notes and _holds(cut.thought or "")


def _holds(text: str) -> bool:
    return holds_step(text) or holds_keys(text)
