"""What every backend takes and gives: a request, a reply, and the ways in which asking can fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from rlkd_data.errors import ModelError
from rlkd_data.schema import Sampling, Usage
from rlkd_data.surrogates import encodable

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "refusal", "other"]


@dataclass(frozen=True, slots=True)
class Message:
    """`content` can be sent: half of a surrogate pair in it is U+FFFD."""

    role: Role
    content: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", encodable(self.content))


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. `schema_json` asks for a reply that fits that JSON schema (its JSON text).

    `static`: how many of the first messages all requests of a stage share; a provider that must be told keeps them in
    its prompt cache.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    schema_json: str | None = None
    top_logprobs: int | None = None
    static: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer.

    `reasoning` is what the server gave apart from the text (`reasoning_content`, `reasoning`, thinking blocks), null
    where it gave none; tags inside `text` are left as they are. `model` is the name that the server answered with.
    `cache_written`: prompt tokens that the provider put into its cache, which some charge more for. `sent`: how it was
    really drawn, once the model had its way (the client says so; it is not stored). `told`: the fields of the request's
    body, likewise. `server`: which of several answered. `fingerprint`: the server's
    `system_fingerprint`.
    """

    text: str
    reasoning: str | None
    finish_reason: FinishReason
    usage: Usage
    model: str
    created_at: datetime
    logprobs: tuple[dict[str, Any], ...] = field(default=())
    cache_written: int = 0
    sent: Sampling | None = field(default=None, compare=False)
    told: frozenset[str] | None = field(default=None, compare=False)
    server: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a client is at, for whoever looks: requests in flight, tokens of the replies of this run (prompts and
    completions), and what the job has cost, in dollars (None: unknown)."""

    in_flight: int
    tokens: int
    dollars: float | None


class Failed(ModelError):
    """A request has no reply. `reason` is a code (`rate_limited`, `server_error`, `timeout`, …); `paid` is whether it
    may have been paid for all the same."""

    reason = "failed"
    paid = False


class Retryable(Failed):
    """Asking again may help. `retry_after` is in seconds, where the server named it; `usage` is what the failed try
    was charged for, where the server reported that; `few`: not often, for it seldom passes."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        retry_after: float | None = None,
        usage: Usage | None = None,
        paid: bool = False,
        few: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after
        self.usage = usage
        self.paid = paid
        self.few = few


class ComeBack(Retryable):
    """The server asks to wait longer than the run may: it ends with what is answered, and says when to come back."""


class Unfinished(Retryable):
    """The server broke this reply off. Where a few tries all end so, that is the request's own failure: Rejected."""

    def __init__(self, message: str, *, reason: str, usage: Usage | None = None) -> None:
        super().__init__(message, reason=reason, usage=usage, paid=True, few=True)


class Rejected(Failed):
    """This request will never be answered (too long, refused as malformed); others may. `body` is what the server said,
    whole."""

    def __init__(self, message: str, *, reason: str, body: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.body = body


class Adapted(Failed):
    """The server did not take this form of the request, and the backend has learned from it: made anew, it is another.

    `max_tokens`: the longest reply that fits beside this prompt, where that was the matter.
    """

    reason = "adapted"

    def __init__(self, message: str, *, max_tokens: int | None = None) -> None:
        super().__init__(message)
        self.max_tokens = max_tokens

    def adapt(self, request: Request) -> Request:
        """The request to ask in its place."""
        if self.max_tokens is None:
            return request
        return replace(request, sampling=replace(request.sampling, max_tokens=self.max_tokens))


class Hopeless(Failed):
    """No request to this backend will be answered (a wrong key, an unknown model): the run stops."""

    reason = "hopeless"


class Misused(Hopeless):
    """The same, because of a setting: the message names it."""

    exit_code = 2


class Backend(Protocol):
    """A way to ask one model. A backend neither retries nor limits: that is the scheduler's work."""

    model: str
    """The full `backend:model` name, as tables record it."""
    default_concurrency: int

    def wire(self, request: Request) -> dict[str, Any]:
        """The whole request as it goes over the wire, base URL and model included: the store's key is its hash.

        Holds everything that can change the answer, and no secret.
        """

    async def ask(self, wire: dict[str, Any]) -> Reply:
        """Ask once. Raises Retryable, Rejected or Hopeless."""

    async def close(self) -> None: ...
