"""Which tokens of a completion the structure reward goes to: those of the steps that earned or missed it. Pure.

The reward of a completion is one number, and an advantage made of it pushes all of its tokens alike. The alignment says
what each step earned, and the grounding where the step stands. So where a completion's structure is better than its
siblings', the tokens of the steps that earned it get that; where it is worse, those of the steps that went wrong do. A
token's weight says how much of it that token gets, and the weights of a completion have the mean 1, so that the
completion as a whole gets what it would. Steps behind the gate, which nobody judged, get none either way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from rlkd_data.collect.normalise import split_reasoning
from rlkd_data.schema import Step
from rlkd_data.structure.align import Alignment
from rlkd_data.structure.ground import ground
from rlkd_data.structure.sequence import Matched
from rlkd_data.structure.spans import in_line

Land = tuple[int, int]
"""The half-open range of a text, in characters, that a step stands on."""


def earned(alignment: Alignment | Matched) -> list[float]:
    """What each of the student's steps earned, n_student values of 0 and more: their sum is the score, but
    for a factor. A block of several of the student's steps is divided evenly among them."""
    found = [0.0] * alignment.n_student
    if isinstance(alignment, Alignment):
        for step in alignment.steps:
            found[step.index - 1] = step.score
        return found
    for block in alignment.blocks:
        low, high = block.student
        for place in range(low, high):
            found[place] = block.credit * block.steps / (high - low)
    return found


def missed(alignment: Alignment | Matched) -> list[float]:
    """What each of the student's steps could have earned and did not, n_student values from 0 to 1. The step at which a
    gate closed missed all; those behind it, and those that are compared with none, nothing."""
    found = [0.0] * alignment.n_student
    if isinstance(alignment, Alignment):
        for step in alignment.steps[: alignment.gate_at]:
            found[step.index - 1] = 1.0 - step.score
        return found
    judged = alignment.n_student
    if alignment.gate_at is not None:
        judged = min(judged, (alignment.blocks[-1].student[1] if alignment.blocks else 0) + 1)
    found[:judged] = [1.0] * judged
    for block in alignment.blocks:
        for place in range(*block.student):
            found[place] = 1.0 - block.credit
    return found


def lands(steps: Sequence[Step], text: str) -> list[Land]:
    """Where each step stands in a completion: from the end of the step before it to the end of its own answer, for its
    plan and its question stand before the answer. A step that is not found, or stands out of line, is somewhere before
    the next one that is, and shares that one's range; behind the last, the rest of the reasoning."""
    reasoning = split_reasoning(text).reasoning
    start = max(text.find(reasoning), 0)
    until = start + len(reasoning) if text.startswith(reasoning, start) else len(text)
    ends = [step.span_end for step in ground(steps, text[start:until])]
    found: list[Land] = []
    at = start
    for number, (end, kept) in enumerate(zip(ends, in_line(ends), strict=True), 1):
        if end is not None and kept:
            found += [(at, start + end)] * (number - len(found))
            at = start + end
    return found + [(at, until)] * (len(steps) - len(found))


def token_weights(ends: Sequence[int], where: Sequence[Land], shares: Sequence[float]) -> list[float]:
    """A weight of 0 or more for each token, of mean 1.

    `ends`: for each token the character at which it ends, ascending; `where`: the steps' ranges, ascending, each equal
    to the one before it or behind it; `shares`: what each step earned or missed, 0 or more. The tokens of a range share
    its steps' evenly. Tokens of no step weigh 1, as without steps; so do all where there is nothing to share. What
    belongs to a range without a token goes to the tokens of all steps alike.
    """
    total = sum(shares)
    if not ends or total <= 0:
        return [1.0] * len(ends)
    joint: dict[Land, float] = {}
    for land, share in zip(where, shares, strict=True):
        joint[land] = joint.get(land, 0.0) + share / total
    held = {land: tokens for land in joint if (tokens := _tokens(ends, land))}
    lost = 1.0 - sum(joint[land] for land in held)
    inside = sum(map(len, held.values()))
    weights = [1.0] * len(ends)
    for land, tokens in held.items():
        for token in tokens:
            weights[token] = lost + joint[land] * inside / len(tokens)
    return weights


def _tokens(ends: Sequence[int], land: Land) -> range:
    """The tokens that end in a range."""
    return range(bisect_left(ends, land[0] + 1), bisect_left(ends, land[1] + 1))
