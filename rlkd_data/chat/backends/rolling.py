"""Generation in a rolling batch: a row that has finished leaves it at once, and a new one takes its place.

A batch that waits for its longest row spends most of its time on few rows: replies differ in length by a factor of
ten, and on a CPU a token of 32 rows costs little more than twice a token of one. The weights run in transformers as
they are; what is here is the cache that rows can join and leave, and the loop.

All rows end at the same column of the cache, so that a token is written to one column of all of them; the columns
before a shorter row are masked. A prompt is read alone, without padding, as if it were the only one.

Imports torch, so it is itself imported where a batch begins.

Shapes: R rows, N of them, C columns of the cache, P tokens of a prompt, V of the vocabulary; H key-value heads of D.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from rlkd_data.chat.backends.draw import draw

_GROW = 128
"""Columns that a cache grows by."""
_WORTH = 16
"""Tokens from which a beginning in common is taken over."""
_TAIL = 8
"""Tokens before a stop string's own in which it may begin."""


@dataclass(slots=True, eq=False)
class Row:
    """One reply in the making. `ids` are the prompt's tokens, `room` the most tokens to generate; greedy without a
    `stream` of random numbers. After the end `tokens` holds the reply's tokens without the one that ended it,
    `generated` counts that one too, and `finished` tells whether it ended by itself."""

    ids: list[int]
    room: int
    temperature: float = 1.0
    top_p: float | None = None
    stream: random.Random | None = None
    stops: tuple[str, ...] = ()
    tokens: list[int] = field(default_factory=list)
    generated: int = 0
    finished: bool = False


