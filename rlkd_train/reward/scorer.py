"""A completion to its decomposition, and to its score against the teachers' decompositions of the same problem.

RLKD, section 3.3: the GSRM decomposes the student's reasoning, a judge compares it with the teacher's, step by step.
The teacher's side is given: it was decomposed once and is never asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlkd_data.chat.client import Client
from rlkd_data.chat.types import Failed, Hopeless, Reply, Request
from rlkd_data.collect.normalise import split_reasoning
from rlkd_data.judges.base import Judge, Pair, Verdict
from rlkd_data.prompts import gsrm_messages
from rlkd_data.run.together import together
from rlkd_data.schema import Decomposition, Sampling, Step
from rlkd_data.structure.align import Alignment
from rlkd_data.structure.parsed import ParseFailure
from rlkd_data.structure.read import read
from rlkd_data.structure.redone import last_of_each
from rlkd_data.structure.render import opening
from rlkd_data.structure.score import Normalise, Several, best, mean
from rlkd_data.structure.sequence import Matched
from rlkd_train.reward.answerless import answerless
from rlkd_train.reward.comparison import Align, Comparison, Gate, compare
from rlkd_train.reward.guards import most_steps


@dataclass(frozen=True, slots=True)
class Completion:
    """What a student wrote about a problem, without the prompt."""

    problem_id: str
    problem: str
    text: str


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What a judge said about part `part` of step `step` (from 1), against the teacher of that trace id; `beside` is
    the teacher's step, where it is another."""

    teacher: str
    step: int
    part: str
    match: bool | None
    how: str
    beside: int | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure score of one completion. `score` is None where it could not be computed, and `unscored` says why.

    `winner` is the trace id of the teacher that it scored highest against, `alignment` the alignment with that teacher.
    `asked` counts the pairs that a judge was asked about (those that needed none are not), `wasted` those of them whose
    verdict did not count, because it lies behind the gate.
    """

    score: float | None
    unscored: str | None = None
    steps: tuple[Step, ...] = ()
    winner: str | None = None
    alignment: Alignment | Matched | None = None
    verdicts: tuple[PairVerdict, ...] = ()
    asked: int = 0
    wasted: int = 0


class StructureScorer:
    """Scores batches of completions, within one event loop.

    `teachers` are decompositions by problem id; of several of one problem, the `best` score counts, or their `mean`.
    `lookahead` is how many steps' meta-reasonings are judged at once, before it is known whether the prefix gate closes
    at an earlier one (more is fewer rounds, and verdicts asked in vain). A judge that is asked about everything at once
    (`Judge.whole`) knows no rounds. `grounded`: an answer that the completion does not state is none (`answerless`).
    `mending`: of steps that were taken again the last alone counts (`structure.redone`).
    """

    def __init__(
        self,
        client: Client,
        judge: Judge,
        teachers: Mapping[str, Sequence[Decomposition]],
        *,
        max_tokens: int,
        normalise: Normalise = "teacher_steps",
        several: Several = "best",
        lookahead: int = 2,
        grounded: bool = True,
        align: Align = "positional",
        gate: Gate = "meta",
        mending: bool = False,
    ) -> None:
        self._client, self._judge, self._teachers = client, judge, teachers
        self._max_tokens, self._normalise = max_tokens, normalise
        self._combine = best if several == "best" else mean
        self._grounded, self._align, self._gate, self._mending = grounded, align, gate, mending
        self._lookahead = None if judge.whole else lookahead

    async def score(self, completions: Sequence[Completion]) -> list[Structure]:
        """A structure score for each completion, in order. All are at work at once: each is decomposed, and as soon as
        that is known judged against every teacher, window by window of steps. Raises Hopeless, having stopped the
        others, where no request will be answered (a wrong key, an unknown model)."""
        return await together(self._score(one) for one in completions)

    async def close(self) -> None:
        await self._judge.close()
        await self._client.close()

    async def _score(self, completion: Completion) -> Structure:
        references = self._teachers.get(completion.problem_id, ())
        if not references:
            return Structure(None, unscored="no_teacher")
        student = await self._decompose(completion, max(len(one.steps) for one in references))
        if isinstance(student, str):
            return Structure(None, unscored=student)
        student = last_of_each(student) if self._mending else student
        nothing = answerless(student, completion.text) if self._grounded else {}
        comparisons = [
            compare(self._align, self._gate, one, student, completion.problem, nothing) for one in references
        ]
        await together(self._compare(one) for one in comparisons)
        return self._structure(student, comparisons)

    async def _decompose(self, completion: Completion, teacher_steps: int) -> tuple[Step, ...] | str:
        """The steps of a completion, or why there are none. An empty completion has no steps, which is a score of 0;
        one that the GSRM did not decompose is unscored. The GSRM stops where no further step could change the score or
        a guard's signal: those beyond the longest teacher's count for nothing but their number."""
        reasoning = split_reasoning(completion.text).reasoning
        if not reasoning:
            return ()
        sampling = Sampling(temperature=0.0, max_tokens=self._max_tokens)
        enough = opening(most_steps(teacher_steps) + 2)
        messages = gsrm_messages(completion.problem, reasoning)
        try:
            return whole_steps(await self._client.ask(Request(messages, sampling, (enough,))))
        except Hopeless:
            raise
        except Failed as failure:
            return f"gsrm:{failure.reason}"

    async def _compare(self, comparison: Comparison) -> None:
        while wanted := comparison.open_pairs(self._lookahead):
            open_: list[tuple[object, Pair]] = []
            for key, one in wanted:
                if isinstance(one, Verdict):
                    comparison.take(key, one)
                else:
                    open_.append((key, one))
            verdicts = await self._judge.judge([pair for _, pair in open_]) if open_ else []
            for (key, _), verdict in zip(open_, verdicts, strict=True):
                comparison.take(key, verdict)

    def _structure(self, student: tuple[Step, ...], comparisons: Sequence[Comparison]) -> Structure:
        alignments = {one.teacher.trace_id: one.alignment() for one in comparisons}
        found = self._combine(alignments, self._normalise)
        return Structure(
            score=found.score if found else None,
            unscored=None if found else self._why(comparisons),
            steps=student,
            winner=found.winner if found else None,
            alignment=alignments[found.winner] if found else None,
            verdicts=tuple(
                PairVerdict(
                    one.teacher.trace_id,
                    said.step,
                    said.part,
                    said.verdict.match,
                    said.verdict.how,
                    said.beside if said.beside != said.step else None,
                )
                for one in comparisons
                for said in one.judged()
            ),
            asked=sum(one.asked for one in comparisons),
            wasted=sum(one.wasted for one in comparisons),
        )

    @staticmethod
    def _why(comparisons: Sequence[Comparison]) -> str:
        """Why there is no score: the first verdict that was needed and did not come."""
        for one in comparisons:
            key = one.alignment().unscored
            if key is not None:
                unknown = [said for said in one.judged() if (said.step, said.part) == (key.index, key.part)]
                lacking = next((said.verdict.how for said in unknown if said.verdict.match is None), None)
                return f"judge:{lacking}" if lacking is not None else "judge:no verdict"
        return "judge:no verdict"


def whole_steps(reply: Reply) -> tuple[Step, ...] | str:
    """The steps of a GSRM's reply, or why it has none. A reply that ends inside a step, as that on a rambling
    completion does, gives the steps before it: the score is of a prefix anyway. So does one that was cut off within a
    sentence of the last answer, which may lack its result; a first step is kept, for nothing else is known."""
    found = read(reply.text)
    if isinstance(found, ParseFailure) and found.code == "incomplete_last_step":
        cut = reply.text.lower().rfind("[meta-reasoning")
        found = read(reply.text[:cut]) if cut > 0 else found
    elif not isinstance(found, ParseFailure) and reply.finish_reason == "length" and not _ends(reply.text):
        return found.steps[:-1] or found.steps
    return f"gsrm:{found.code}" if isinstance(found, ParseFailure) else found.steps


def _ends(text: str) -> bool:
    return text.endswith("\n") or text.rstrip().endswith((".", "!", "?", "。", "]", "$"))
