"""A client of batches in a process of its own, that a test can kill."""

from __future__ import annotations

import asyncio
import json
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from rlkd_data.chat.open import open_either
from rlkd_data.chat.types import Message, Reply, Request
from rlkd_data.config import BatchSettings, ChatSettings
from rlkd_data.schema import Sampling
from tests.support.forked import forked

KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}


def settings(url: str, folder: Path, **batch: float | int) -> ChatSettings:
    quick = {"poll": 0.02, "settle": 0.1} | batch
    return ChatSettings(
        base_url=url, store=folder / "s.sqlite", mode="batch", batch=BatchSettings(**quick), max_retries=3
    )


def requests(words: list[str]) -> list[tuple[str, Request]]:
    return [(word, Request((Message("user", f"say {word}"),), Sampling(max_tokens=9))) for word in words]


async def ask(backend: str, chat: ChatSettings, words: list[str]) -> dict[str, str]:
    """What came of each request: the reply's text, or `failed: ` and the reason."""
    got: dict[str, str] = {}
    async with open_either(f"{backend}:m", chat) as client:
        async for word, outcome in client.ask_all(requests(words)):
            assert word not in got, "answered twice"
            got[word] = outcome.text if isinstance(outcome, Reply) else f"failed: {outcome.reason}"
    return got


def drive(backend: str, url: str, folder: Path, words: list[str]) -> None:
    os.environ[KEYS[backend]] = "k"
    got = asyncio.run(ask(backend, settings(url, folder), words))
    (folder / "got.json").write_text(json.dumps(got), "utf-8")


def start(backend: str, url: str, folder: Path, words: list[str]) -> ForkServerProcess:
    return forked(drive, backend, url, folder, words)
