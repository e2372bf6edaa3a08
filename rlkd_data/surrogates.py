"""Half of a surrogate pair: JSON can write it (`"\\ud83d"`, a cut emoji), and so can a model; UTF-8 cannot."""

from __future__ import annotations


def encodable(text: str) -> str:
    """The text with U+FFFD for each half of a pair, so that it can be sent and stored; a whole pair is one."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
