"""The conversation with an annotator about one trace: what is asked next, given what was answered. Pure.

A trace is asked about in one piece or several; a reply that was cut off is continued where it stopped; one that fails a
check is asked for again, naming the check; a piece that the annotator finds too long is cut in two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rlkd_data.chat.types import FinishReason, Message, Rejected, Reply, Request
from rlkd_data.decompose.judge import Case, PieceReply
from rlkd_data.prompts import continue_message, repair_message
from rlkd_data.schema import Sampling, Trace, Usage
from rlkd_data.structure.chunk import Piece, halves
from rlkd_data.structure.markers import marker

_SEAM = 24
"""Least characters that the end of a reply and the beginning of its continuation must share to count as said twice."""
_LONGEST_SEAM = 2000
_SHORTEST = 2000
"""Characters of a piece that is not cut in two any more."""

Ask = Callable[[Trace, Piece], tuple[Message, ...]]
"""(trace, piece) to the messages that ask about it. They depend on nothing else, so that the same is asked again
however the answers about the other pieces came in."""


@dataclass(slots=True, eq=False)
class Turn:
    """The asking about one piece. `history` is all that was said before the current reply, `text` the reply so far."""

    piece: Piece
    history: tuple[Message, ...] = ()
    text: str = ""
    finish: FinishReason | None = None
    continued: int = 0


@dataclass(slots=True, eq=False)
class Talk:
    """All turns about one trace. `static`: how many of the first messages all traces of a domain share; `cost_usd` of
    all turns, None where that of one is not known. `waiting` counts requests without an answer; `failed` is why there
    will be none, `broken` that one got none this time; `servers`: those of a pool that answered."""

    trace: Trace
    prompt_id: str
    ask: Ask
    sampling: Sampling
    schema: str | None
    continuations: int
    overlap: int
    static: int = 0
    turns: list[Turn] = field(default_factory=list)
    waiting: int = 0
    failed: Rejected | None = None
    broken: bool = False
    asked: int = 0
    repairs: int = 0
    usage: Usage | None = None
    cost_usd: float | None = 0.0
    created_at: datetime | None = None
    servers: list[str] = field(default_factory=list)

    def open(self, pieces: Sequence[Piece]) -> list[tuple[Turn, Request]]:
        """The first requests."""
        self.turns = [Turn(piece) for piece in pieces]
        return [(turn, self._first(turn)) for turn in self.turns]

    def take(self, turn: Turn, answer: Reply | Rejected, cost_usd: float | None = None) -> list[tuple[Turn, Request]]:
        """Note an answer and its cost; returns what is to be asked at once."""
        self.waiting -= 1
        if isinstance(answer, Rejected):
            return self._refused(turn, answer)
        self._count(answer)
        self.cost_usd = None if self.cost_usd is None or cost_usd is None else self.cost_usd + cost_usd
        turn.text = joined(turn.text, answer.text) if turn.finish == "length" else answer.text
        turn.finish = answer.finish_reason
        if answer.finish_reason == "length" and answer.text.strip() and turn.continued < self.continuations:
            turn.continued += 1
            said = (*turn.history, _said(turn), continue_message())
            return [(turn, self._request(said))]
        return []

    def repair(self, failures: Sequence[tuple[str, int | None, str | None]]) -> list[tuple[Turn, Request]]:
        """Ask again, about each piece that failed, naming the checks. A failure of the whole is the matter of the piece
        where there is one alone; where there are several nobody could mend it, so nothing is asked."""
        asked: list[tuple[Turn, Request]] = []
        for number, turn in enumerate(self.turns):
            mine = [(c, d) for c, at, d in failures if at == number or (at is None and len(self.turns) == 1)]
            if mine and turn.finish == "stop" and turn.text.strip():
                turn.history = (*turn.history, _said(turn), repair_message(mine))
                turn.continued = 0
                asked.append((turn, self._request(turn.history)))
        self.repairs += len(asked)
        return asked

    def case(self) -> Case:
        """What there is to judge."""
        trace = self.trace
        return Case(
            trace.problem,
            trace.domain,
            trace.reasoning,
            trace.final_answer,
            trace.answer,
            trace.is_correct,
            tuple(PieceReply(turn.piece, turn.text, turn.finish or "other") for turn in self.turns),
        )

    def raw(self) -> str:
        """The replies that count, of several pieces with a form feed between them."""
        return "\n\f\n".join(turn.text for turn in self.turns)

    def _first(self, turn: Turn) -> Request:
        turn.history = self.ask(self.trace, turn.piece)
        return self._request(turn.history)

    def _request(self, messages: tuple[Message, ...]) -> Request:
        self.waiting += 1
        self.asked += 1
        return Request(messages, self.sampling, schema_json=self.schema, static=self.static)

    def _refused(self, turn: Turn, answer: Rejected) -> list[tuple[Turn, Request]]:
        """A turn that the annotator will not take. What it said before stands."""
        self.asked -= 1
        if turn.finish is not None:
            return []
        piece = turn.piece
        if answer.reason == "too_long" and piece.end - piece.fresh >= _SHORTEST:
            two = halves(self.trace.reasoning, piece, min(self.overlap, (piece.end - piece.fresh) // 8))
            if two is not None:
                at = self.turns.index(turn)
                self.turns[at : at + 1] = [Turn(half) for half in two]
                return [(half, self._first(half)) for half in self.turns[at : at + 2]]
        self.failed = answer
        return []

    def _count(self, reply: Reply) -> None:
        before, now = self.usage or Usage(), reply.usage
        self.usage = Usage(
            before.prompt_tokens + now.prompt_tokens,
            before.cached_tokens + now.cached_tokens,
            before.completion_tokens + now.completion_tokens,
            before.reasoning_tokens + now.reasoning_tokens,
        )
        self.created_at = max(self.created_at, reply.created_at) if self.created_at else reply.created_at
        if reply.server is not None and reply.server not in self.servers:
            self.servers.append(reply.server)


def _said(turn: Turn) -> Message:
    """The annotator's reply, to be sent back: half of a surrogate pair, which it may have written, cannot be."""
    return Message("assistant", turn.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def joined(text: str, more: str) -> str:
    """A reply and its continuation. What the continuation says again of the end is left out; a marker that it begins
    with stands on a line of its own."""
    end = text[-_LONGEST_SEAM:]
    for length in range(min(len(end), len(more)), _SEAM - 1, -1):
        if end.endswith(more[:length]):
            return text + more[length:]
    if not text.endswith("\n") and (found := marker(more.lstrip())) is not None and found.bracketed:
        return f"{text}\n{more.lstrip()}"
    return text + more
