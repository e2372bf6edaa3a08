"""The arms of a comparison, each of one run or of several seeds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rlkd_data.errors import InputError
from rlkd_data.report.arms import Arm, each_once, without_seed


def arms(runs: Sequence[Path], named: Mapping[str, Sequence[Path]] | None = None, *, seeds: bool = False) -> list[Arm]:
    """The arms in the order given: those of plain folders first, each by the folder's name, then the `named`. With
    `seeds`, plain folders whose names differ in a seed at their end alone (`grpo-seed1`, `grpo-seed2`) are one arm.
    Raises InputError where there are not two arms, where one comes twice, and where a folder stands in two of them."""
    found: dict[str, list[Path]] = {}
    for run in runs:
        own = run.resolve().name
        name = without_seed(own) if seeds else own
        if name in found and not seeds:
            raise InputError(f"{run} and {found[name][0]} are both called {name}: name them with --arm NAME={run}")
        found.setdefault(name, []).append(run)
    for name, paths in (named or {}).items():
        if name in found:
            raise InputError(f"--arm {name}: there are two arms of this name; give each its own")
        found[name] = list(paths)
    each_once(found)
    if len(found) < 2:
        only = f" of one arm, {next(iter(found))}" if found else ""
        raise InputError(
            f"there are {sum(map(len, found.values()))} runs{only}: a comparison needs two arms at least; give more "
            "folders, or name arms with --arm NAME=RUN,RUN"
        )
    return [Arm(name, tuple(paths)) for name, paths in found.items()]
