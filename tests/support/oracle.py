"""An annotator whose decompositions are known to be faithful, or unfaithful in a known way.

A trace is cut into blocks, each with a step whose place is known; what the checks say of them can then be counted.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rlkd_data.schema import Step

LEAST_BLOCK = 180
"""Characters of a block at least, where the trace allows it."""
COARSE = 10
"""Steps of a coarse decomposition at most."""
_SENTENCE = re.compile(r"(?<=[.!?:])\s+(?=\S)|\n+")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[A-Za-z]{5,}")
_SWAPS = {
    "so": "hence", "therefore": "thus", "then": "next", "is": "comes to", "are": "make", "need": "have",
    "find": "determine", "get": "obtain", "which": "that", "because": "since", "wait": "hold on", "but": "yet",
    "also": "too", "first": "to begin", "total": "sum", "number": "count", "each": "every", "maybe": "perhaps",
    "means": "tells us", "given": "stated", "know": "see", "let": "we may", "problem": "task", "has": "holds",
    "would": "will", "can": "could", "equal": "identical", "gives": "yields", "now": "at this point", "just": "only",
    "think": "believe", "check": "verify", "should": "ought to", "start": "begin", "answer": "result", "same": "equal",
    "all": "every one of", "some": "a few", "make": "build", "using": "with", "use": "take", "like": "such as",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a trace."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Made:
    """A step, and where the trace says what it says."""

    step: Step
    start: int
    end: int


def sentences(text: str, block: Block) -> list[Block]:
    """The sentences of a block, without white space around."""
    edges = [block.start]
    for found in _SENTENCE.finditer(text, block.start, block.end):
        edges.append(found.end())
    found = []
    for low, high in zip(edges, [*edges[1:], block.end], strict=True):
        piece = text[low:high]
        if piece.strip():
            start = low + len(piece) - len(piece.lstrip())
            found.append(Block(start, start + len(piece.strip())))
    return found


def blocks(text: str) -> list[Block]:
    """Sentences put together until a block is long enough."""
    made: list[Block] = []
    start: int | None = None
    for one in sentences(text, Block(0, len(text))):
        start = one.start if start is None else start
        if one.end - start >= LEAST_BLOCK:
            made.append(Block(start, one.end))
            start = None
    if start is not None and made:
        made[-1] = Block(made[-1].start, len(text.rstrip()))
    elif start is not None:
        made.append(Block(start, len(text.rstrip())))
    return made


def grouped(made: Sequence[Block], most: int) -> list[Block]:
    """At most so many blocks, each of neighbours."""
    size = -(-len(made) // most)
    return [Block(made[n].start, made[min(n + size, len(made)) - 1].end) for n in range(0, len(made), size)]


def decomposed(text: str, kind: str, seed: int = 0) -> list[Made]:
    """A faithful decomposition. `full` quotes the whole of a block, `condensed` its last telling sentence,
    `paraphrased` that in other words; `coarse` has at most ten steps with a block's first and last sentence,
    `coarse_paraphrased` in other words."""
    chance = random.Random(seed)
    cut = blocks(text)
    if kind.startswith("coarse"):
        cut = grouped(cut, COARSE)
    made: list[Made] = []
    for number, block in enumerate(cut, 1):
        inside = sentences(text, block)
        told = max(inside[-3:], key=lambda one: one.end - one.start)
        if kind == "full":
            answer, where = text[block.start : block.end], block
        elif kind.startswith("coarse"):
            first, last = inside[0], told if told is not inside[0] else inside[-1]
            answer = text[first.start : first.end]
            answer += f" {text[last.start : last.end]}" if last is not first else ""
            where = block
        else:
            answer, where = text[told.start : told.end], told
        if kind.endswith("paraphrased"):
            answer = reworded(answer, chance)
        made.append(
            Made(Step(number, meta(text, block), question(text, block), answer.strip()), where.start, where.end)
        )
    return made


def words(text: str, block: Block, most: int) -> list[str]:
    """A block's words that are rarest in the trace, in their order."""
    whole = text.lower()
    found = list(dict.fromkeys(_WORD.findall(text[block.start : block.end])))
    rare = sorted(found, key=lambda word: whole.count(word.lower()))[:most]
    return [word for word in found if word in rare]


def meta(text: str, block: Block) -> str:
    named = words(text, block, 2)
    return f"What is known so far leaves open {' and '.join(named) or 'the next part'}, so that is taken up."


def question(text: str, block: Block) -> str:
    return f"What does the reasoning find about {', '.join(words(text, block, 4)) or 'this part'}?"


def reworded(text: str, chance: random.Random) -> str:
    """A sentence in other words: about a third of its common words swapped, some left out, an opening put before it."""
    pieces = re.split(r"(\W+)", text)
    for n, piece in enumerate(pieces):
        swap = _SWAPS.get(piece.lower())
        if swap is not None and chance.random() < 0.5:
            pieces[n] = swap
        elif piece.lower() in ("the", "a", "an", "that", "of") and chance.random() < 0.25:
            pieces[n] = ""
    said = re.sub(r" {2,}", " ", "".join(pieces)).strip()
    return chance.choice(("We find that ", "It turns out: ", "One sees that ", "")) + said


