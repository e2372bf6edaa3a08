"""Addresses of servers, as settings give them. Whatever is said of one that is wrong repeats no secret in it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_SECRET_NAME = re.compile(r"key|token|secret|sig|pass|auth|code|cred", re.I)
"""Of a part of a query that may be a secret; an `api-version` is none."""


def wrong(url: str) -> str | None:
    """In words, why an address cannot be asked, or may not be kept; None where it is one."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "is not a web address: write it like http://127.0.0.1:8000/v1"
    secret = any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if "@" in url or secret or parts.fragment:
        return "holds a name, password or key: put the key into its variable"
    if not whole:
        return f"is not a web address ({url[:80]!r}): write it like http://127.0.0.1:8000/v1"
    return None
