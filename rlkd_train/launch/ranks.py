"""Which process of a run this is, and what the processes tell each other.

The main process (rank 0) reads the tables, checks, scores, writes and speaks; the others get from it what they train
on. Which process a program is says the environment that `rlkd-train launch`, accelerate and torchrun set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from rlkd_data.errors import RlkdError
from rlkd_train.shares import WAIT

T = TypeVar("T")
_BROKEN = re.compile(
    r"connection (closed|reset|refused)|gloo|nccl|broken pipe|socket|remote process exited", re.IGNORECASE
)
_told: list[bool] = []


class OtherEnded(RlkdError):
    """Another process of this run has ended, so that this one cannot go on."""


def processes() -> int:
    """How many processes work on this run."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def rank() -> int:
    """The number of this one."""
    return int(os.environ.get("RANK") or 0)


def is_main() -> bool:
    return rank() == 0


def begin(start: T) -> T:
    """The main process: what the others train with, told to them where there are any. They wait for it."""
    _told.append(True)
    return from_main(start)


def nothing_to_do() -> None:
    """The main process: unless it has begun, the others may end."""
    if processes() > 1 and not _told:
        from_main(None)


def from_main(value: T) -> T:
    """The main process' value, in every process. All must ask, in one order."""
    if processes() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    _join()
    told: list[T] = [value]
    broadcast_object_list(told, from_process=0)
    return told[0]


def from_all(value: T) -> list[T]:
    """Every process' value, in every process, by rank."""
    if processes() == 1:
        return [value]
    from accelerate.utils import gather_object

    _join()
    found: list[T] = gather_object([value])
    return found


def wait_for_all() -> None:
    from_main(None)


def _join() -> None:
    """Meet the other processes. transformers would do so later, in its own way; it takes what is there."""
    import torch
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(seconds=WAIT))


@contextmanager
def while_all_live() -> Iterator[None]:
    """Raises OtherEnded for what a process meets where another one is gone."""
    try:
        yield
    except RuntimeError as problem:
        if processes() > 1 and _BROKEN.search(str(problem)):
            raise OtherEnded("another process of this run has ended; its own line says why") from None
        raise