_FOREIGN = (
    "The harbour froze early, and the fishermen mended their nets indoors.",
    "Medieval glaziers coloured windows with cobalt and manganese.",
    "The violinist tuned her strings before the orchestra arrived.",
    "Beavers fell willows to dam the brook behind the orchard.",
    "Because the monsoon came late that summer, the farmers of the valley sold their cattle, and many families moved "
    "to the coast, where the shipyards were looking for carpenters.",
    "The museum lent the tapestry to Vienna, whose curators found beneath its lining a letter that the weaver had "
    "addressed to her sister.",
)

Kind = Callable[[list[Made], str, random.Random], "list[Made] | None"]
"""(a faithful decomposition, its trace, chance) to an unfaithful one; None where the trace does not allow it."""


def _skip(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    keep = round(len(made) * 0.2)
    return [*made[:keep], *made[-keep:]] if keep and len(made) >= 5 else None


def _elsewhere(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    """In one step the last number is another that stands far away in the trace."""
    order = list(range(len(made)))
    chance.shuffle(order)
    for n in order:
        one = made[n]
        own = list(_NUMBER.finditer(one.step.answer))
        if not own:
            continue
        near = set(_NUMBER.findall(text[max(0, one.start - 1000) : one.end + 1000]))
        far = sorted({found for found in _NUMBER.findall(text) if len(found) > 1} - near)
        if far:
            at = own[-1]
            answer = one.step.answer[: at.start()] + chance.choice(far) + one.step.answer[at.end() :]
            return [*made[:n], replace(one, step=replace(one.step, answer=answer)), *made[n + 1 :]]
    return None


def _invented(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    order = [n for n, one in enumerate(made) if _NUMBER.search(one.step.answer)]
    if not order:
        return None
    n = chance.choice(order)
    at = list(_NUMBER.finditer(made[n].step.answer))[-1]
    answer = made[n].step.answer[: at.start()] + "98713.7" + made[n].step.answer[at.end() :]
    return [*made[:n], replace(made[n], step=replace(made[n].step, answer=answer)), *made[n + 1 :]]


def _sentence(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    """In one step the answer is a sentence, without a number, of which the trace says nothing."""
    n = chance.randrange(len(made))
    answer = chance.choice(_FOREIGN)
    return [*made[:n], replace(made[n], step=replace(made[n].step, answer=answer)), *made[n + 1 :]]


def _reversed(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    return made[::-1] if len(made) > 2 else None


def _duplicate(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    n = chance.randrange(len(made))
    asked = made[n].step.sub_problem.replace("What does the reasoning find about", "Which conclusion is drawn on")
    return [*made[: n + 1], replace(made[n], step=replace(made[n].step, sub_problem=asked)), *made[n + 1 :]]


def _given(made: list[Made], chance: random.Random, which: Sequence[int]) -> list[Made]:
    found = list(made)
    for n in which:
        said = found[n].step
        found[n] = replace(found[n], step=replace(said, meta_reasoning=f"{said.meta_reasoning} {said.answer}"))
    return found


def _one_meta(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    long = [n for n, one in enumerate(made) if len(one.step.answer) >= 20]
    return _given(made, chance, [chance.choice(long)]) if long else None


def _half_metas(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
    return _given(made, chance, range(0, len(made), 2))


def _shifted(part: str) -> Kind:
    def shift(made: list[Made], text: str, chance: random.Random) -> list[Made] | None:
        if len(made) < 4:
            return None
        texts = [getattr(one.step, part) for one in made]
        return [
            replace(one, step=replace(one.step, **{part: said}))
            for one, said in zip(made, [texts[-1], *texts[:-1]], strict=True)
        ]

    return shift


UNFAITHFUL: dict[str, Kind] = {
    "skips the middle 60 %": _skip,
    "a number of elsewhere": _elsewhere,
    "an invented number": _invented,
    "an invented sentence": _sentence,
    "reversed": _reversed,
    "a reworded duplicate": _duplicate,
    "answer in one meta": _one_meta,
    "answer in half of the metas": _half_metas,
    "questions shifted": _shifted("sub_problem"),
    "metas shifted": _shifted("meta_reasoning"),
    "stops after 30 %": lambda made, text, chance: made[: max(1, round(len(made) * 0.3))],
}
FAITHFUL = ("full", "condensed", "paraphrased", "coarse", "coarse_paraphrased")


def steps_of(made: Sequence[Made]) -> tuple[Step, ...]:
    """The steps, numbered from 1."""
    return tuple(replace(one.step, index=index) for index, one in enumerate(made, 1))
