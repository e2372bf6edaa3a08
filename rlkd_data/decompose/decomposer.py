"""Asks an annotator about traces until each has its row: one conversation a trace, many at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rlkd_data.chat.backends.world import NAME as WORLD_GSRM
from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.pace.breaker import unless_fruitless
from rlkd_data.chat.types import Failed, Message, Rejected, Reply, Request
from rlkd_data.config import DecomposeSettings
from rlkd_data.decompose.judge import Judged, Rules
from rlkd_data.decompose.judges import open_judges
from rlkd_data.decompose.row import outcome
from rlkd_data.decompose.talk import Talk, Turn
from rlkd_data.decompose.window import longest_piece, window
from rlkd_data.done import done_digests, key_digest
from rlkd_data.errors import InputError, ModelError
from rlkd_data.prompts import (
    CONTINUE,
    DECOMPOSE,
    GSRM,
    REPAIR,
    decompose_messages,
    decompose_prefix,
    decompose_prompt_id,
    gsrm_messages,
    own_prompt,
    prompt_id,
)
from rlkd_data.run.progress import Tally, tally
from rlkd_data.run.resources import BUNDLED
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Domain, Sampling, Trace
from rlkd_data.structure.as_json import SCHEMA_JSON
from rlkd_data.structure.chunk import Piece, cut
from rlkd_data.tables import TableWriter, count_rows, read_rows


class Decomposer:
    """One run of the stage: who is asked, and how. `only`: the ids of the traces to take; None takes all."""

    def __init__(self, settings: DecomposeSettings, annotator: str, only: frozenset[str] | None = None) -> None:
        self.settings, self.annotator, self._only = settings, annotator, only
        self.own = own_prompt(settings.prompt_file, settings.system_prompt)
        self.zero_shot = settings.prompt == "zero-shot" or (settings.prompt is None and is_gsrm(annotator))
        if self.zero_shot and settings.format == "json":
            raise InputError("the zero-shot prompt has no JSON variant: take prompt few-shot, or format tagged")
        # A GSRM has learned to answer one question: it knows nothing of a second turn.
        self.repairs = settings.repairs if settings.repairs is not None else 0 if self.zero_shot else 1
        self.continuations = (
            settings.continuations if settings.continuations is not None else 0 if self.zero_shot else 3
        )
        self.sampling = Sampling(**settings.sampling.model_dump())
        self.tokens = window(settings)
        self.follow_ups: deque[tuple[tuple[Talk, Turn], Request]] = deque()
        self.failed = 0
        self.last_failure: Failed | None = None  # one alone: its traceback holds the request, and what waited for it

    async def run(self, out: Path, *, home: Path) -> Bill:
        """Fill the table in `out`; `home` is the stage's folder, which the requests are billed to."""
        from rlkd_data.chat.open import open_either

        settings = self.settings
        rules = Rules(
            settings.format,
            frozenset(settings.reject),
            settings.least_coverage,
            settings.longest_gap,
            settings.longest_stretch,
        )
        fresh = self._fresh(out)
        with TableWriter(out, DECOMPOSITIONS) as writer, tally("decompose", None) as progress:
            async with (
                open_either(self.annotator, settings, home) as client,
                open_judges(rules, settings.verify_workers, settings.verify_timeout) as judges,
            ):
                progress.follow(client.pulse)
                asked, begun = True, count_rows(out) > 0
                while asked:
                    asked = False
                    # Ends where nothing is left to ask *now*, so that what is asked next may depend on these answers
                    # however the client gathers its requests.
                    answers = client.ask_all(self._requests(fresh))
                    async for (talk, turn), answer in unless_fruitless(answers, after=settings.breaker, begun=begun):
                        asked, begun = True, begun or isinstance(answer, Reply)
                        if isinstance(answer, Failed) and not isinstance(answer, Rejected):
                            self._fail(talk, answer, progress)
                            continue
                        cost = client.cost(answer) if isinstance(answer, Reply) else None
                        self._later(talk, talk.take(turn, answer, cost))
                        if talk.waiting == 0 and not talk.broken:
                            for one, judged in await judges.submit(talk, talk.case()):
                                self._settle(one, judged, writer, progress)
                    for one, judged in await judges.rest():
                        self._settle(one, judged, writer, progress)
        if self.failed:
            raise ModelError(
                f"{self.failed} requests to {self.annotator} failed, the last with: {self.last_failure}; what "
                "was answered is kept, and the same command asks for the rest"
            )
        return client.bill

    def requests(self, out: Path) -> Iterator[tuple[tuple[Talk, Turn], Request]]:
        """What would be asked first about the traces that the table in `out` does not hold yet."""
        return self._requests(self._fresh(out))

    def _fresh(self, out: Path) -> Iterator[Talk]:
        """A conversation for each trace that the table does not hold yet."""
        seen = done_digests(out, DECOMPOSITIONS)
        for trace in traces_of(self.settings):
            if self._only is not None and trace.trace_id not in self._only:
                continue
            prompt = self._prompt_id(self._domain(trace))
            if seen.add(key_digest((trace.trace_id, self.annotator, prompt))):
                schema = SCHEMA_JSON if self.settings.format == "json" else None
                yield Talk(
                    trace,
                    prompt,
                    self._ask,
                    self.sampling,
                    schema,
                    self.continuations,
                    self.settings.overlap,
                    static=len(self._prefix(self._domain(trace))),
                )

    def _requests(self, fresh: Iterator[Talk]) -> Iterator[tuple[tuple[Talk, Turn], Request]]:
        """What is to be asked now: conversations that go on before new ones, so that few are open at a time."""
        while True:
            if self.follow_ups:
                yield self.follow_ups.popleft()
                continue
            talk = next(fresh, None)
            if talk is None:
                return
            self._later(talk, talk.open(self._pieces(talk.trace)))

    def _later(self, talk: Talk, requests: list[tuple[Turn, Request]]) -> None:
        self.follow_ups.extend(((talk, turn), request) for turn, request in requests)

    def _fail(self, talk: Talk, failure: Failed, progress: Tally) -> None:
        talk.waiting -= 1
        talk.broken = True
        self.failed, self.last_failure = self.failed + 1, failure
        progress.advance("failed")

    def _settle(self, talk: Talk, judged: Judged, writer: TableWriter, progress: Tally) -> None:
        """Write the row, or ask again."""
        if judged.failures and talk.failed is None and talk.repairs < self.repairs:
            again = talk.repair(judged.failures)
            if again:
                self._later(talk, again)
                return
        row, reason, detail = outcome(talk, judged, self.annotator)
        if reason is None:
            writer.add(row)
        else:
            writer.reject(row, reason, detail)
        progress.advance("ok" if reason is None else f"rejected:{reason}")

    def _domain(self, trace: Trace) -> Domain:
        return trace.domain if self.settings.domain == "auto" else self.settings.domain

    def _prompt_id(self, domain: Domain) -> str:
        if self.own.is_one:
            return self.own.prompt_id(REPAIR, CONTINUE)
        return prompt_id(*GSRM) if self.zero_shot else decompose_prompt_id(domain, self.settings.format)

    def _ask(self, trace: Trace, piece: Piece) -> tuple[Message, ...]:
        text = trace.reasoning[piece.start : piece.end]
        whole = len(text) == len(trace.reasoning)
        part = None if whole else (piece.start + 1, piece.end, len(trace.reasoning))
        if self.own.is_one:
            problem, domain = trace.problem.strip(), self._domain(trace)
            return self.own.ask(DECOMPOSE[1], problem=problem, reasoning=text.strip(), part=part, domain=domain)
        if self.zero_shot:
            return gsrm_messages(trace.problem, text)
        return decompose_messages(trace.problem, text, self._domain(trace), self.settings.format, part)

    def _prefix(self, domain: Domain) -> tuple[Message, ...]:
        """The messages that all traces of a domain are asked with first."""
        return () if self.zero_shot or self.own.is_one else decompose_prefix(domain, self.settings.format)

    def _pieces(self, trace: Trace) -> tuple[Piece, ...]:
        if self.tokens is None:
            return cut(trace.reasoning, max(len(trace.reasoning), 1))
        prefix = self._prefix(self._domain(trace))
        prompt = len(trace.problem) + 300 + sum(len(message.content) for message in prefix)
        longest = longest_piece(self.tokens, prompt, self.sampling.max_tokens)
        return cut(trace.reasoning, longest, min(self.settings.overlap, longest // 4))


def is_gsrm(model: str) -> bool:
    """Whether a model has learned to decompose: one of those shipped, or a folder that says so (`gsrm.json`)."""
    backend, _, name = model.partition(":")
    if backend != "local":
        return False
    return name in (*BUNDLED, WORLD_GSRM) or any(
        (Path(name) / place).is_file() for place in ("gsrm.json", "model/gsrm.json")
    )


def traces_of(settings: DecomposeSettings) -> Iterator[Trace]:
    """The traces to decompose, up to the limit."""
    return islice((trace for folder in settings.traces for trace in read_rows(folder, TRACES)), settings.limit)
