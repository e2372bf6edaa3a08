"""Flags that several commands have: limits and money of those that ask a model, and who judges."""

from __future__ import annotations

from typing import Annotated

import typer

Rpm = Annotated[float | None, typer.Option(help="Requests a minute (default: what the server's headers say).")]
Tpm = Annotated[float | None, typer.Option(help="Tokens a minute, in and out (default: the server's headers).")]
Timeout = Annotated[float | None, typer.Option(help="Seconds one request may take.")]
Budget = Annotated[
    float | None, typer.Option(help="Dollars that the output may cost, over all runs of it: a hard cap.")
]
InputPrice = Annotated[float | None, typer.Option(help="Dollars a million prompt tokens, for a model without a price.")]
OutputPrice = Annotated[float | None, typer.Option(help="Dollars a million completion tokens.")]
CachedPrice = Annotated[float | None, typer.Option(help="Dollars a million cached prompt tokens (default: as others).")]
RetryTruncated = Annotated[
    int | None,
    typer.Option(min=1, help="Ask again, with this many tokens at most, where a reply was cut off at fewer."),
]
EstimateFlag = Annotated[
    bool,
    typer.Option("--estimate", help="Print requests, tokens and dollars, from a few requests that are asked and kept."),
]
EstimateSample = Annotated[
    int, typer.Option(min=0, help="How many requests --estimate asks; 0: none, and its range is a guess.")
]
JudgeKind = Annotated[
    str | None,
    typer.Option("--judge-kind", help="embedding (default), equal, llm or llm-batched: who says what is the same."),
]
JudgeModel = Annotated[
    str | None, typer.Option("--judge", help="A sentence embedder, or backend:model of an llm judge.")
]
Threshold = Annotated[
    float | None, typer.Option(min=0.0, max=1.0, help="Cosine from which an embedder says yes (default: 0.7).")
]
