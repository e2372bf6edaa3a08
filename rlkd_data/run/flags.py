"""Which settings are flags, under which heading of a page of help. What a flag means, its default, its choices and its
range are the setting's own (`described.py`); what several verbs share is said here, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class Flag:
    """A setting that can be given on the command line.

    `setting` is its place, as `sampling.temperature`; the flag is called like its last part (`--temperature`) unless
    `name` says otherwise. A `name` without dashes is a positional argument's. `value` stands for what is to be typed.
    """

    setting: str
    name: str = ""
    value: str = ""
    again: bool = False
    """It may be given again and again, though the setting is one text."""


class Panel:
    """A heading and what stands under it: flags, settings that are flags of their own name, and options of the verb's
    own function (`"--out"`)."""

    def __init__(self, heading: str, *flags: Flag | str) -> None:
        self.heading = heading
        self.flags = flags


MODEL, USD, SECONDS, FOLDER, JSON = "MODEL", "USD", "SECONDS", "FOLDER", "JSON"
"""What is to be typed; a dictionary's flag takes one JSON object, or NAME=VALUE again and again."""

SAMPLING = ("sampling.temperature", "sampling.top_p", "sampling.max_tokens", "sampling.seed")
PROMPTS = (Flag("system_prompt", value="TEXT"), Flag("prompt_file", value="FILE"))
CONTROLS = Panel(
    "Model controls",
    *("reasoning_effort", "thinking_budget", Flag("chat_template_kwargs", value=JSON), "top_k", "min_p"),
    *("presence_penalty", "frequency_penalty", Flag("extra_body", value=JSON)),
    *(Flag("extra_headers", value="NAME=VALUE"), Flag("engine", value=JSON)),
)
PRICES = (Flag("input_price", value=USD), Flag("output_price", value=USD), Flag("cached_price", value=USD))
MONEY = Panel("Money", Flag("budget", value=USD), "--estimate", "--estimate-sample", *PRICES)
_LIMITS = (
    "concurrency",
    "rpm",
    "tpm",
    Flag("timeout", value=SECONDS),
    "retry_truncated",
    "breaker",
    Flag("longest_wait", value=SECONDS),
    "store",
)
SERVER = Panel("Server and limits", Flag("base_url", value="URL", again=True), *_LIMITS)
SERVER_AND_BATCHES = Panel(SERVER.heading, *SERVER.flags, "mode", Flag("batch.poll", "--batch-poll", value=SECONDS))


def judge(group: str) -> tuple[Flag | str, ...]:
    """The flags of the judge that stands in a stage's settings as `group`."""
    return (Flag(f"{group}.kind", "--judge-kind"), Flag(f"{group}.model", "--judge", MODEL), f"{group}.threshold")


def judges_server(group: str) -> tuple[Flag | str, ...]:
    """Where a judge is asked, for stages that ask no other model."""
    return (Flag(f"{group}.base_url", value="URL", again=True), f"{group}.concurrency", f"{group}.store")


Out = Annotated[
    Path, typer.Option("--out", metavar=FOLDER, help="where the table is written; an interrupted run continues in it")
]
Estimate = Annotated[
    bool,
    typer.Option("--estimate", help="print requests, tokens and dollars, from a few requests that are asked and kept"),
]
EstimateSample = Annotated[
    int, typer.Option(metavar="N", min=0, help="requests that --estimate asks; 0: none, and its range is a guess")
]
