"""Examples in the shapes that trainers read. Pure.

- `messages`: turns with role and content (TRL, Axolotl, verl's SFT, OpenAI's fine-tuning).
- `sharegpt`: `conversations` of turns with from and value (LLaMA-Factory, Axolotl).
- `alpaca`: instruction, input and output, with a column `system` (LLaMA-Factory, Axolotl).
- `prompt-completion`: both as lists of messages, so that a trainer learns the completion alone (TRL).
- `verl`: a prompt with its gold answer, to reinforce on; the teacher's reply stands in `extra_info`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pyarrow as pa

Shape = Literal["messages", "sharegpt", "alpaca", "prompt-completion", "verl"]
SHAPES: tuple[str, ...] = get_args(Shape)
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """What is asked and what is to be said; `thought` is reasoning that stands beside the reply and not in it."""

    id: str
    problem_id: str
    question: str
    reply: str
    domain: str
    answer: str | None = None
    system: str | None = None
    thought: str | None = None
    source: str | None = None
    license: str | None = None
    model: str | None = None


def shaped(example: Example, shape: str, number: int) -> Record:
    """The `number`th example of a file, from 0, as a record of `schema(shape)`."""
    return _SHAPES[shape][0](example, number)


def schema(shape: str) -> pa.Schema:
    return pa.schema(_SHAPES[shape][1])


def _asked(example: Example) -> list[Record]:
    system = [{"role": "system", "content": example.system}] if example.system else []
    return [*system, {"role": "user", "content": example.question}]


def _said(example: Example) -> list[Record]:
    beside = {"reasoning_content": example.thought} if example.thought is not None else {}
    return [{"role": "assistant", "content": example.reply} | beside]


def _about(example: Example) -> Record:
    return {name: getattr(example, name) for name in _ABOUT}


_ABOUT = ("id", "problem_id", "answer", "source", "license", "model")
_COLUMNS = [(name, pa.string()) for name in _ABOUT]
_MESSAGES = pa.list_(
    pa.struct([(name, pa.string()) for name in ("role", "content")]),
)
_REPLY = pa.list_(pa.struct([(name, pa.string()) for name in ("role", "content", "reasoning_content")]))
_TURNS = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))


def _messages(example: Example, number: int) -> Record:
    return {"messages": _asked(example) + _said(example)} | _about(example)


def _sharegpt(example: Example, number: int) -> Record:
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    turns = [{"from": names[turn["role"]], "value": turn["content"]} for turn in (*_asked(example), *_said(example))]
    return {"conversations": turns} | _about(example)


def _alpaca(example: Example, number: int) -> Record:
    said = {"instruction": example.question, "input": "", "output": example.reply, "system": example.system or ""}
    return said | _about(example)


def _prompt_completion(example: Example, number: int) -> Record:
    return {"prompt": _asked(example), "completion": _said(example)} | _about(example)


def _verl(example: Example, number: int) -> Record:
    about = {name: value for name, value in _about(example).items() if name not in ("answer", "source")}
    return {
        "data_source": example.source or "rlkd",
        "prompt": _asked(example),
        "ability": example.domain,
        "reward_model": {"style": "rule", "ground_truth": example.answer},
        "extra_info": {"split": "train", "index": number, **about, "question": example.question}
        | {"answer": example.answer, "response": example.reply},
    }


_VERL = [
    ("data_source", pa.string()),
    ("prompt", _MESSAGES),
    ("ability", pa.string()),
    ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
    (
        "extra_info",
        pa.struct(
            [("split", pa.string()), ("index", pa.int64())]
            + [(name, pa.string()) for name in ("id", "problem_id", "license", "model", "question")]
            + [("answer", pa.string()), ("response", pa.string())]
        ),
    ),
]
_SHAPES: dict[str, tuple[Callable[[Example, int], Record], list[tuple[str, pa.DataType]]]] = {
    "messages": (_messages, [("messages", _REPLY), *_COLUMNS]),
    "sharegpt": (_sharegpt, [("conversations", _TURNS), *_COLUMNS]),
    "alpaca": (
        _alpaca,
        [*((name, pa.string()) for name in ("instruction", "input", "output", "system")), *_COLUMNS],
    ),
    "prompt-completion": (_prompt_completion, [("prompt", _MESSAGES), ("completion", _REPLY), *_COLUMNS]),
    "verl": (_verl, _VERL),
}
