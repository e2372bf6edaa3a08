"""The structured variant of a decomposition: its JSON schema, steps to JSON, and JSON to the same steps.

JSON that is broken a little (a comma, a quote, LaTeX with single backslashes) is mended by json-repair, but what comes
out must hold every letter and digit that was written, in the same order, and none besides. Which shapes of JSON are
read is told in `shapes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.fences import fence
from rlkd_data.structure.latex_commands import COMMANDS, WORDS_BEHIND_N
from rlkd_data.structure.parsed import Note, Parsed, ParseFailure
from rlkd_data.structure.shapes import Once, TooMany, TwiceNamed, count_keys, holds_keys, read_value
from rlkd_data.structure.thought import cut_thought

PARTS = ("meta_reasoning", "sub_problem", "answer")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {part: {"type": "string"} for part in PARTS},
                "required": list(PARTS),
                "additionalProperties": False,
            },
        },
        "final_answer": {"type": ["string", "null"]},
    },
    "required": ["steps", "final_answer"],
    "additionalProperties": False,
}
SCHEMA_JSON = json.dumps(SCHEMA, sort_keys=True)

_LONE_BACKSLASH = re.compile(
    rf"(?<!\\)((?:\\\\)*)\\(?=(?![\"\\/bfnrtu])|u(?![0-9a-fA-F]{{4}})|(?:{COMMANDS})(?![A-Za-z])|"
    rf"(?<=[\s\"${{(]\\)n(?:{WORDS_BEHIND_N})(?![A-Za-z]))"
)
"""A backslash that JSON does not know, or that stands before a LaTeX command whose first letter JSON would take for a
control character. `\\nu` or `\\nless` may as well be a new line and a word, which nobody sets apart from the line
before."""
_NEVER_MEANT = re.compile(r"[\x08\x0c](?=[A-Za-z])")
"""A control character that no text has before a letter: a command that is none of ours."""
_LOOKS = 300_000
"""How often a repair may look at a character: a broken decomposition of 100,000 takes less, a page of braces
that nobody closes would take minutes."""
_MENDED = 300_000
"""Characters of a text that may be mended; a whole one is read however long it is."""
_VALUES = 5_000
"""Values one after another: as many as a decomposition may have steps."""
_ESCAPE = re.compile(r"\\[bfnrt]|\\u[0-9a-fA-F]{4}")
_START = re.compile(r"[{\[](?=\s*(?:[\"'“”‘’{\[}\]]|//|/\*|#|\w+\s*:))")
"""What can open JSON: a set, an interval or LaTeX in the words before it cannot."""
_TOKEN = re.compile(
    r"\"(?:[^\"\\]++|\\.)*+\"?|//[^\n]*|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|(?<=[\s,{\[])#[^\n]*", re.DOTALL
)
"""What is open at its beginning is taken to the end: it would otherwise be looked for again from each place behind."""
_OPENING_QUOTE = re.compile(r"(?<=[{\[,:])(\s*)[“”„«]")
_CLOSING_QUOTE = re.compile(r"[”“»](?=\s*[:,}\]])")


def render_json(steps: Sequence[Step], final_answer: str | None = None) -> str:
    """The canonical JSON text of a decomposition; `parse_json` gives both back."""
    record = {
        "steps": [
            {"meta_reasoning": s.meta_reasoning, "sub_problem": s.sub_problem, "answer": s.answer} for s in steps
        ],
        "final_answer": final_answer,
    }
    return json.dumps(record, ensure_ascii=False, indent=1)


def parse_json(text: str) -> Parsed | ParseFailure:
    """Read a decomposition that was asked for as JSON. Raises nothing whatever the text; a text that is cut off is a
    failure, never a decomposition with a last step that is half there, and so is one that holds two."""
    cut = cut_thought(text)
    if cut.form == "unclosed":
        return ParseFailure("thought_only", "the reply is a thought that does not end")
    if cut.thought is not None and holds_keys(cut.thought + cut.between):
        return ParseFailure("thought_with_steps", "steps stand in a thought, and behind it")
    return parse_json_reply(cut.text, ("thought_cut",) if cut.thought is not None else ())


def parse_json_reply(text: str, notes: tuple[Note, ...] = ()) -> Parsed | ParseFailure:
    """`parse_json`, for a text without a thought. `notes` are put before those of this reading."""
    if not text.strip():
        return ParseFailure("empty_text", "the reply is empty")
    found = list(notes)
    body, unfenced = _unfenced(text)
    if unfenced:
        found.append("unfenced")
    start = next((one.start() for one in _START.finditer(body)), None)
    if start is None:
        return ParseFailure("no_json", "the reply holds no JSON object")
    if body[:start].strip():
        found.append("text_before")
    return _parse(body[start:], found)


def _parse(body: str, notes: list[Note]) -> Parsed | ParseFailure:
    sane = _LONE_BACKSLASH.sub(r"\1\\\\", body)
    if sane != body:
        notes.append("latex_unescaped")
    try:
        found = _read(sane, notes) or _mended(sane, notes)
    except TwiceNamed as twice:
        return ParseFailure("two_readings", f"an object has {twice} twice")
    except TooMany as many:
        return ParseFailure("wrong_shape", f"the JSON is no decomposition: {many}")
    if isinstance(found, Parsed) and _NEVER_MEANT.search(_all_of(found)):
        return ParseFailure("broken_json", "a backslash of LaTeX is not doubled, and it makes a control character")
    return found


def _all_of(found: Parsed) -> str:
    parts = (part for step in found.steps for part in (step.meta_reasoning, step.sub_problem, step.answer))
    return "\n".join((*parts, found.final_answer or ""))


def _read(text: str, notes: list[Note]) -> Parsed | ParseFailure | None:
    """What JSON says that is whole; None for one that is broken."""
    values, rest = _values(text)
    return _told(values, rest, notes) if values else None


def _mended(sane: str, notes: list[Note]) -> Parsed | ParseFailure:
    if len(sane) > _MENDED:
        return _unclosed(sane) or ParseFailure("broken_json", "the JSON is broken, and too long to be mended")
    for form in (bare := _TOKEN.sub(_without_comment, sane), _plain_quotes(bare)):
        if read := _read(form, [*notes, "repaired_json"]):
            return read
    sane = bare if '"' in bare else _plain_quotes(bare)
    end = sane.rfind("}" if sane.startswith("{") else "]")
    if 0 < end < len(sane) - 1 and not sane[end + 1 :].strip().startswith(("]", ",", '"')):
        notes = [*notes, "text_after"]
        sane = sane[: end + 1]
    value = _repaired(sane)
    if isinstance(value, ParseFailure):
        return value
    if _letters(json.dumps(value, ensure_ascii=False)) != _letters(sane):
        return ParseFailure("broken_json", "the JSON could only be read by leaving out or changing some of it")
    read = read_value(value, [*notes, "repaired_json"])
    if isinstance(read, Parsed) and (swallowed := _swallowed(sane, len(read.steps))):
        return ParseFailure("broken_json", swallowed)
    return read


def _told(values: list[Any], rest: str, notes: list[Note]) -> Parsed | ParseFailure:
    """What whole JSON values say, and whether what is behind them is more than words."""
    if holds_keys(rest):
        return ParseFailure("two_readings", "more steps stand behind the JSON")
    if rest.strip(" \n\r\t`~;"):
        notes.append("text_after")
    return read_value(values[0] if len(values) == 1 else _lines_of(values), notes)


def _lines_of(values: list[Any]) -> Any:
    """Several values are one list where each is a step (JSON Lines); otherwise they are several decompositions."""
    return values if all(isinstance(one, dict) and "steps" not in one for one in values) else None


def _values(text: str) -> tuple[list[Any], str]:
    """The whole JSON values that a text begins with, and what is behind them; none where the first is broken."""
    once = Once()
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=once, parse_float=once.number, parse_int=once.number)
    values: list[Any] = []
    at = 0
    while at < len(text) and text[at] in "{[" and len(values) < _VALUES:
        try:
            value, end = decoder.raw_decode(text, at)
        except (TwiceNamed, TooMany):
            raise
        except (ValueError, RecursionError):
            break
        values.append(value)
        at = end
        while at < len(text) and text[at] in " \n\r\t,":
            at += 1
    return values, text[at:]


def _unfenced(text: str) -> tuple[str, bool]:
    """The text without the fences of the block that holds the JSON."""
    if "```" not in text and "~~~" not in text:
        return text.strip(), False
    lines = text.strip().split("\n")
    opened = (n for n, line in enumerate(lines) if len(line) > 1 and _START.match(line.strip()) and not fence(line))
    start = next(opened, len(lines))
    opening = next((n for n in range(start - 1, -1, -1) if fence(lines[n])), None)
    if opening is None:
        return text.strip(), False
    closing = next((n for n in range(len(lines) - 1, start, -1) if lines[n].strip() == fence(lines[n])), len(lines))
    kept = lines[:opening] + lines[opening + 1 : closing] + lines[closing + 1 :]
    return "\n".join(kept).strip(), True


def _without_comment(found: re.Match[str]) -> str:
    kept = found[0].startswith('"') or (found[0].startswith("/*") and not found[0].endswith("*/"))
    return found[0] if kept else " "


def _plain_quotes(text: str) -> str:
    """The text with plain quotes for curly ones, where they stand as JSON's own do."""
    return _CLOSING_QUOTE.sub('"', _OPENING_QUOTE.sub(r'\1"', text))


