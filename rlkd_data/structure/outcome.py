"""What an answer arrives at: the number or the words by which two answers are compared without a judge."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+")


def value(text: str) -> Decimal | None:
    """The number that a token like `80,000` or `.5` writes, or None."""
    try:
        return Decimal(text.replace(",", "").strip("$€£%() "))
    except InvalidOperation:
        return None


def numbers(text: str) -> list[Decimal]:
    """Every number written in digits, in order."""
    return [found for token in NUMBER.findall(text) if (found := value(token)) is not None]


def arrives_at(answer: str) -> Decimal | None:
    """The number that an answer's text arrives at: the first after its last `=`, otherwise its last."""
    _, equals, after = answer.rpartition("=")
    found = numbers(after)[:1] if equals else []
    return next(iter(found or numbers(answer)[-1:]), None)


def outcome(answer: str) -> Decimal | str:
    """The number that an answer arrives at, otherwise its words."""
    number = arrives_at(answer)
    return number.normalize() if number is not None else " ".join(answer.lower().split())
