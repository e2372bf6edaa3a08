"""Is an answer right? True, false, or open with the reason: the one place that says. Pure.

What is made of the verdicts, the same in every stage (docs/answers.md tells it to users):

- an answer that cannot be read, to a gold answer that can, is wrong (`UNREADABLE`);
- a gold answer that cannot be read or is prose, or none, judges nobody (`null: …`, in `NOT_JUDGED`);
- what two readable answers leave open (another unit, other words) is `null: open: …`, and counts neither way;
- a time limit or a crash of ours is `null: …`, and unscored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from rlkd_data.answers.choices import by_letter, chosen, options_of
from rlkd_data.answers.compare import Comparison
from rlkd_data.answers.final import final_answer, without_rejected
from rlkd_data.answers.literals import from_literal
from rlkd_data.answers.read import read
from rlkd_data.answers.scalars import Engine
from rlkd_data.answers.shapes import Phrase, Prose, Scalar, Shape, Words
from rlkd_data.answers.stated import stated
from rlkd_data.answers.structures import as_structure, framed
from rlkd_data.schema import Domain

_LETTER = re.compile(r"\W*[A-J]\W*")
_SENTENCE = 5
"""Words from which on a gold answer of words is prose: nobody says it again word for word."""
_FEW = 2
"""Words up to which words are an answer, where a number or a formula is wanted."""
_LETTERED = re.compile(r"\W*[A-J]\W*$|\W*[A-J][).:]\s")
UNREADABLE = "unreadable answer"
NO_ANSWER = "no answer"
NO_GOLD = "null: no gold answer"
NO_GOLD_READ = "null: unreadable gold answer"
GOLD_IN_PROSE = "null: gold answer in prose"
CODE = "null: code is not run"
FREE_TEXT = "null: free text"
NOT_JUDGED = (NO_GOLD, NO_GOLD_READ, GOLD_IN_PROSE, CODE, "null: no tests in the gold answer")
"""Verdicts that say nothing about an answer, for they would be the same for any."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`how`: what decided (`exact`, `number`, `parts`, `units`, `letter`, `option`, `structure`, `words`,
    `math-verify`, `no answer`, `unreadable answer`, `tests: …`), or `null: …` with the reason."""

    is_correct: bool | None
    how: str

    @property
    def differs(self) -> bool:
        """Whether both answers were read, and are not the same: more than that the answer is wrong."""
        return self.is_correct is False and self.how not in (UNREADABLE, NO_ANSWER)


@dataclass(frozen=True, slots=True)
class Job:
    gold: str | None
    answer: str | None
    domain: Domain
    problem: str | None = None
    """Where given, the options in it tell which letter a text stands for, and which text a letter; and it tells whether
    a decimal or a percentage was asked for."""


class NeedsEngine(Exception):
    """A formula has to be read."""


class NoEngine:
    """Stands where there is no engine: whoever needs one learns it at once."""

    def equal(self, one: str, other: str) -> bool | None:
        raise NeedsEngine

    def relations(self, one: str, other: str) -> bool | None:
        raise NeedsEngine

    def value(self, formula: str) -> Fraction | None:
        raise NeedsEngine


def decide(job: Job, engine: Engine) -> Verdict:  # noqa: PLR0911 - a kind each
    """The verdict on an answer. Raises what the engine raises."""
    if job.gold is None or not job.gold.strip():
        return Verdict(None, NO_GOLD)
    if job.domain == "code":
        return Verdict(None, CODE)
    if job.answer is None or not job.answer.strip():
        return Verdict(False, NO_ANSWER)
    if _plain(job.gold) == _plain(job.answer) and _same_case(job.gold, job.answer):
        return Verdict(True, "exact")
    gold, answer = _taken(job.gold), _taken(job.answer)
    found = _by_option(gold, answer, job.problem)
    if isinstance(found, Verdict):
        return found
    gold, answer = found
    if (lettered := by_letter(gold, answer, job.domain)) is not None:
        return Verdict(lettered, "letter")
    if job.domain == "puzzle" and (structures := _by_structure(gold, answer)) is not None:
        return structures
    return _by_shape(gold, answer, job, engine)


def _by_shape(gold: str, answer: str, job: Job, engine: Engine) -> Verdict:  # noqa: PLR0911 - a kind each
    left, right = read(gold), read(answer)
    in_prose, sure = isinstance(left, Prose), True
    if isinstance(right, (Prose, Phrase)) and not isinstance(left, (Prose, Phrase)):
        right, sure = _out_of(answer, right, left)
    elif isinstance(left, (Prose, Phrase)) and not isinstance(right, (Prose, Phrase)):
        left, sure = _out_of(gold, left, right)
    if isinstance(left, Prose):
        return Verdict(None, GOLD_IN_PROSE if _wordy(gold) else NO_GOLD_READ)
    if isinstance(right, Prose):
        return Verdict(None, FREE_TEXT) if isinstance(left, (Words, Phrase)) else Verdict(False, UNREADABLE)
    comparison = Comparison(engine, job.problem)
    verdict = comparison.same(left, right)
    if not verdict and isinstance(left, Words) and (in_prose or len(left.words) >= _SENTENCE):
        return Verdict(None, GOLD_IN_PROSE)
    why = comparison.why[-1] if comparison.why else "equal"
    if verdict is None and isinstance(right, Phrase) and not isinstance(left, (Words, Phrase)):
        held = isinstance(left, Scalar) and left.number is not None and str(left.number.value) in right.tokens
        return Verdict(None, FREE_TEXT) if held else Verdict(False, UNREADABLE)
    if verdict is None and why == "a formula that is not read":
        return Verdict(False, UNREADABLE) if _reads(engine, gold) else Verdict(None, NO_GOLD_READ)
    if verdict is None:
        return Verdict(None, FREE_TEXT if why in ("words", "phrases", "prose") else f"null: open: {why}")
    story = isinstance(right, Words) and len(right.words) > _FEW and not isinstance(left, (Words, Phrase))
    return Verdict(False, UNREADABLE) if not verdict and (story or not sure) else Verdict(verdict, why)


def _reads(engine: Engine, formula: str) -> bool:
    return engine.equal(formula, formula) is not None


def _out_of(text: str, shape: Shape, other: Shape) -> tuple[Shape, bool]:
    """(what a text of sentences states where it says so in a way that is known, whether that is certain)."""
    found = stated(text)
    if found is None or isinstance(other, Words) or (isinstance(shape, Phrase) and not isinstance(other, Scalar)):
        return shape, True
    inner = read(found.text)
    return (shape, True) if isinstance(inner, (Prose, Phrase)) else (inner, found.certain)


def _taken(text: str) -> str:
    r"""An answer out of its box, its tags or its list of one, where it stands in one."""
    literal = from_literal(text)
    if literal is not None:
        return literal
    if "boxed" in text or "fbox" in text or "<answer>" in text or "####" in text:
        return final_answer(text) or text
    head = without_rejected(text)
    return head if head is not None and isinstance(read(head), Scalar) else text


def _by_option(gold: str, answer: str, problem: str | None) -> Verdict | tuple[str, str]:
    """Where both name an option of the problem, whether it is the same one; where one alone does, by its letter, both
    answers with the option's text for it: the other may be the same value, written otherwise."""
    options = options_of(problem) if problem else {}
    if not options:
        return gold, answer
    wanted, said = chosen(gold, options), chosen(answer, options)
    if wanted and said:
        return Verdict(wanted == said, "option")
    if wanted and _LETTER.fullmatch(gold) and not _LETTERED.match(answer):
        return options[wanted], answer
    if said and _LETTER.fullmatch(answer) and not _LETTERED.match(gold):
        return gold, options[said]
    return gold, answer


