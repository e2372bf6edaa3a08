"""The same solution in the ways in which a student may write it, so that a GSRM copes with them. Pure and seeded.

`RECIPE` names each rule in words: it goes into the card of a trained GSRM.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from rlkd_data.measure.gold import GoldRow, GoldStep
from rlkd_data.structure.outcome import NUMBER, value
from rlkd_train.config import AugmentSettings
from rlkd_train.gsrm.meta_rules import MARK, result

RECIPE = {
    "plain": "the solution as it is, a line a step",
    "layout": "all on one line, lines with blank lines between, numbered lines, `Step k:` lines, or bullets",
    "preamble": "an opening that says nothing (`Let's think step by step.`)",
    "ending": "a closing `The answer is 18.`, `#### 18`, `Final answer: 18` or `\\boxed{18}`",
    "marks": "GSM8K's calculator marks left in",
    "cut": "the solution stops after k steps or some words later: the target holds those k and no final answer",
    "wrong": "one step's result is another number there and from then on: the target keeps the student's number",
}

_PREAMBLES = (
    "Let's think step by step.",
    "Let's solve this step by step.",
    "To solve this problem, we can follow these steps:",
    "Okay, let's work it out.",
    "Here is the solution.",
    "First, let's look at what we know.",
)
_ENDINGS = (
    "The answer is {}.",
    "The final answer is {}.",
    "So the answer is {}.",
    "Therefore, the answer is \\boxed{{{}}}.",
    "\\boxed{{{}}}",
    "#### {}",
    "Final answer: {}",
    "Answer: {}",
)


@dataclass(frozen=True, slots=True)
class Styled:
    """One way of writing a row's solution. `row` holds what the text says (its numbers may be wrong on purpose), of
    which the first `kept` steps are in the text; `styles` are names from `RECIPE`."""

    text: str
    row: GoldRow
    kept: int
    styles: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return self.kept == len(self.row.steps)


def plain(row: GoldRow) -> Styled:
    """The solution as the data set writes it."""
    return Styled("\n".join(step.answer for step in row.steps), row, len(row.steps), ("plain",))


def styled(row: GoldRow, rng: random.Random, shares: AugmentSettings) -> Styled:
    """One way of writing the row's solution, drawn from `rng`."""
    styles: list[str] = []
    if rng.random() < shares.wrong:
        changed = _wrong(row, rng)
        if changed is not None:
            row = changed
            styles.append("wrong")
    kept = len(row.steps)
    dangling = None
    if kept > 1 and rng.random() < shares.cut:
        kept = rng.randrange(1, kept)
        styles.append("cut")
        words = row.steps[kept].answer.split()
        if len(words) > 3 and rng.random() < 0.5:
            dangling = " ".join(words[: rng.randint(1, max(1, len(words) // 3))])
    marks = rng.random() < shares.marks
    if marks:
        styles.append("marks")
    lines = [_shown(step, marks) for step in row.steps[:kept]]
    if dangling:
        lines.append(dangling)
    preamble = rng.choice(_PREAMBLES) if rng.random() < shares.preamble else None
    if preamble:
        styles.append("preamble")
    ending = None
    if kept == len(row.steps) and rng.random() < shares.ending:
        ending = rng.choice(_ENDINGS).format(row.answer)
        styles.append("ending")
    layout = rng.choice(("line", "blank", "numbered", "step", "bullet")) if rng.random() < shares.layout else "lines"
    if layout != "lines":
        styles.append("layout")
    return Styled(_laid_out(layout, preamble, lines, ending), row, kept, tuple(styles) or ("plain",))


def _shown(step: GoldStep, marks: bool) -> str:
    return " ".join(step.answer_raw.split()) if marks else step.answer


def _laid_out(layout: str, preamble: str | None, lines: list[str], ending: str | None) -> str:
    match layout:
        case "line":
            lines = [line if line[-1:] in ".!?" else line + "." for line in lines[:-1]] + lines[-1:]
            return " ".join(part for part in (preamble, *lines, ending) if part)
        case "numbered":
            lines = [f"{number}. {line}" for number, line in enumerate(lines, 1)]
        case "step":
            lines = [f"Step {number}: {line}" for number, line in enumerate(lines, 1)]
        case "bullet":
            lines = [f"- {line}" for line in lines]
    return ("\n\n" if layout == "blank" else "\n").join(part for part in (preamble, *lines, ending) if part)


def _wrong(row: GoldRow, rng: random.Random) -> GoldRow | None:
    """The row with one step's result replaced by another number, in that step and wherever it is used later; None
    where no step can be changed clearly (its number is also given, or is used in more than one sense)."""
    order = list(range(len(row.steps)))
    rng.shuffle(order)
    in_problem = {value(token) for token in NUMBER.findall(row.problem)}
    for at in order:
        step = row.steps[at]
        right = result(step.answer, step.answer_raw)
        mark = MARK.search(step.answer_raw)
        if right is None or mark is None or right in in_problem or right <= 0 or right != right.to_integral_value():
            continue
        tokens = [value(token) for token in NUMBER.findall(step.answer)]
        before = {value(token) for earlier in row.steps[:at] for token in NUMBER.findall(earlier.answer)}
        if tokens.count(right) != 1 or right in before:
            continue
        spread = max(2, int(right) // 4)
        wrong = rng.choice([n for n in range(max(1, int(right) - spread), int(right) + spread + 1) if n != right])

        def swap(text: str, old: object = right, new: int = wrong) -> str:
            def put(match: re.Match[str]) -> str:
                if value(match.group()) != old:
                    return match.group()
                return f"{new:,}" if "," in match.group() else str(new)

            return NUMBER.sub(put, text)

        steps = tuple(
            earlier if number < at else GoldStep(earlier.question, swap(earlier.answer), swap(earlier.answer_raw))
            for number, earlier in enumerate(row.steps)
        )
        answer = swap(row.answer) if at == len(steps) - 1 else row.answer
        return replace(row, steps=steps, answer=answer)
    return None
