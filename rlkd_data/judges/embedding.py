"""The `embedding` judge: two texts match where their sentence embeddings are close."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rlkd_data.judges.base import Pair, Verdict

_BATCH = 64
_LONGEST = 256
"""Tokens of a text that are looked at: the length all-MiniLM-L6-v2 was trained with."""
_KEPT = 20_000
"""Embeddings that are kept, the oldest first to go: 30 MB."""


class EmbeddingJudge:
    """Cosine of mean-pooled sentence embeddings (Reimers & Gurevych 2019) against a threshold. The model runs in this
    process; embeddings are kept for the run, since teachers' steps come back at every training step."""

    whole = False

    def __init__(self, model: str, threshold: float) -> None:
        from rlkd_data.chat.backends.models import resolve

        self.model, self.threshold = model, threshold
        self._path = resolve(model).path
        self._loaded: tuple[Any, Any] | None = None
        self._known: dict[str, Any] = {}
        self._waiting: list[tuple[Sequence[Pair], asyncio.Future[list[Verdict]]]] = []
        self._pump: asyncio.Task[None] | None = None

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """Pairs that come while others are being embedded wait, and are then embedded together: comparisons that ask
        one by one still fill batches."""
        done: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()
        self._waiting.append((pairs, done))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._compare_waiting())
        return await done

    def compare(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self._embed({text for pair in pairs for text in (pair.teacher, pair.student)})
        cosines = [float(self._known[pair.teacher] @ self._known[pair.student]) for pair in pairs]
        for text in list(self._known)[: max(0, len(self._known) - _KEPT)]:
            del self._known[text]
        return [Verdict(cosine >= self.threshold, f"embedding {cosine:.3f}", score=cosine) for cosine in cosines]

    async def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        self._loaded = None
        self._known.clear()

    async def _compare_waiting(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # whoever is about to ask joins
            batch, self._waiting = self._waiting, []
            try:
                found = iter(await asyncio.to_thread(self.compare, [pair for pairs, _ in batch for pair in pairs]))
                outcomes: list[list[Verdict] | Exception] = [[next(found) for _ in pairs] for pairs, _ in batch]
            except Exception as problem:  # whoever asked must hear of it
                outcomes = [problem] * len(batch)
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if done.done():
                    continue
                if isinstance(outcome, Exception):
                    done.set_exception(outcome)
                else:
                    done.set_result(outcome)

    def _embed(self, texts: set[str]) -> None:
        import torch

        new = sorted(texts - self._known.keys(), key=len)
        for start in range(0, len(new), _BATCH):
            model, tokenizer = self._load()
            batch = new[start : start + _BATCH]
            inputs = tokenizer(batch, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
            with torch.inference_mode():
                hidden = model(**inputs.to(model.device)).last_hidden_state.float()
            mask = inputs["attention_mask"].unsqueeze(-1)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            vectors = torch.nn.functional.normalize(pooled, dim=-1).cpu()
            self._known.update(zip(batch, vectors, strict=True))

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import torch
            from transformers import AutoModel, AutoTokenizer

            from rlkd_data.chat.backends.quiet import quieten

            quieten()
            device = "cuda" if torch.cuda.is_available() else "cpu"
            model = AutoModel.from_pretrained(self._path, dtype=torch.float32).to(device).eval()
            self._loaded = model, AutoTokenizer.from_pretrained(self._path)
        return self._loaded
