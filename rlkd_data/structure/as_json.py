"""The structured variant of a decomposition: its JSON schema, steps to JSON, and JSON to the same steps.

JSON that is broken a little (a comma, a quote, LaTeX with single backslashes) is mended by json-repair, but what comes
out must hold every letter and digit that was written, in the same order, and none besides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.markers import fence
from rlkd_data.structure.parse import Note, Parsed, ParseFailure

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
    r"(?<!\\)((?:\\\\)*)\\(?=(?![\"\\/bfnrtu])|u(?![0-9a-fA-F]{4})|"
    r"(?:frac|forall|beta|begin|boxed|binom|bar|big|bmod|neq|nabla|notin|not|right|rho|rightarrow|"
    r"times|text|textbf|theta|tan|tfrac|triangle|to|rangle|backslash|bullet)(?![a-z]))"
)
"""A backslash that JSON does not know, or that stands before a LaTeX command whose first letter JSON would take for a
control character."""
_ESCAPE = re.compile(r"\\[bfnrt]|\\u[0-9a-fA-F]{4}")


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
    failure, never a decomposition with a last step that is half there."""
    notes: list[Note] = []
    body = _body(text, notes)
    if not body:
        return ParseFailure("empty_text", "the reply is empty")
    if "{" not in body:
        return ParseFailure("no_json", "the reply holds no JSON object")
    sane = _LONE_BACKSLASH.sub(r"\1\\\\", body)
    if sane != body:
        notes.append("latex_unescaped")
    try:
        value = json.loads(sane, strict=False)
    except (ValueError, RecursionError):
        value = _repaired(sane)
        notes.append("repaired_json")
        if isinstance(value, ParseFailure):
            return value
        if _letters(json.dumps(value, ensure_ascii=False)) != _letters(sane):
            return ParseFailure("broken_json", "the JSON could only be read by leaving out or changing some of it")
    found = _read(value, notes)
    if "repaired_json" in notes and isinstance(found, Parsed) and (swallowed := _swallowed(sane, len(found.steps))):
        return ParseFailure("broken_json", swallowed)
    return found


def _body(text: str, notes: list[Note]) -> str:
    """The JSON text, without a code block or words around it."""
    body = text.strip()
    lines = body.split("\n")
    if len(lines) > 2 and fence(lines[0]) and fence(lines[-1]):
        notes.append("unfenced")
        body = "\n".join(lines[1:-1]).strip()
    start = body.find("{")
    if start > 0:
        notes.append("text_before")
        body = body[start:]
    end = body.rfind("}")
    if 0 < end < len(body) - 1 and not body[end + 1 :].strip().startswith(("]", ",", '"')):
        notes.append("text_after")
        body = body[: end + 1]
    return body


def _repaired(body: str) -> Any:
    """The value of broken JSON, or a ParseFailure."""
    from json_repair import loads

    if not body.endswith("}"):
        return ParseFailure("incomplete_last_step", "the JSON ends before it is closed")
    try:
        return loads(body, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError) as problem:
        return ParseFailure("broken_json", f"the JSON cannot be read: {type(problem).__name__}")


def _read(value: Any, notes: Sequence[Note]) -> Parsed | ParseFailure:  # noqa: PLR0911 - a failure each
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
        return ParseFailure("wrong_shape", "the JSON is no object with a list of steps")
    final = value.get("final_answer")
    if isinstance(final, (int, float)) and not isinstance(final, bool):
        final = str(final)
    if final is not None and not isinstance(final, str):
        return ParseFailure("wrong_shape", f"final_answer is a {type(final).__name__}")
    steps: list[Step] = []
    for number, step in enumerate(value["steps"], 1):
        if not isinstance(step, dict):
            return ParseFailure("wrong_shape", f"step {number} is a {type(step).__name__}")
        parts = [part for name in PARTS if isinstance(part := step.get(name), str)]
        if len(parts) < len(PARTS):
            return ParseFailure("missing_part", f"step {number} lacks a part, or one is no text")
        if any(not part.strip() for part in parts):
            return ParseFailure("empty_part", f"a part of step {number} is empty")
        steps.append(Step(number, parts[0].strip(), parts[1].strip(), parts[2].strip()))
    if not steps:
        return ParseFailure("no_markers", "the list of steps is empty")
    return Parsed(tuple(steps), (final.strip() or None) if final else None, tuple(notes))


def _swallowed(body: str, steps: int) -> str | None:
    """Which part's keys are more than the steps: where a quote is missing, a repair takes the next step for text."""
    for part in PARTS:
        written = len(re.findall(rf"(?<!\w){part}[\"'”]?\s*:", body))
        if written != steps:
            return f"the text has {part} {written} times, but {steps} steps could be read"
    return None


def _letters(text: str) -> str:
    """The text's letters and digits, without escapes: what a repair of quotes and commas leaves as it is."""
    return "".join(re.findall(r"\w+", _ESCAPE.sub(" ", text)))
