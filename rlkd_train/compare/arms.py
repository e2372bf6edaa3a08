"""Which runs are seeds of one arm. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlkd_data.errors import InputError

_SEED = re.compile(r"(.+?)(?:[-_.]?seed[-_=.]?|[-_.]s|[-_.])\d+$", re.IGNORECASE)
"""What stands before a seed at the end of a name: grpo-seed3, grpo_s3, grpo-3."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What is compared: the folders of its runs, one a training seed."""

    name: str
    runs: tuple[Path, ...]


def arms(runs: Sequence[Path], named: Sequence[str] = (), *, seeds: bool = False) -> list[Arm]:
    """The arms in the order given: those of plain folders first, each by the folder's name, then the `named`, each
    NAME=RUN or NAME=RUN,RUN. With `seeds`, plain folders whose names differ in a seed at their end alone
    (`grpo-seed1`, `grpo-seed2`) are one arm. Raises InputError where there are not two arms, where one comes twice, and
    where a folder stands in two of them."""
    found: dict[str, list[Path]] = {}
    for run in runs:
        own = run.resolve().name
        match = _SEED.match(own) if seeds else None
        name = match[1] if match else own
        if name in found and not seeds:
            raise InputError(f"{run} and {found[name][0]} are both called {name}: name them with --arm NAME={run}")
        found.setdefault(name, []).append(run)
    for one in named:
        name, equals, folders = one.partition("=")
        paths = [Path(part.strip()) for part in folders.split(",") if part.strip()]
        if not equals or not name.strip() or not paths:
            raise InputError(f"--arm {one!r}: write it as NAME=RUN or, of several seeds, NAME=RUN,RUN")
        if name.strip() in found:
            raise InputError(f"--arm {name.strip()}: there are two arms of this name; give each its own")
        found[name.strip()] = paths
    seen: dict[Path, str] = {}
    for name, paths in found.items():
        for path in paths:
            if (other := seen.setdefault(path.resolve(), name)) != name or paths.count(path) > 1:
                raise InputError(f"{path} is given twice (arms {other} and {name}): give each run once")
    if len(found) < 2:
        only = f" of one arm, {next(iter(found))}" if found else ""
        raise InputError(
            f"there are {sum(map(len, found.values()))} runs{only}: a comparison needs two arms at least; give more "
            "folders, or name arms with --arm NAME=RUN,RUN"
        )
    return [Arm(name, tuple(paths)) for name, paths in found.items()]
