"""The call pattern of the public reference implementation of RLKD, restated from its description: the other side of the
reward's benchmark.

For every completion, on a default thread pool: the teacher's trace is decomposed (again), then the completion; then one
judge call after another, meta-reasoning first, sub-problem and answer where it matches, until the first that does not.
Nothing is kept, and whatever goes wrong is a score of 0. Only this restatement tells how a score came about: `Trail`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from openai import OpenAI

from rlkd_data.judges.base import Verdict
from rlkd_data.prompts import gsrm_messages
from rlkd_data.schema import Step
from rlkd_data.structure.align import PairKey, text_of
from rlkd_data.structure.names import PartName
from rlkd_data.structure.parse import ParseFailure, parse
from tests.support.reward_cases import Case

_JUDGE = """Do these two texts say the same? Answer yes or no.

Text 1: {first}

Text 2: {second}"""


@dataclass(slots=True)
class Trail:
    """How one completion came to its score. `failed`: why it is a 0 that was not earned."""

    teacher: tuple[Step, ...] = ()
    student: tuple[Step, ...] = ()
    verdicts: dict[PairKey, Verdict] = field(default_factory=dict)
    score: float = 0.0
    failed: str | None = None


class ReferencePattern:
    """`score` sums 1, ½, ¼ a step up to the first meta-reasoning that does not match (RLKD, section 3.3)."""

    def __init__(
        self, gsrm_url: str, judge_url: str, gsrm: str = "m", judge: str = "m", max_tokens: int = 2048
    ) -> None:
        self._gsrm, self._judge, self._max_tokens = gsrm, judge, max_tokens
        self._clients = {url: OpenAI(base_url=url, api_key="none") for url in (gsrm_url, judge_url)}
        self._gsrm_client, self._judge_client = self._clients[gsrm_url], self._clients[judge_url]

    def score(self, cases: Sequence[Case]) -> list[float]:
        return [trail.score for trail in self.trails(cases)]

    def trails(self, cases: Sequence[Case]) -> list[Trail]:
        """The scores, and how each came about."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(self._score_or_0, cases))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _score_or_0(self, case: Case) -> Trail:
        trail = Trail()
        try:
            trail.score = self._score(case, trail)
        except Exception as problem:
            trail.failed = f"{type(problem).__name__}: {problem}"[:200]
        return trail

    def _score(self, case: Case, trail: Trail) -> float:
        trail.teacher = self._decompose(case.problem, case.teacher_reasoning)
        trail.student = self._decompose(case.problem, case.reasoning)
        total = 0.0
        for index, (teacher, student) in enumerate(zip(trail.teacher, trail.student, strict=False), 1):

            def same(part: PartName, index: int = index, teacher: Step = teacher, student: Step = student) -> bool:
                found = self._same(part, case.problem, text_of(teacher, part), text_of(student, part))
                trail.verdicts[PairKey(index, part)] = found
                return bool(found.match)

            if not same("meta"):
                break
            step = 1.0
            if not same("sub_problem"):
                step /= 2
            if not same("answer"):
                step /= 2
            total += step
        return total

    def _decompose(self, problem: str, reasoning: str) -> tuple[Step, ...]:
        messages = [{"role": one.role, "content": one.content} for one in gsrm_messages(problem, reasoning)]
        return self._steps(self._ask(self._gsrm_client, self._gsrm, messages, self._max_tokens))

    def _steps(self, text: str) -> tuple[Step, ...]:
        found = parse(text)
        if isinstance(found, ParseFailure):
            raise ValueError(found.code)
        return found.steps

    def _same(self, part: PartName, problem: str, first: str, second: str) -> Verdict:
        message = {"role": "user", "content": _JUDGE.format(first=first, second=second)}
        said = self._ask(self._judge_client, self._judge, [message], 8)
        return Verdict("no" not in said.lower(), "judge")

    @staticmethod
    def _ask(client: OpenAI, model: str, messages: list[dict[str, str]], max_tokens: int) -> str:
        made = client.chat.completions.create(
            model=model,
            messages=messages,  # type: ignore[arg-type]
            temperature=0.0,
            max_tokens=max_tokens,
        )
        return made.choices[0].message.content or ""
