"""Prompt and completion to token ids, kept in an Arrow file that training reads memory-mapped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlkd_data.chat.types import Message
from rlkd_data.errors import InputError
from rlkd_data.run.progress import tally
from rlkd_train.tokenizer import written

IGNORED = -100
"""The label of a token that does not count in the loss (PyTorch's `ignore_index`)."""
SCHEMA = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32())),
        pa.field("labels", pa.list_(pa.int32())),
        pa.field("length", pa.int32()),
    ]
)
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Example:
    """What one training row shows: the conversation up to the model's turn, and the turn itself."""

    messages: tuple[Message, ...]
    completion: str


def encode(tokenizer: Any, example: Example) -> tuple[list[int], list[int]]:
    """Token ids and labels of an example: the loss counts the completion and its end token alone.

    Prompt and completion are tokenised apart, as at generation, where the prompt's tokens are fixed before the first
    completion token is drawn.
    """
    prompt = prompt_ids(tokenizer, example.messages)
    completion = tokenizer(example.completion, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    return prompt + completion, [IGNORED] * len(prompt) + completion


def prompt_ids(tokenizer: Any, messages: Sequence[Message], switches: Mapping[str, Any] | None = None) -> list[int]:
    """The tokens of a conversation up to and with the opening of the model's turn."""
    return list(tokenizer(prompt_text(tokenizer, messages, switches), add_special_tokens=False)["input_ids"])


def prompt_text(tokenizer: Any, messages: Sequence[Message], switches: Mapping[str, Any] | None = None) -> str:
    """The conversation as the model's chat template writes it, with `switches` of its own."""
    return written(tokenizer, messages, "the model", switches)


def write_examples(
    tokenizer: Any, examples: Iterable[Example], path: Path, max_length: int, title: str
) -> tuple[dict[str, int], int]:
    """Write the examples that fit in `max_length` tokens. Returns the counts (`ok`, `rejected:too_long`) and the ok
    ones' tokens. The file appears whole or not at all. Raises InputError where no example is left."""
    counts = {"ok": 0, "rejected:too_long": 0}
    total = 0
    temporary = path.with_name(f".{path.name}.partial")
    ids: list[list[int]] = []
    labels: list[list[int]] = []
    with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_stream(file, SCHEMA) as writer, tally(title) as progress:

        def flush() -> None:
            lengths = [len(tokens) for tokens in ids]
            writer.write_batch(pa.record_batch([ids, labels, lengths], schema=SCHEMA))
            ids.clear()
            labels.clear()

        for example in examples:
            tokens, wanted = encode(tokenizer, example)
            if len(tokens) > max_length:
                counts["rejected:too_long"] += 1
                progress.advance("too_long")
                continue
            counts["ok"] += 1
            total += len(tokens)
            ids.append(tokens)
            labels.append(wanted)
            if len(ids) >= _BATCH:
                flush()
            progress.advance("ok")
        if ids:
            flush()
    if not counts["ok"]:
        temporary.unlink()
        raise InputError(
            f"no training example is left ({counts['rejected:too_long']} are longer than max_length={max_length} "
            "tokens): check the input tables, or raise max_length"
        )
    temporary.replace(path)
    return counts, total


def longest(path: Path) -> int:
    """The tokens of the longest example of a file."""
    with pa.memory_map(str(path)) as file:
        return max((max(batch.column("length").to_pylist()) for batch in pa.ipc.open_stream(file)), default=0)
