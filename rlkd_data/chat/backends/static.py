"""Generation in a static batch, by transformers' own `generate`: all rows begin together, and it lasts as long as its
longest row. For GPUs, and for models whose cache rows cannot join and leave (sliding windows, state-space layers)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rlkd_data.chat.backends.draw import Draw

if TYPE_CHECKING:
    from rlkd_data.chat.backends.rolling import Row


def generate(
    model: Any, tokenizer: Any, ends: set[int], rows: Sequence[Row], given_up: Callable[[], Sequence[bool]]
) -> None:
    """Fill in rows that are sampled alike. `given_up` says for each row whether nobody waits for it any more."""
    import torch
    from transformers import LogitsProcessorList, StoppingCriteriaList

    def nobody_waits(ids: Any, scores: Any, **_: Any) -> Any:
        return torch.tensor(given_up(), device=ids.device)

    first = rows[0]
    longest = max(len(row.ids) for row in rows)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    ids = torch.tensor([[pad] * (longest - len(row.ids)) + row.ids for row in rows], device=model.device)
    mask = torch.tensor([[0] * (longest - len(row.ids)) + [1] * len(row.ids) for row in rows], device=model.device)
    more: dict[str, Any] = {}
    streams = [row.stream for row in rows if row.stream is not None]
    if streams:
        more["logits_processor"] = LogitsProcessorList([Draw(first.temperature, first.top_p, streams)])
    if first.stops:
        more |= {"stop_strings": list(first.stops), "tokenizer": tokenizer}
    room = min(row.room for row in rows)
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
    for row, found in zip(rows, output, strict=True):
        row.tokens, row.generated, row.finished = cut_reply(found[longest:].tolist(), ends, pad, room)


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