def _by_structure(gold: str, answer: str) -> Verdict | None:
    """Lists, grids and mappings of a puzzle, element by element. In mathematics brackets may be an interval. Two texts
    with commas and no brackets may also be sentences or grouped digits, so that they differ says nothing."""
    left, right = as_structure(gold), as_structure(answer)
    if left is None or right is None or (left != right and not (framed(gold) or framed(answer))):
        return None
    return Verdict(left == right, "structure")


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("$").removesuffix(".").split()).lower()


def _same_case(gold: str, answer: str) -> bool:
    """Whether two texts that differ at most in case may be taken for one: variables `x` and `X` may not, the letters of
    options and words may."""
    if gold.strip() == answer.strip() or re.search(r"[^\W\d_]{3,}", re.sub(r"\\[A-Za-z]+", " ", gold)):
        return True
    changed = [one for one, other in zip(_squeezed(gold), _squeezed(answer), strict=False) if one != other]
    return all(letter.upper() in "ABCDEFGHIJ" for letter in changed if letter.isalpha()) and len(_squeezed(gold)) <= 3


def _squeezed(text: str) -> str:
    return re.sub(r"[\s$.*]", "", text)


def _wordy(text: str) -> bool:
    return len(re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[A-Za-z]+", " ", text))) > 1