class RollingBatch:
    """The rows that are being generated. `ends` are the tokens that end a reply. Not for threads that run at once.

    `fits` says whether a model can be generated from so: each of its layers keeps every token's keys and values.
    """

    def __init__(self, model: Any, tokenizer: Any, ends: set[int]) -> None:
        self._model, self._tokenizer, self._ends = model, tokenizer, ends
        self.rows: list[Row] = []
        self._cache: Cache | None = None
        self._last: tuple[list[int], DynamicCache] | None = None
        """The prompt that was read last."""
        self._padding_R1: Any = None
        """How many columns of the cache stand before each row's first token."""

    @staticmethod
    def fits(model: Any) -> bool:
        cache = DynamicCache(config=model.config)
        kinds = getattr(model.config, "layer_types", None) or ()
        return (
            bool(cache.layers) and all(type(layer) is DynamicLayer for layer in cache.layers) and len(set(kinds)) <= 1
        )

    def bytes_with(self, tokens: int, joining: int = 0) -> int:
        """What the cache would take with one more row, of so many tokens, beside so many others that join."""
        width = max(tokens, self._layers[0].length if self._cache else 0)
        config = self._model.config.get_text_config()
        heads = config.num_key_value_heads or config.num_attention_heads
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        each = 2 * config.num_hidden_layers * heads * head * self._model.dtype.itemsize
        return int((len(self.rows) + joining + 1) * width * each)

    @torch.inference_mode()
    def admit(self, rows: Sequence[Row]) -> list[Row]:
        """Read prompts, and draw the first token of each. Returns the rows that have finished with it.

        What a prompt begins with in common with the one before it is not read again: the samples of one problem, the
        examples of a prompt."""
        joining: list[tuple[Row, DynamicCache]] = []
        for row in sorted(rows, key=lambda one: one.ids):
            cache, known = self._known(row.ids)
            logits_1V = self._model(
                input_ids=torch.tensor([row.ids[known:]]), cache=cache, use_cache=True, logits_to_keep=1
            ).logits[:, -1]
            self._last = row.ids, cache
            if not self._take([row], logits_1V):
                joining.append((row, cache))
        if joining:
            self._join(*zip(*joining, strict=True))
        return [row for row in rows if all(row is not one for one, _ in joining)]

    def _known(self, ids: list[int]) -> tuple[DynamicCache, int]:
        """A cache with the longest beginning of a prompt that the last prompt had too, and its length."""
        cache = DynamicCache(config=self._model.config)
        if self._last is None:
            return cache, 0
        before, read = self._last
        known = _common(ids[:-1], before)  # the last token must be read, for what follows it
        if known < _WORTH:
            return cache, 0
        for at, layer in enumerate(read.layers):
            cache.update(layer.keys[:, :, :known], layer.values[:, :, :known], at)
        return cache, known

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """Draw a token for every row. Returns the rows that have finished, which have left."""
        assert self._cache is not None
        length = self._layers[0].length
        last_R1 = torch.tensor([[row.tokens[-1]] for row in self.rows])
        columns_1C = torch.arange(length + 1)[None]
        mask_RC = columns_1C >= self._padding_R1
        logits_RV = self._model(
            input_ids=last_R1,
            position_ids=length - self._padding_R1,
            # A mask that hides nothing costs the attention its fast path.
            attention_mask=None if bool(mask_RC.all()) else mask_RC[:, None, None, :],
            cache=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        done = self._take(self.rows, logits_RV)
        self.leave(done)
        return done

    def leave(self, rows: Sequence[Row]) -> None:
        """Take rows out, finished or not."""
        gone = {id(row) for row in rows}
        kept = [at for at, row in enumerate(self.rows) if id(row) not in gone]
        if len(kept) == len(self.rows):
            return
        self.rows = [self.rows[at] for at in kept]
        if not kept:
            self._cache = self._padding_R1 = None
            return
        padding_R1 = self._padding_R1[kept]
        spare = int(padding_R1.min())
        for layer in self._layers:
            layer.keep(kept, spare)
        self._padding_R1 = padding_R1 - spare

    @property
    def _layers(self) -> list[_Columns]:
        assert self._cache is not None
        return list(self._cache.layers)

    def _join(self, rows: Sequence[Row], prompts: Sequence[DynamicCache]) -> None:
        """Let rows in, all at once: it moves what is there."""
        before = self._layers[0].length if self._cache is not None else 0
        lengths = [prompt.get_seq_length() for prompt in prompts]
        width = max(before, *lengths)
        padding_N1 = torch.tensor([[width - length] for length in lengths])
        if self._cache is None:
            self._cache = Cache(layers=[_Columns() for _ in prompts[0].layers])
            self._padding_R1 = padding_N1
        else:
            self._padding_R1 = torch.cat([self._padding_R1 + (width - before), padding_N1])
        for at, layer in enumerate(self._layers):
            layer.join([(prompt.layers[at].keys, prompt.layers[at].values) for prompt in prompts], width)
        self.rows.extend(rows)

    def _take(self, rows: Sequence[Row], logits_RV: Any) -> list[Row]:
        """Append a token to each row. Returns those that have ended."""
        tokens = logits_RV.argmax(-1).tolist()
        for settings in {(row.temperature, row.top_p) for row in rows if row.stream is not None}:
            drawn = [at for at, row in enumerate(rows) if row.stream and (row.temperature, row.top_p) == settings]
            probabilities_NV = torch.softmax(logits_RV[drawn].float() / settings[0], dim=-1)
            uniform_N1 = torch.tensor([[rows[at].stream.random()] for at in drawn])  # type: ignore[union-attr]
            for at, token in zip(drawn, draw(probabilities_NV, settings[1], uniform_N1)[:, 0].tolist(), strict=True):
                tokens[at] = token
        return [row for row, token in zip(rows, tokens, strict=True) if self._ended(row, token)]

    def _ended(self, row: Row, token: int) -> bool:
        row.generated += 1
        if token in self._ends:
            row.finished = True
            return True
        row.tokens.append(token)
        if row.stops and self._stopped(row):
            row.finished = True
            return True
        return row.generated >= row.room

    def _stopped(self, row: Row) -> bool:
        """Whether a stop string is out. Only the last tokens are decoded: it has just come, or is not there."""
        longest = max(map(len, row.stops))
        tail = self._tokenizer.decode(row.tokens[-longest - _TAIL :], skip_special_tokens=True)
        return any(stop in tail for stop in row.stops)


class _Columns(DynamicLayer):  # type: ignore[misc]
    """A layer's keys and values, (R, H, C, D), with columns to spare, so that a token does not copy all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        self._keys: Any = None
        self._values: Any = None
        self.is_initialized = True

    def update(self, keys_RH1D: Any, values_RH1D: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        if self.length == self._keys.shape[2]:
            self._keys, self._values = self._roomy(self.keys), self._roomy(self.values)
        self._keys[:, :, self.length : self.length + 1] = keys_RH1D
        self._values[:, :, self.length : self.length + 1] = values_RH1D
        self.length += 1
        self._show()
        return self.keys, self.values

    def join(self, prompts: Sequence[tuple[Any, Any]], width: int) -> None:
        """Add the rows of prompts (keys and values each); all rows end at column `width` from now on."""
        there = [(self.keys, self.values)] if self.length else []
        keys, values = zip(*(there + list(prompts)), strict=True)
        self.length = width
        self._keys = torch.cat([_shifted(one, width) for one in keys])
        self._values = torch.cat([_shifted(one, width) for one in values])
        self._show()

    def keep(self, rows: Sequence[int], spare: int) -> None:
        """Only these rows stay, and the columns from `spare` on."""
        self._keys, self._values = self._keys[rows, :, spare:], self._values[rows, :, spare:]
        self.length -= spare
        self._show()

    def _roomy(self, states_RHCD: Any) -> Any:
        return torch.nn.functional.pad(states_RHCD, (0, 0, 0, _GROW))

    def _show(self) -> None:
        self.keys, self.values = self._keys[:, :, : self.length], self._values[:, :, : self.length]


def _shifted(states_RHCD: Any, width: int) -> Any:
    """The columns moved to the right, up to `width`, and room behind."""
    return torch.nn.functional.pad(states_RHCD, (0, 0, width - states_RHCD.shape[2], _GROW))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two prompts begin with in common."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
