"""Runs in a verifier's worker process, which may be killed at any moment: imports nothing of rlkd but itself."""

from __future__ import annotations


def grade(gold: str, answer: str) -> bool | None:
    """Whether math-verify finds the two equal; None where it cannot read one of them.

    Its own time limits are off: they need signals of the main thread. Whoever started this process kills it instead.
    """
    import logging

    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns at each call that its time limits are off
    left, right = (_parsed(parse, text) for text in (gold, answer))
    if not left or not right:
        return None
    return bool(verify(left, right, timeout_seconds=None))


def _parsed(parse, text: str):  # type: ignore[no-untyped-def]
    """Prefer the text as LaTeX, as `\\boxed` holds it; plain text as it is."""
    return parse(f"${text}$", parsing_timeout=None) or parse(text, parsing_timeout=None)


def warm_up() -> bool | None:
    """Load everything, so that a first answer's time is its own."""
    return grade("\\frac{1}{2}", "0.5")
