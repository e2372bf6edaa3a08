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
    "disordered",
    "uncovered",
    "number_elsewhere",
    "question_elsewhere",
    "meta_elsewhere",
    "wrong_final",
    "not_gold",
]
CODES: tuple[Issue, ...] = get_args(Issue)
"""Every code, in the order in which they are told. The last two are found where answers can be compared
(`decompose/judge.py`): wrong_final, the final answer is not the trace's own; not_gold, it is, but the trace's is not
the gold one."""
REJECTING: frozenset[str] = frozenset(
    {
        "no_steps",
        "numbering",
        "empty_part",
        "duplicate_steps",
        "invented_answer",
        "disordered",
        "uncovered",
        "wrong_final",
    }
)
"""The codes that make a decomposition unfit for a reward unless the settings say otherwise; the others are flags."""
LONGEST_STRETCH = 0.4
"""Share of a trace that may stand in a row without any step's place."""
LEAST_COVERAGE = 0.0
"""Share of a trace that its steps account for, at least; 0 asks for none."""
LONGEST_GAP: int | None = None
"""Characters in a row that no step accounts for; None asks nothing of them."""
SAID: dict[str, str] = {
    "two_readings": "the reply can be read in two ways: write each step once, outside code, each part on a new line",
    "thought_only": "the reply is a thought that does not end",
    "thought_with_steps": "steps stand before the end of a thought and behind it",
    "disordered": "the steps stand in an order that is not that of the reasoning",
    "number_elsewhere": "an answer's number stands elsewhere in the reasoning than what the answer says",
    "question_elsewhere": "the sub-problems stand with the answers of their neighbours",
    "meta_elsewhere": "the meta-reasonings stand with the sub-problems of their neighbours",
}
"""What an annotator is told of the codes for which the prompt has no sentence: the prompt's ids stay as they are."""
