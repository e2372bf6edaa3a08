"""A run's checkpoints and completions to the Hub, as they come.

The last checkpoint stands in the model repository's `last-checkpoint/`, from where a run can be taken up elsewhere;
completions in the data set of the same name, a shard a step. Pushing goes on beside training, which never waits for it
nor ends with it: what could not be pushed is said, and comes with the next push.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from rlkd_data.errors import RlkdError
from rlkd_data.publish.folder import Files
from rlkd_data.publish.push import Hub
from rlkd_data.run.progress import say
from rlkd_data.tables import is_table, shards
from rlkd_train.config import HubSettings

LAST = "last-checkpoint"
_LEFT_OUT = ("training_args.bin", "README.md")
"""A pickle that holds this machine's paths, and a card of the adapter's library."""
_MODEL_CARD = """---
tags: [rlkd]
---

# A run in training

Checkpoints of `rlkd-train`, pushed as they come: `last-checkpoint/` is the newest.
"""
_COMPLETIONS_CARD = """---
configs:
- config_name: default
  data_files: completions/*.parquet
---

# Completions of a run

What the student of `rlkd-train grpo` wrote, with every part of its reward, pushed as it came.
"""


@contextmanager
def pushing(settings: HubSettings | None, checkpoints: Path, completions: Path | None = None) -> Iterator[list[Any]]:
    """The callbacks that push, in the main process alone; what is left is pushed at the end, however that comes."""
    if settings is None or os.environ.get("RANK", "0") != "0":
        yield []
        return
    pusher = Pusher(settings, checkpoints, completions)
    try:
        yield [pusher]
    finally:
        pusher.close()


class Pusher(TrainerCallback):  # type: ignore[misc]
    """Raises, when it is made, InputError or HubError where the repositories cannot be had."""

    def __init__(self, settings: HubSettings, checkpoints: Path, completions: Path | None) -> None:
        self._settings, self._checkpoints = settings, checkpoints
        self._completions = completions if settings.completions else None
        self._model = Hub(settings.repo_id, "model", None) if settings.checkpoints else None
        self._data = Hub(settings.repo_id, "dataset", None) if self._completions is not None else None
        for hub, card in ((self._model, _MODEL_CARD), (self._data, _COMPLETIONS_CARD)):
            if hub is not None and "README.md" not in hub.look().files:
                hub.push({"README.md": card.encode()}, _none, "Begin a run of rlkd-train", private=settings.private)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self._waiting: dict[str, Future[None]] = {}
        self._there: dict[str, float] = {}
        self._last = time.monotonic()
        self.failed: dict[str, str] = {}
        """What is not there yet, and why."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self._soon("checkpoint", self._push_checkpoint)
            self._soon("completions", self._push_completions)

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero and time.monotonic() - self._last >= self._settings.every:
            self._last = time.monotonic()
            self._soon("completions", self._push_completions)

    def close(self) -> None:
        """Push what is left, and wait for it."""
        for name, push in (("checkpoint", self._push_checkpoint), ("completions", self._push_completions)):
            self._soon(name, push)
        self._worker.shutdown(wait=True)
        if self.failed:
            told = "; ".join(f"{name}: {reason}" for name, reason in self.failed.items())
            say(f"not on the Hub: {told}. The run's folder holds it")

    def _soon(self, name: str, push: Callable[[], None]) -> None:
        """Have it pushed, unless a push waits already: that one will find what is there then."""
        waiting = self._waiting.get(name)
        if waiting is None or waiting.running() or waiting.done():
            self._waiting[name] = self._worker.submit(self._tried, name, push)

    def _tried(self, name: str, push: Callable[[], None]) -> None:
        try:
            push()
        except (RlkdError, OSError) as problem:  # a checkpoint may make way for the next one meanwhile
            if name not in self.failed:
                say(f"{name} could not be pushed, and will be tried again: {problem}")
            self.failed[name] = str(problem)
        else:
            self.failed.pop(name, None)

    def _push_checkpoint(self) -> None:
        newest = _newest(self._checkpoints)
        if self._model is None or newest is None or self._there.get(LAST) == (told := float(_step(newest))):
            return
        paths = (path for path in sorted(newest.rglob("*")) if path.is_file() and path.name not in _LEFT_OUT)
        files: Files = {f"{LAST}/{path.relative_to(newest)}": path for path in paths}
        self._model.push(files, _others(f"{LAST}/", files), f"Step {told:.0f}", private=self._settings.private)
        self._there[LAST] = told

    def _push_completions(self) -> None:
        if self._data is None or self._completions is None or not is_table(self._completions):
            return
        every = {f"completions/{path.name}": path for path in shards(self._completions)}
        files: Files = {name: path for name, path in every.items() if self._there.get(name) != path.stat().st_mtime}
        if files:
            times = {name: every[name].stat().st_mtime for name in files}
            message = f"{len(files)} steps' completions"
            self._data.push(files, _others("completions/", every), message, private=self._settings.private)
            self._there |= times


def _newest(checkpoints: Path) -> Path | None:
    """The newest whole checkpoint: the trainer writes `trainer_state.json` last."""
    whole = (path.parent for path in checkpoints.glob("checkpoint-*/trainer_state.json"))
    return max(whole, key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _none(_: Iterable[str]) -> list[str]:
    return []


def _others(below: str, kept: Iterable[str]) -> Callable[[Iterable[str]], list[str]]:
    """Says of the files that are there which ones of a folder must go."""
    names = frozenset(kept)
    return lambda there: [path for path in there if path.startswith(below) and path not in names]
