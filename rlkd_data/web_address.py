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
        whole = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return "is not a web address: write it like http://127.0.0.1:8000/v1"
    secret = any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if "@" in url or secret or parts.fragment:
        return "holds a name, password or key: put the key into its variable"
    if not whole or not url.isprintable():
        return f"is not a web address ({url[:80]!r}): write it like http://127.0.0.1:8000/v1"
    return None


def _is_host(name: str) -> bool:
    """Whether a name can be looked up: none of its labels is empty or over 63 bytes long (RFC 1035, section 2.3.4),
    letters beyond ASCII counted as they are written in it."""
    if not name.isascii():
        import httpx2  # which asks for it: it may know other letters than Python does

        try:
            name = httpx2.URL(f"http://{name}/").raw_host.decode("ascii")
        except (httpx2.InvalidURL, UnicodeError):
            return False
    return len(name) <= 253 and all(0 < len(label) <= 63 for label in name.removesuffix(".").split("."))
