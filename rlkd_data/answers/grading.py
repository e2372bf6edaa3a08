"""Runs in a verifier's worker process, which may be killed at any moment: imports nothing of rlkd but itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_MEMORY = 4 << 30
"""Bytes of address space a worker may take: a tower of powers would take all that the machine has."""
_GRACE = 5
"""Seconds after its time limit at which a worker ends by itself, should nobody be left to kill it."""
_DELIMITED = re.compile(r"\$|\\\(|\\\[|\\boxed")
_TEXT_MACRO = re.compile(r"\\(?:text|mathrm|mbox|textbf|textit)\s*\{[^{}]*\}|\\(?:begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+")
_PROSE = re.compile(r"(?<![A-Za-z])(?!(?:sin|cos|tan|cot|sec|csc|log|mod|exp|and|sqrt)\b)[A-Za-z]{3,}")
"""A word that is no function: `18 dollars` read as LaTeX would be a product of letters."""
_PLAIN_TO_LATEX = tuple(
    (re.compile(plain), latex)
    for plain, latex in (
        (r"(?<![\\A-Za-z])pi(?![A-Za-z])", r"\\pi "),
        (r"(?<![\\A-Za-z])(?:inf|infinity|oo)(?![A-Za-z])", r"\\infty "),
        (r"(?<![\\A-Za-z])sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r">=|≥", r"\\geq "),
        (r"<=|≤", r"\\leq "),
        (r"!=|≠", r"\\neq "),
        ("π", r"\\pi "),
        ("∞", r"\\infty "),
        ("√\\s*\\(?(\\w+)\\)?", r"\\sqrt{\1}"),
        ("[−–]", "-"),
    )
)


def prepare() -> None:
    """Start a worker: take its memory limit, and load everything, so that a first answer's time is its own."""
    _limit_memory()
    grade("\\frac{1}{2}", "0.5")


def run(grader: Callable[[str, str], bool | None], gold: str, answer: str, seconds: float) -> bool | None:
    """Grade once. The alarm's default action ends the process from outside the interpreter, so a worker whose parent
    was killed does not compute for ever."""
    _alarm(int(seconds) + _GRACE)
    try:
        return grader(gold, answer)
    finally:
        _alarm(0)


def grade(gold: str, answer: str) -> bool | None:
    """Whether math-verify finds the two equal; None where it cannot read one of them.

    Its own time limits are off: they need signals of the main thread. Whoever started this process kills it instead.
    """
    import logging

    from math_verify import verify

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns at each call that its time limits are off
    left, right = _read(gold), _read(answer)
    if not left or not right:
        return None
    return bool(verify(left, right, timeout_seconds=None))


def _read(text: str) -> list[Any]:
    r"""What a text means, in the one way that is likeliest: as it stands where it marks its own formulas or holds
    prose, otherwise as LaTeX, as `\boxed` holds it. Trying several ways would let an answer that lists many things pass
    by one of them."""
    from math_verify import parse

    text = text.replace("\\$", "")
    if not _DELIMITED.search(text):
        latex = _as_latex(text)
        if not _PROSE.search(_TEXT_MACRO.sub(" ", latex)):
            found: list[Any] = parse(f"${latex}$", parsing_timeout=None)
            if found:
                return found
    return list(parse(text, parsing_timeout=None))


def _as_latex(text: str) -> str:
    for plain, latex in _PLAIN_TO_LATEX:
        text = plain.sub(latex, text)
    return text


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    except (OSError, ValueError):  # macOS refuses
        return


def _alarm(seconds: int) -> None:
    import signal

    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
