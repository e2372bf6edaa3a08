"""How much of a trace fits beside the prompt and the reply into an annotator's context."""

from __future__ import annotations

import json

from rlkd_data.chat.backends.world import NAME as WORLD_GSRM
from rlkd_data.config import DecomposeSettings

CHARACTERS_A_TOKEN = 2.5
"""Few, so that pieces come out rather too short than too long."""
_REPLY = 1.3
"""A decomposition's length, as a multiple of what it decomposes."""
_SHORTEST = 500
"""Characters: a window that does not hold such a piece beside the prompt holds nothing of use, and the annotator says
so."""


def window(settings: DecomposeSettings) -> int | None:
    """The annotator's context in tokens; None where it is not known: traces are then cut only when one is refused."""
    if settings.window is not None:
        return settings.window
    backend, _, name = (settings.annotator or "").partition(":")
    if backend != "local" or name == WORLD_GSRM:
        return None
    from rlkd_data.chat.backends.models import resolve

    found = resolve(name)
    try:
        config = json.loads(((found.base or found).path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    value = config.get("max_position_embeddings") if isinstance(config, dict) else None
    return value if isinstance(value, int) and value > 0 else None


def longest_piece(tokens: int, prompt_characters: int, reply_tokens: int | None) -> int:
    """Characters of a trace that fit into a context of `tokens`, beside a prompt of so many characters and a reply that
    is somewhat longer than what it decomposes, but at most `reply_tokens`."""
    room = tokens - prompt_characters / CHARACTERS_A_TOKEN
    piece = room / (1 + _REPLY)
    if reply_tokens is not None:
        piece = max(piece, room - reply_tokens)
    return max(_SHORTEST, int(piece * CHARACTERS_A_TOKEN))
