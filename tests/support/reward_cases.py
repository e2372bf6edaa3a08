"""Problems, completions and their decompositions for the reward's benchmark: made by rule, the same in every process.

Every part of a step carries a code (`k2s5m0`). Two parts match where their codes are equal, however they are worded;
an answer's number follows its code, so that whatever compares numbers comes to the same verdict.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rlkd_data.schema import Decomposition, Step

PROBLEMS, COMPLETIONS, STEPS = 8, 8, 8
CODE = re.compile(r"\bk\d+s\d+[mqa]\d+\b")
_MATCHES = {"m": 0.92, "q": 0.85, "a": 0.8}
"""How often a student's part is about the same as the teacher's."""
_OPENINGS = (
    "What is known so far is",
    "From the line before we hold",
    "The text gives us only",
    "Looking back, there is",
    "At this point the facts are",
    "We have already settled",
    "Nothing is missing but what follows from",
    "Before going on, note",
)
_CHOICES = (
    "so the amount that belongs to it is the next thing to find",
    "and rather than guessing we work out what it comes to",
    "which leaves its total as the quantity to settle now",
    "so of the open questions this one has to be answered first",
    "and the shortest way on is to compute it directly",
    "therefore we turn to it before the others",
    "so the rest can wait until this is clear",
    "and with that the following step is plain",
)
_QUESTIONS = (
    "How much does {code} come to?",
    "What is the value of {code}?",
    "Which amount belongs to {code}?",
    "What does {code} add up to?",
    "What is {code} worth in all?",
    "What number stands for {code}?",
    "How large is {code}?",
    "What do we get for {code}?",
)
_FILLER = (
    "let me check that again slowly because the wording is easy to misread and a slip here would spoil what follows "
    "the numbers are small so it can be done by hand first one part then the other and then both are put together "
)


@dataclass(frozen=True)
class Case:
    """One completion with what a GSRM makes of it, and the same of its teacher's trace."""

    problem_id: str
    problem: str
    text: str
    reasoning: str
    steps: tuple[Step, ...]
    teacher_reasoning: str
    teacher_steps: tuple[Step, ...]


def cases(wordings: int, words: int, teacher_words: int) -> Iterator[Case]:
    """Every completion of every problem. `wordings` is in how many ways students word the same thought (they share
    none with their teacher), `words` the length of a student's reasoning, `teacher_words` of a teacher's."""
    rng = random.Random(0)
    for p in range(PROBLEMS):
        problem = (
            f"Shop {p} keeps {STEPS} books of account, one for each day, and each day's amount follows from the days "
            f"before it. The first day brought {p + 3} coins. How many coins are there at the end?"
        )
        teacher = _steps(p, [dict.fromkeys("mqa", 0)] * STEPS, [0] * STEPS)
        teacher_reasoning = _reasoning(rng, f"teacher of shop {p}", teacher_words)
        for c in range(COMPLETIONS):
            variants = [
                {part: 0 if rng.random() < share else rng.randint(1, 3) for part, share in _MATCHES.items()}
                for _ in range(STEPS)
            ]
            student = _steps(p, variants, [1 + rng.randrange(wordings) for _ in range(STEPS)])
            reasoning = _reasoning(rng, f"attempt {c} at shop {p}", words)
            text = f"<think>\n{reasoning}\n</think>\n\nThe answer is \\boxed{{{p}}}."
            yield Case(f"p{p}", problem, text, reasoning, student, teacher_reasoning, teacher)


def decomposition(case: Case) -> Decomposition:
    """The teacher's decomposition, as its table holds it."""
    return Decomposition(
        trace_id=f"t-{case.problem_id}",
        problem_id=case.problem_id,
        problem=case.problem,
        domain="math",
        answer=None,
        annotator="given",
        prompt_id="given",
        steps=case.teacher_steps,
        final_answer=None,
        status="ok",
        issues=(),
        raw="",
        usage=None,
        cost_usd=None,
        created_at=datetime.now(UTC),
    )


def same(first: str, second: str) -> bool:
    """The verdict about two parts."""
    return CODE.findall(first)[:1] == CODE.findall(second)[:1]


def _steps(p: int, variants: list[dict[str, int]], wordings: list[int]) -> tuple[Step, ...]:
    made = []
    for s, (variant, wording) in enumerate(zip(variants, wordings, strict=True)):
        codes = {part: f"k{p}s{s}{part}{number}" for part, number in variant.items()}
        factor = 7 + 10 * variant["a"]
        opening, choice = _OPENINGS[wording % 8], _CHOICES[(wording // 8 + wording) % 8]
        tail = f", as in line {wording} of the notes" if wording >= 8 else ""
        made.append(
            Step(
                s + 1,
                f"{opening} {codes['m']}, {choice}{tail}.",
                _QUESTIONS[wording % 8].format(code=codes["q"]) + (f" (line {wording})" if wording >= 8 else ""),
                f"{codes['a']} in wording {wording} is {s + 2} * {factor} = {(s + 2) * factor}",
            )
        )
    return tuple(made)


def _reasoning(rng: random.Random, title: str, words: int) -> str:
    return f"This is the {title}. " + " ".join(rng.choice(_FILLER.split()) for _ in range(words)) + "."
