"""A completion to its decomposition, and to its score against the teachers' decompositions of the same problem.

RLKD, section 3.3: the GSRM decomposes the student's reasoning, a judge compares it with the teacher's, step by step.
The teacher's side is given: it was decomposed once and is never asked for again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rlkd_data.chat.client import Client
from rlkd_data.chat.types import Reply, Request
from rlkd_data.collect.normalise import split_reasoning
from rlkd_data.prompts import gsrm_messages
from rlkd_data.schema import Decomposition, Sampling, Step
from rlkd_data.structure.align import Alignment, PairKey, align, compared, needed, text_of
from rlkd_data.structure.parse import ParseFailure, parse
from rlkd_data.structure.score import Normalise, best
from rlkd_train.judges.base import Judge, Pair


@dataclass(frozen=True, slots=True)
class Completion:
    """What a student wrote about a problem, without the prompt."""

    problem_id: str
    problem: str
    text: str


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure score of one completion. `score` is None where it could not be computed, and `unscored` says why.

    `winner` is the trace id of the teacher that it scored highest against, `alignment` the alignment with that teacher.
    """

    score: float | None
    unscored: str | None = None
    steps: tuple[Step, ...] = ()
    winner: str | None = None
    alignment: Alignment | None = None


@dataclass(slots=True)
class _Comparison:
    teacher: Sequence[Step]
    student: Sequence[Step]
    problem: str
    verdicts: dict[PairKey, bool | None] = field(default_factory=dict)
    whys: dict[PairKey, str] = field(default_factory=dict)

    def needed(self, lookahead: int) -> Iterator[PairKey]:
        return needed(compared(self.teacher, self.student), self.verdicts, lookahead)

    def pair(self, key: PairKey) -> Pair:
        return Pair(
            key.part,
            text_of(self.teacher[key.index - 1], key.part),
            text_of(self.student[key.index - 1], key.part),
            self.problem,
        )


class StructureScorer:
    """Scores batches of completions.

    `teachers` are decompositions by problem id; `lookahead` is how many steps' meta-reasonings are judged at once,
    before it is known whether the prefix gate closes at an earlier one (more is fewer rounds, and verdicts asked in
    vain).
    """

    def __init__(
        self,
        client: Client,
        judge: Judge,
        teachers: Mapping[str, Sequence[Decomposition]],
        *,
        max_tokens: int,
        normalise: Normalise = "teacher_steps",
        lookahead: int = 2,
    ) -> None:
        self._client, self._judge, self._teachers = client, judge, teachers
        self._max_tokens, self._normalise, self._lookahead = max_tokens, normalise, lookahead

    async def score(self, completions: Sequence[Completion]) -> list[Structure]:
        """A structure score for each completion, in order. All are decomposed at once, and then judged in rounds: each
        asks for everything that the verdicts so far make needed, of all completions."""
        students = await self._decompose(completions)
        comparisons: list[dict[str, _Comparison]] = []
        for completion, student in zip(completions, students, strict=True):
            references = self._teachers.get(completion.problem_id, ()) if not isinstance(student, str) else ()
            comparisons.append(
                {d.trace_id: _Comparison(d.steps, student, completion.problem) for d in references}  # type: ignore[arg-type]
            )
        await self._judge_all([one for by_teacher in comparisons for one in by_teacher.values()])
        return [self._structure(student, by_teacher) for student, by_teacher in zip(students, comparisons, strict=True)]

    async def close(self) -> None:
        await self._judge.close()
        await self._client.close()

    async def _decompose(self, completions: Sequence[Completion]) -> list[tuple[Step, ...] | str]:
        """The steps of each completion, or why there are none. An empty completion has no steps, which is a score of 0;
        one that the GSRM did not decompose is unscored."""
        found: list[tuple[Step, ...] | str] = [()] * len(completions)

        def requests() -> Iterator[tuple[int, Request]]:
            sampling = Sampling(temperature=0.0, max_tokens=self._max_tokens)
            for number, completion in enumerate(completions):
                reasoning = split_reasoning(completion.text).reasoning
                if reasoning:
                    yield number, Request(gsrm_messages(completion.problem, reasoning), sampling)

        async for number, answer in self._client.ask_all(requests()):
            found[number] = whole_steps(answer) if isinstance(answer, Reply) else f"gsrm:{answer.reason}"
        return found

    async def _judge_all(self, comparisons: Sequence[_Comparison]) -> None:
        while True:
            asked = [
                (comparison, key)
                for comparison in comparisons
                for key in needed(
                    compared(comparison.teacher, comparison.student), comparison.verdicts, self._lookahead
                )
            ]
            if not asked:
                return
            pairs = [comparison.pair(key) for comparison, key in asked]
            distinct = list(dict.fromkeys(pairs))
            verdicts = dict(zip(distinct, await self._judge.judge(distinct), strict=True))
            for (comparison, key), pair in zip(asked, pairs, strict=True):
                comparison.verdicts[key] = verdicts[pair].match
                comparison.whys[key] = verdicts[pair].how

    def _structure(self, student: tuple[Step, ...] | str, comparisons: Mapping[str, _Comparison]) -> Structure:
        if isinstance(student, str):
            return Structure(None, unscored=student)
        if not comparisons:
            return Structure(None, unscored="no_teacher", steps=student)
        alignments = {name: align(one.teacher, one.student, one.verdicts) for name, one in comparisons.items()}
        found = best(alignments, self._normalise)
        if found is None:
            name, key = next((n, a.unscored) for n, a in alignments.items() if a.unscored is not None)
            return Structure(None, unscored=f"judge:{comparisons[name].whys.get(key, 'no verdict')}", steps=student)
        return Structure(found.score, steps=student, winner=found.winner, alignment=alignments[found.winner])


def whole_steps(reply: Reply) -> tuple[Step, ...] | str:
    """The steps of a GSRM's reply, or why it has none. A reply that ends inside a step, as that on a rambling
    completion does, gives the steps before it: the score is of a prefix anyway."""
    found = parse(reply.text)
    if isinstance(found, ParseFailure) and found.code == "incomplete_last_step":
        cut = reply.text.lower().rfind("[meta-reasoning")
        found = parse(reply.text[:cut]) if cut > 0 else found
    return f"gsrm:{found.code}" if isinstance(found, ParseFailure) else found.steps
