"""Which of a problem's traces are kept, by whether they are right and by how often the problem is solved. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rlkd_data.schema import Trace
from rlkd_data.structure.shape import shape

UNSOLVED = frozenset({"truncated", "refused", "no_reasoning", "no_response"})
"""Reasons for which an attempt counts as one that did not solve the problem. What the server may have cut off
(`unfinished`), or nobody can take apart (`thought_marks`, `redacted`), may be right: it is not judged."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A trace on its way into the table; with a `reason`, among the rejected rows."""

    trace: Trace
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user asked to keep; the rates are shares from 0 to 1, both ends included."""

    keep: Literal["all", "correct", "best", "structure"] = "all"
    min_pass_rate: float | None = None
    max_pass_rate: float | None = None

    @property
    def compares(self) -> bool:
        """Whether a trace's fate depends on the problem's other traces."""
        return self.keep in ("best", "structure")


def pass_rate(attempts: Sequence[Draft]) -> float | None:
    """The share of a problem's attempts that were right (pass@1 over the samples).

    An attempt that reached the token limit, was refused, or has no thought or no response did not solve it; one that
    could not be judged, or that was never answered, does not count. None where there is no gold answer, or where no
    finished attempt could be judged.
    """
    if not attempts or attempts[0].trace.answer is None:
        return None
    finished = [draft for draft in attempts if draft.reason is None]
    judged = [draft.trace.is_correct for draft in finished if draft.trace.is_correct is not None]
    unsolved = sum(draft.reason in UNSOLVED for draft in attempts)
    if (finished and not judged) or (not judged and not unsolved):
        return None
    return sum(judged) / (len(judged) + unsolved)


def select(attempts: Sequence[Draft], policy: Policy) -> list[Draft]:
    """The same drafts, each that is not to be kept with its reason.

    All are traces of one problem. Reasons: `too_hard`, `too_easy`, `no_pass_rate` (it is asked for and not known),
    `incorrect`, `unverified` (only right ones are wanted), `not_kept` (another is better).
    """
    best = _best(attempts, by_structure=policy.keep == "structure") if policy.compares else None
    return [_decided(draft, policy, draft is best) for draft in attempts]


def _decided(draft: Draft, policy: Policy, is_best: bool) -> Draft:
    if draft.reason is not None:
        return draft
    why = _by_difficulty(draft.trace.pass_rate, policy) or _by_verdict(draft.trace.is_correct, policy, is_best)
    return Draft(draft.trace, *why) if why else draft


def _by_difficulty(rate: float | None, policy: Policy) -> tuple[str, str] | None:
    low, high = policy.min_pass_rate, policy.max_pass_rate
    if low is None and high is None:
        return None
    if rate is None:
        return "no_pass_rate", "the problem's pass rate is not known: no attempt at it could be judged"
    if low is not None and rate < low:
        return "too_hard", f"pass rate {rate:.3g} is below {low:g}"
    if high is not None and rate > high:
        return "too_easy", f"pass rate {rate:.3g} is above {high:g}"
    return None


def _by_verdict(is_correct: bool | None, policy: Policy, is_best: bool) -> tuple[str, str] | None:
    if policy.keep == "all" or is_best:
        return None
    if is_correct is False:
        return "incorrect", "the final answer is not the gold answer"
    if policy.compares:
        return "not_kept", "another trace of the problem is better"
    return None if is_correct else ("unverified", "nobody could tell whether the final answer is right")


def _best(attempts: Sequence[Draft], *, by_structure: bool) -> Draft | None:
    """The shortest of those found right, or the best built (`structure.shape`) and of equals the shortest; where none
    was right, of those that could not be judged."""
    usable = [draft for draft in attempts if draft.reason is None]
    right = [draft for draft in usable if draft.trace.is_correct]
    unjudged = [draft for draft in usable if draft.trace.is_correct is None]

    def order(draft: Draft) -> tuple[float, tuple[int, int]]:
        built = shape(draft.trace.reasoning).score if by_structure else 0.0
        return -built, _length(draft.trace)

    return min(right or unjudged, key=order, default=None)


def _length(trace: Trace) -> tuple[int, int]:
    return len(trace.reasoning) + len(trace.response), trace.sampling.sample_index
