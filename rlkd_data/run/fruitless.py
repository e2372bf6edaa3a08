"""A stage of which nothing came: every row is rejected. What was at fault is said, and what to change. Pure.

Such a stage is not done: its rejected rows stay to be looked at, and the corrected command has the same folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError, ModelError, RlkdError

STATUS = "fruitless"
_REJECTED = "rejected:"
_SERVERS = ("upstream_error", "unfinished")
"""Reasons that a server gives, and that another try may not meet."""
_THOUGHTS = "`--reasoning-effort`, `--thinking-budget` or `--chat-template-kwargs`"
_CLEANED = ("duplicate_problem", "near_duplicate_problem", "contaminated", "repeated")
_CHOSEN = ("incorrect", "unverified", "not_kept", "too_hard", "too_easy", "no_pass_rate")
_TEACHER = {
    "refused": "name another --teacher, or ask in other words (--system-prompt, --prompt-file)",
    "content_filter": "name another --teacher, or ask in other words (--system-prompt, --prompt-file)",
    "no_reasoning": f"let the teacher think ({_THOUGHTS}), ask it to (--system-prompt), or name another --teacher",
    "no_response": "raise --max-tokens, or see which reasoning parser the server runs: it takes answers for thoughts",
    "redacted": "name a --teacher whose provider gives the reasoning in words",
    "thought_marks": "start the server with the model's own reasoning parser, or with none",
    "too_long": "name a --teacher with a longer context",
}
_ANNOTATOR = {
    "refused": "name another --annotator",
    "content_filter": "name another --annotator",
    "empty_text": "raise --max-tokens, or see which reasoning parser the server runs: it takes answers for thoughts",
    "too_long": "name an --annotator with a longer context, or say how long it is (--window): traces are cut to fit",
}


def is_fruitless(counts: Mapping[str, Any]) -> bool:
    """Whether every row of a stage is rejected. A stage that had no rows, or counts none so, is not one."""
    return counts.get("ok") == 0 and any(name.startswith(_REJECTED) and number for name, number in counts.items())


def told(counts: Mapping[str, int], settings: Any, out: Path) -> RlkdError:
    """What to raise: which reason most rows have, and what to change."""
    reasons = {name.removeprefix(_REJECTED): number for name, number in counts.items() if name.startswith(_REJECTED)}
    worst, most = max(reasons.items(), key=lambda pair: pair[1])
    total = sum(reasons.values())
    if total == 1:
        rows = f"the only row is rejected: {worst}"
    elif most == total:
        rows = f"all {total:,} rows are rejected: {worst}"
    else:
        rows = f"all {total:,} rows are rejected, {most:,} of them: {worst}"
    kind = ModelError if worst in _SERVERS else InputError
    return kind(
        f"nothing came out, {rows} – {_advice(worst, settings)}; {out / 'rejected'} says why of each, what was "
        "answered is kept, and the corrected command may have the same --out"
    )


def _advice(reason: str, settings: Any) -> str:
    asks, imports = getattr(settings, "annotator", None), getattr(settings, "teacher", None) is None
    if reason in _SERVERS:
        return "the server breaks its replies off: run the same command later, or ask another server"
    if asks is not None:
        known = _of_length(reason, settings) or _ANNOTATOR.get(reason)
        return known or "name a stronger --annotator, or ask in another --format"
    if reason in _CLEANED:
        return "change what is left out (--dedupe, --decontaminate, --limit)"
    if reason in _CHOSEN:
        return "change which traces are kept (--keep, --min-pass-rate, --max-pass-rate)"
    if not imports:
        known = _of_length(reason, settings) or _TEACHER.get(reason)
        if known:
            return known
    return "name the columns to read (--map COLUMN=problem …), or give another source"


def _of_length(reason: str, settings: Any) -> str | None:
    if reason != "truncated":
        return None
    limit = getattr(getattr(settings, "sampling", None), "max_tokens", None)
    return f"raise --max-tokens{f' above {limit:,}' if limit else ''}, or let the model think less"
