"""Which models an evaluation, a training or a reward server asks (`rlkd_data.run.served`)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from rlkd_data.chat.money.estimate import SAMPLE
from rlkd_data.run.served import Told, apart, helper_apart, judge_apart
from rlkd_train.config import EvalSettings, StructureSettings


async def evaluation_apart(settings: EvalSettings, out: Path) -> tuple[EvalSettings, Told]:
    """(the settings by which the model, the GSRM and the judges are asked, what is told of who they are, by role)."""
    if SAMPLE.get() is not None:  # an estimate
        return settings, {}
    own, told = await apart("model", settings.model, settings, out, reuse=settings.reuse)
    changed: dict[str, Any] = {}
    if settings.structure is not None:
        changed["structure"], who = await structure_apart(settings.structure, out, reuse=settings.reuse)
        told |= who
    if settings.paths is not None:
        paths = await judge_apart(settings.paths, out, reuse=settings.reuse, role="judge of paths")
        changed["paths"] = paths[0]
        told |= paths[1]
    return own.model_copy(update=changed), told


async def structure_apart(
    settings: StructureSettings, out: Path | None, *, reuse: bool = False, like: Path | None = None
) -> tuple[StructureSettings, Told]:
    """The same for what scores structure: the GSRM and its judge."""
    gsrm, told = await helper_apart("gsrm", settings.gsrm, settings, out, reuse=reuse or settings.reuse, like=like)
    judge, judged = await judge_apart(settings.judge, out, reuse=reuse, like=like)
    return gsrm.model_copy(update={"judge": judge}), told | judged


def scoring_apart(settings: StructureSettings, out: Path | None, like: Path | None = None) -> StructureSettings:
    """`structure_apart`, for a caller without an event loop; what there is to tell stands in `asked.json`."""
    return asyncio.run(structure_apart(settings, out, like=like))[0]
