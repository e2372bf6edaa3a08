"""The processes behind the main one: they train with it, and are silent but for their own faults."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlkd_data.errors import InputError, RlkdError
from rlkd_data.run.interrupt import TERMINATED
from rlkd_train.launch import ranks

if TYPE_CHECKING:
    from rlkd_data.run.stage import StageResult, StageSpec

LAUNCHER = "RLKD_LAUNCHER"
"""The process number of `rlkd-train launch`, in the environment of the processes that it has started."""
FOLLOWERS = {
    "grpo": "rlkd_train.grpo.run:follow_grpo",
    "sft": "rlkd_train.sft.train:follow_sft",
    "gsrm": "rlkd_train.sft.train:follow_sft",
    "distill": "rlkd_train.distill.run:follow_distill",
}


def start_together(spec: StageSpec, values: Mapping[str, Any], out: Path, where: str) -> StageResult | None:
    """As `rlkd_data.run.command.start`, in each of the processes that work on the run."""
    from rlkd_data.run.command import start

    if ranks.processes() > 1 and spec.name not in FOLLOWERS:
        raise InputError(f"{spec.name} trains in one process: start it without launch, accelerate or torchrun")
    if (launcher := os.environ.get(LAUNCHER)) is not None:
        threading.Thread(target=_end_with, args=(int(launcher),), daemon=True).start()
    if not ranks.is_main():
        _follow(spec, values, out, where)
        return None
    result = start(spec, values, out, where)
    ranks.nothing_to_do()
    if ranks.processes() > 1:
        _part()
    return result


def _follow(spec: StageSpec, values: Mapping[str, Any], out: Path, where: str) -> None:
    from rlkd_data.run.pipeline import check_settings
    from rlkd_data.run.progress import console

    console.quiet = True
    try:
        settings = check_settings(spec.settings, values, where)
        begun = ranks.from_main(None)
        if begun is not None:
            module, _, name = FOLLOWERS[spec.name].partition(":")
            function: Callable[[Any, Path, Any], None] = getattr(importlib.import_module(module), name)
            with ranks.while_all_live():
                function(settings, out, begun)
        _part()
    except RlkdError as problem:
        from rlkd_train.sound import OutOfRoom

        if isinstance(problem, OutOfRoom):  # all else the main process meets and says
            print(f"error: process {ranks.rank()} of {ranks.processes()}: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        sys.exit(TERMINATED)


def _part() -> None:
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _end_with(launcher: int) -> None:
    """End this process where the launcher was killed, which could not end it."""
    while os.getppid() == launcher:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGKILL)
