"""The words of the structure that settings name too: the parts of a step, and the codes of its checks.

It imports nothing, so that the settings, and with them a page of help, are there at once.
"""

from __future__ import annotations

from typing import Literal, get_args

PartName = Literal["meta", "sub_problem", "answer"]
PARTS: tuple[PartName, ...] = get_args(PartName)
WholeName = Literal["meta", "sub_problem", "answer", "step"]
WHOLE: tuple[WholeName, ...] = get_args(WholeName)
"""What can be the same of two steps: each of their parts, or question and answer together."""
AskedName = Literal["meta", "sub_problem", "answer", "step", "attempt"]
"""What a judge can be asked about; attempt: whether two steps are after the same, whatever they find."""

Issue = Literal[
    "no_steps",
    "numbering",
    "empty_part",
    "duplicate_steps",
    "several_questions",
    "meta_gives_answer",
    "invented_answer",
    "out_of_order",
    "uncovered",
    "wrong_final",
    "not_gold",
]
CODES: tuple[Issue, ...] = get_args(Issue)
"""Every code, in the order in which they are told. The last two are found where answers can be compared
(`decompose/judge.py`): wrong_final, the final answer is not the trace's own; not_gold, it is, but the trace's is not
the gold one."""
REJECTING: frozenset[str] = frozenset(
    {"no_steps", "numbering", "empty_part", "duplicate_steps", "invented_answer", "uncovered", "wrong_final"}
)
"""The codes that make a decomposition unfit for a reward unless the settings say otherwise; the others are flags."""
LEAST_COVERAGE = 0.5
"""Share of a trace that its steps account for, at least."""
LONGEST_GAP = 6000
"""Characters in a row that no step accounts for: about two pages."""