def _repaired(body: str) -> Any:
    """The value of broken JSON, or a ParseFailure."""
    from json_repair import loads

    if cut := _unclosed(body):
        return cut
    try:
        return loads(_Metered(body), skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError) as problem:
        return ParseFailure("broken_json", f"the JSON cannot be read: {type(problem).__name__}")


def _unclosed(body: str) -> ParseFailure | None:
    if body.endswith("}" if body.startswith("{") else "]"):
        return None
    return ParseFailure("incomplete_last_step", "the JSON ends before it is closed")


class _Metered(str):
    """A text that refuses to be looked at without end: a repair looks ahead at every brace and quote."""

    left = _LOOKS

    def __getitem__(self, place: Any) -> str:
        found = super().__getitem__(place)
        self.left -= 1 + len(found) // 50
        if self.left < 0:
            raise ValueError("too broken to be mended")
        return found


def _swallowed(body: str, steps: int) -> str | None:
    """Which part's keys are more than the steps: where a quote is missing, a repair takes the next step for text."""
    for part, written in count_keys(body).items():
        if written != steps:
            return f"the text has {part} {written} times, but {steps} steps could be read"
    return None


def _letters(text: str) -> str:
    """The text's letters and digits, without escapes: what a repair of quotes and commas leaves as it is."""
    return "".join(re.findall(r"\w+", _ESCAPE.sub(" ", text)))
