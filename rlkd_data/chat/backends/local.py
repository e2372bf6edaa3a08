"""The `local:` backend: a model in this process, through transformers, on the CPU or a GPU.

Each request has random numbers of its own, seeded by what it asks, so a reply depends on the requests that it is
generated beside only through rounding: of float32 about 1e-6 of a logit, while bfloat16 may decide between two tokens
that are nearly as likely, greedy or sampled. So a run repeats exactly where its batches, the machine's kind and the
versions of torch and transformers do; the response store makes a reply, once drawn, the same for ever.

On a CPU requests join and leave a rolling batch (`rolling.py`); on a GPU those that arrive within a moment of each
other and are sampled alike are generated together, shortest prompts first (`static.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rlkd_data.chat.backends.kept import kept
from rlkd_data.chat.backends.models import resolve
from rlkd_data.chat.backends.weights import load, model_identity, origin_of
from rlkd_data.chat.types import Hopeless, Rejected, Reply, Request
from rlkd_data.errors import InputError, MissingDependency
from rlkd_data.run.progress import console
from rlkd_data.schema import Usage

if TYPE_CHECKING:
    from rlkd_data.chat.backends.rolling import RollingBatch, Row

BATCH = 32
"""Rows generated together on a CPU. On two cores SmolLM2 gives about 1.3 times as many tokens a second at 32 as at 16,
and no more at 64 (tests/bench/local_throughput.py)."""
GPU_BATCH = 128
"""On a GPU; not measured. It is halved whenever the memory does not hold a batch."""
CACHE_BYTES = 4 << 30
"""What the keys and values of a rolling batch may take before another row joins it."""
_GATHER = 0.02
"""Seconds to wait for more requests before a batch starts."""
_MAX_TOKENS = 1024
_announced: set[str] = set()


@dataclass(slots=True)
class _Waiting:
    wire: dict[str, Any]
    row: Row
    done: asyncio.Future[Reply]

    def given_up(self) -> bool:
        """Whether nobody waits any more."""
        return self.done.done() or self.done.get_loop().is_closed()

    def answer(self, outcome: Reply | BaseException) -> None:
        """Let who waits know, from any thread."""
        with contextlib.suppress(RuntimeError):  # its event loop has ended
            self.done.get_loop().call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Reply | BaseException) -> None:
        if self.done.done():
            return
        if isinstance(outcome, asyncio.CancelledError):
            self.done.cancel()
        elif isinstance(outcome, BaseException):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


class LocalBackend:
    """One model in memory. Raises InputError where it cannot be found, MissingDependency without transformers."""

    def __init__(self, name: str) -> None:
        try:
            import torch
            import transformers  # noqa: F401
        except ImportError as missing:
            raise MissingDependency(missing.name or "torch", "a local: model", "train") from None
        self.model = f"local:{name}"
        self._found = resolve(name)
        self._identity = model_identity(name, self._found)
        self._begin("cuda" if torch.cuda.is_available() else "cpu")
        if name not in _announced:
            _announced.add(name)
            console.print(f"model {name}: {origin_of(self._found)}, on {self._device}", markup=False)

    def _begin(self, device: str) -> None:
        self._device = device
        self._batch = BATCH if self._device == "cpu" else GPU_BATCH
        self.default_concurrency = 4 * self._batch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local-model")
        # Apart from the model's thread: a batch that is being generated must not keep the next prompts from it.
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="local-tokenizer")
        self._loading = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._encoding = 0
        self._waiting: list[_Waiting] = []
        self._running: list[_Waiting] = []
        self._closed = False
        self._pump: asyncio.Task[None] | None = None

    def wire(self, request: Request) -> dict[str, Any]:
        sampling = request.sampling
        if request.schema_json is not None or request.top_logprobs is not None:
            raise InputError(f"{self.model}: local models give neither JSON schemas nor log-probabilities")
        greedy = not sampling.temperature
        return {
            "backend": "local",
            "model": self._identity,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "max_tokens": sampling.max_tokens or _MAX_TOKENS,
            "temperature": None if greedy else sampling.temperature,
            "top_p": None if greedy else sampling.top_p,
            "seed": None if greedy else sampling.seed,
            # Without it, the samples of one problem would be seeded alike, and drawn alike.
            "sample_index": None if greedy else sampling.sample_index,
            "stop": list(request.stop),
        }

    async def ask(self, wire: dict[str, Any]) -> Reply:
        loop = asyncio.get_running_loop()
        self._encoding += 1
        try:
            row = await loop.run_in_executor(self._encoder, self._row, wire)
        finally:
            self._encoding -= 1
        waiting = _Waiting(wire, row, loop.create_future())
        self._waiting.append(waiting)
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._generate_waiting())
        return await waiting.done

    async def close(self) -> None:
        """Stop generating, at the next token, and free the model. Whoever still waits is cancelled."""
        self._closed = True
        if self._pump is not None:
            self._pump.cancel()
        for one in (*self._waiting, *self._running):
            one.done.cancel()
        await asyncio.to_thread(self._encoder.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        self._loaded = None
        if self._device == "cuda":
            _empty_cache()

    async def _generate_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_GATHER)
            if self._encoding and len(self._waiting) < self._batch:
                continue
            self._waiting = [one for one in self._waiting if not one.done.done()]
            if not self._waiting:
                return
            if await loop.run_in_executor(self._thread, self._rolls):
                await loop.run_in_executor(self._thread, self._roll)
            else:
                await self._generate_alike(loop)

    def _rolls(self) -> bool:
        from rlkd_data.chat.backends.rolling import RollingBatch

        return self._device == "cpu" and RollingBatch.fits(self._load()[0])

    def _roll(self) -> None:
        """Generate until nobody waits; those who come in the meantime join, also from another event loop than the one
        that began. Runs in the model's thread."""
        from rlkd_data.chat.backends.rolling import RollingBatch

        model, tokenizer = self._load()
        batch = RollingBatch(model, tokenizer, _ends(model, tokenizer))
        owners: dict[int, _Waiting] = {}
        try:
            while not self._closed:
                batch.leave([row for row in batch.rows if owners[id(row)].given_up()])
                newcomers = self._newcomers(batch)
                owners |= {id(one.row): one for one in newcomers}
                if not newcomers and not batch.rows:
                    return
                done = batch.admit([one.row for one in newcomers])
                done += batch.step() if batch.rows else []
                for row in done:
                    owners.pop(id(row)).answer(self._reply(tokenizer, row))
        except Exception as problem:  # ours, whoever asks must hear of it
            waiting, self._waiting = self._waiting, []
            for one in (*owners.values(), *waiting):
                one.answer(problem)
            return
        for one in owners.values():  # closed in the middle of them
            one.answer(asyncio.CancelledError())

    def _newcomers(self, batch: RollingBatch) -> list[_Waiting]:
        """Who may join, the longest prompts first (their replies take longest), in an order that does not depend on
        their arrival."""
        free = self._batch - len(batch.rows)
        if free <= 0 or not self._waiting:
            return []
        order = sorted(self._waiting, key=lambda one: (-len(one.row.ids), one.row.ids, one.wire["sample_index"] or 0))
        taken: list[_Waiting] = []
        for one in order[:free]:
            if (taken or batch.rows) and batch.bytes_with(len(one.row.ids), len(taken)) > CACHE_BYTES:
                break
            taken.append(one)
        for one in taken:
            self._waiting.remove(one)
        return taken

    async def _generate_alike(self, loop: asyncio.AbstractEventLoop) -> None:
        """Generate one batch of requests that are sampled alike."""
        import torch

        batch = self._running = self._next_batch()
        outcomes: Sequence[Reply | Exception]
        try:
            outcomes = await loop.run_in_executor(self._thread, self._generate, batch)
        except torch.OutOfMemoryError:
            _empty_cache()
            if len(batch) > 1:
                self._batch = len(batch) // 2
                self._waiting = batch + self._waiting
                return
            row = batch[0].row
            tokens = f"{len(row.ids)} tokens of prompt and {row.room} to generate"
            outcomes = [Rejected(f"{self.model}: no memory for {tokens}", reason="out_of_memory")]
        except Exception as problem:  # ours, whoever asks must hear of it
            outcomes = [problem] * len(batch)
        for one, outcome in zip(batch, outcomes, strict=True):
            one.answer(outcome)

    def _next_batch(self) -> list[_Waiting]:
        """Requests sampled alike, the shortest prompts of them; in an order that does not depend on their arrival."""
        alike = [one for one in self._waiting if _settings(one.wire) == _settings(self._waiting[0].wire)]
        batch = sorted(alike, key=lambda one: (len(one.row.ids), one.row.ids, one.wire["sample_index"]))[: self._batch]
        taken = {id(one) for one in batch}
        self._waiting = [one for one in self._waiting if id(one) not in taken]
        return batch

    def _generate(self, batch: list[_Waiting]) -> list[Reply]:
        from rlkd_data.chat.backends.static import generate

        model, tokenizer = self._load()
        for one in batch:  # anew, where a larger batch with it was given up
            one.row.stream = _stream(one.wire)
        rows = [one.row for one in batch]

        def given_up() -> list[bool]:
            return [self._closed or one.done.cancelled() for one in batch]

        generate(model, tokenizer, _ends(model, tokenizer), rows, given_up)
        return [self._reply(tokenizer, row) for row in rows]

    def _load(self) -> tuple[Any, Any]:
        with self._loading:
            if self._loaded is None:
                try:
                    if self._device == "cpu":
                        self._loaded = kept(self._identity, lambda: load(self._found, "cpu"))
                    else:
                        self._loaded = load(self._found, self._device)
                except (OSError, ValueError) as problem:
                    reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
                    raise InputError(f"{self.model}: {self._found.path} cannot be loaded: {reason}") from problem
            return self._loaded

    def _limit(self) -> int | None:
        return getattr(self._load()[0].config, "max_position_embeddings", None)

    def _row(self, wire: dict[str, Any]) -> Row:
        from rlkd_data.chat.backends.rolling import Row

        ids, limit = self._encode(wire["messages"]), self._limit()
        if limit is not None and len(ids) >= limit:
            raise Rejected(f"{self.model}: {len(ids)} tokens of prompt leave no room in its {limit}", reason="too_long")
        return Row(
            ids,
            wire["max_tokens"] if limit is None else min(wire["max_tokens"], limit - len(ids)),
            wire["temperature"] or 1.0,
            wire["top_p"],
            _stream(wire),
            tuple(wire["stop"]),
        )

    def _encode(self, messages: list[dict[str, str]]) -> list[int]:
        from jinja2 import TemplateError

        tokenizer = self._load()[1]
        if not tokenizer.chat_template:
            raise Hopeless(f"{self.model} has no chat template: it is a base model; give one tuned for chat")
        try:
            text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        except TemplateError as problem:
            raise Hopeless(f"{self.model}: its chat template refuses the messages: {problem}") from problem
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def _reply(self, tokenizer: Any, row: Row) -> Reply:
        text = tokenizer.decode(row.tokens, skip_special_tokens=True)
        stops = [text.index(stop) for stop in row.stops if stop in text]
        if stops:
            text = text[: min(stops)]
        return Reply(
            text=text,
            reasoning=None,
            finish_reason="stop" if row.finished or stops else "length",
            usage=Usage(prompt_tokens=len(row.ids), completion_tokens=row.generated),
            model=self.model,
            created_at=datetime.now(UTC),
        )


def _empty_cache() -> None:
    import torch

    torch.cuda.empty_cache()


def _settings(wire: dict[str, Any]) -> tuple[Any, ...]:
    return wire["max_tokens"], wire["temperature"], wire["top_p"], tuple(wire["stop"])


def _stream(wire: dict[str, Any]) -> random.Random | None:
    """The random numbers of a request; None where it is answered greedily."""
    if wire["temperature"] is None:
        return None
    digest = hashlib.sha256(json.dumps(wire, sort_keys=True).encode())
    return random.Random(int.from_bytes(digest.digest()[:8], "big"))


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end a reply."""
    found = model.generation_config.eos_token_id
    listed = found if isinstance(found, list) else [found]
    return {token for token in (*listed, tokenizer.eos_token_id) if token is not None}
