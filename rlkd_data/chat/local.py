"""The `local:` backend: a model in this process, through transformers, on the CPU or a GPU.

Requests that arrive within a moment of each other and are sampled alike are generated in one batch, shortest prompts
together. What is drawn depends on the batch that a request is drawn in (its rows share one random state, seeded by the
requests of the batch), so a run repeats exactly where its batches do; the response store makes a reply, once drawn, the
same for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.models import LocalModel, resolve
from rlkd_data.chat.types import Rejected, Reply, Request
from rlkd_data.errors import InputError, MissingDependency
from rlkd_data.identity import content_identity
from rlkd_data.progress import console
from rlkd_data.schema import Usage

BATCH = 16
"""Requests generated together on a CPU; a GPU takes eight times as many."""
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
        self._identity = _identity(name, self._found)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._batch = BATCH if self._device == "cpu" else 8 * BATCH
        self.default_concurrency = 4 * self._batch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local-model")
        self._loaded: tuple[Any, Any] | None = None
        self._waiting: list[_Waiting] = []
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
            "stop": list(request.stop),
        }

    async def ask(self, wire: dict[str, Any]) -> Reply:
        loop = asyncio.get_running_loop()
        ids = await loop.run_in_executor(self._thread, self._encode, wire["messages"])
        limit = self._limit()
        if limit is not None and len(ids) + wire["max_tokens"] > limit:
            raise Rejected(
                f"{self.model}: {len(ids)} tokens of prompt and {wire['max_tokens']} to generate exceed its {limit}",
                reason="too_long",
            )
        waiting = _Waiting(wire, ids, loop.create_future())
        self._waiting.append(waiting)
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._generate_waiting())
        return await waiting.done

    async def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self._loaded = None
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _generate_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_GATHER)
            self._waiting = [one for one in self._waiting if not one.done.done()]
            if not self._waiting:
                return
            batch = self._next_batch()
            try:
                replies = await loop.run_in_executor(self._thread, self._generate, batch)
            except Exception as problem:
                for one in batch:
                    if not one.done.done():
                        one.done.set_exception(problem)
                continue
            for one, reply in zip(batch, replies, strict=True):
                if not one.done.done():
                    one.done.set_result(reply)

    def _next_batch(self) -> list[_Waiting]:
        """Requests sampled alike, those of the most similar length to the shortest."""
        alike = [one for one in self._waiting if _settings(one.wire) == _settings(self._waiting[0].wire)]
        batch = sorted(alike, key=lambda one: len(one.ids))[: self._batch]
        taken = {id(one) for one in batch}
        self._waiting = [one for one in self._waiting if id(one) not in taken]
        return batch

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = load(self._found, self._device)
        return self._loaded

    def _limit(self) -> int | None:
        return getattr(self._load()[0].config, "max_position_embeddings", None)

    def _encode(self, messages: list[dict[str, str]]) -> list[int]:
        tokenizer = self._load()[1]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def _generate(self, batch: list[_Waiting]) -> list[Reply]:
        import torch

        model, tokenizer = self._load()
        wire = batch[0].wire
        longest = max(len(one.ids) for one in batch)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        ids = torch.tensor([[pad] * (longest - len(one.ids)) + one.ids for one in batch], device=model.device)
        mask = torch.tensor([[0] * (longest - len(one.ids)) + [1] * len(one.ids) for one in batch], device=model.device)
        drawn: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if wire["temperature"] is not None:
            drawn = {"do_sample": True, "temperature": wire["temperature"], "top_p": wire["top_p"] or 1.0, "top_k": 0}
        if wire["stop"]:
            drawn |= {"stop_strings": wire["stop"], "tokenizer": tokenizer}
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(_seed(batch))
            output = model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=wire["max_tokens"], pad_token_id=pad, **drawn
            )
        ends = _ends(model, tokenizer)
        return [
            self._reply(tokenizer, one, row[longest:].tolist(), ends) for one, row in zip(batch, output, strict=True)
        ]

    def _reply(self, tokenizer: Any, one: _Waiting, tokens: list[int], ends: set[int]) -> Reply:
        end = next((at for at, token in enumerate(tokens) if token in ends), None)
        text = tokenizer.decode(tokens[:end], skip_special_tokens=True)
        stops = [text.index(stop) for stop in one.wire["stop"] if stop in text]
        if stops:
            text = text[: min(stops)]
        finished = end is not None or bool(stops)
        return Reply(
            text=text,
            reasoning=None,
            finish_reason="stop" if finished else "length",
            usage=Usage(prompt_tokens=len(one.ids), completion_tokens=len(tokens) if end is None else end + 1),
            model=self.model,
            created_at=datetime.now(UTC),
        )


def load(found: LocalModel, device: str) -> tuple[Any, Any]:
    """(model, tokenizer), ready to generate; an adapter is merged into its base. On a CPU that multiplies bfloat16 in
    hardware, and on a GPU, weights are bfloat16, otherwise float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if device == "cuda" or cpu_has_bfloat16() else torch.float32
    weights = found.base.path if found.base else found.path
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=dtype)
    if found.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.path).merge_and_unload()
    return model.to(device).eval(), AutoTokenizer.from_pretrained(found.path)


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16 or AMX). Where it does, SmolLM2 generates
    several times as many tokens a second as in float32; where it does not, fewer."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _identity(name: str, found: LocalModel) -> str:
    """The model's name, and what its files hold: a model trained anew in the same folder is another one."""
    return f"{name}@{content_identity(found.path)}" if found.base or found.path.name == "model" else name


def _origin(found: LocalModel) -> str:
    return f"{found.origin} on {_origin(found.base)}" if found.base else found.origin


def _settings(wire: dict[str, Any]) -> tuple[Any, ...]:
    return wire["max_tokens"], wire["temperature"], wire["top_p"], tuple(wire["stop"])


def _seed(batch: list[_Waiting]) -> int:
    digest = hashlib.sha256()
    for one in batch:
        digest.update(json.dumps(one.wire, sort_keys=True).encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:6], "big")


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end a reply."""
    found = model.generation_config.eos_token_id
    listed = found if isinstance(found, list) else [found]
    return {token for token in (*listed, tokenizer.eos_token_id) if token is not None}
