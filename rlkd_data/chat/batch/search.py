"""How far back a batch is looked for among an account's batches. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rlkd_data.chat.batch.state import Intent

_CLOCKS = timedelta(days=2)
"""How far this machine's clock and the provider's may be apart."""


def is_older(created: Any, intent: Intent) -> bool:
    """Whether a batch of this age (Unix seconds, or RFC 3339) is older than any that the intent can have made."""
    at = _time(created)
    since = intent.creating or intent.created_at
    return at is not None and at < since - _CLOCKS


def _time(value: Any) -> datetime | None:
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
        at = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
