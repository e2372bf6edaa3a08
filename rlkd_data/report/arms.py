"""Which runs are seeds of one arm. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlkd_data.errors import InputError

_SEED = re.compile(r"(.+?)(?:[-_.]?seed[-_=.]?|[-_.]s|[-_]|(?<!\d)\.)\d+$", re.IGNORECASE)
"""What stands before a seed at the end of a name: grpo-seed3, grpo_s3, grpo-3. `alpha-0.5` ends in a number that is no
seed."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What is compared: the folders of its runs, one a training seed."""

    name: str
    runs: tuple[Path, ...]


def named_arms(named: Iterable[str]) -> dict[str, tuple[Path, ...]]:
    """The arms of `--arm NAME=RUN,RUN` by name. Raises InputError for another form, and for a name that comes twice."""
    found: dict[str, tuple[Path, ...]] = {}
    for one in named:
        name, equals, folders = one.partition("=")
        paths = tuple(Path(part.strip()) for part in folders.split(",") if part.strip())
        if not equals or not name.strip() or not paths:
            raise InputError(f"--arm {one!r}: write it as NAME=RUN or, of several seeds, NAME=RUN,RUN")
        if name.strip() in found:
            raise InputError(f"--arm {name.strip()}: there are two arms of this name; give each its own")
        found[name.strip()] = paths
    return found


def without_seed(name: str) -> str:
    """A run's name without the seed at its end, which is its arm's."""
    match = _SEED.match(name)
    return match[1] if match else name


def each_once(arms: Mapping[str, Sequence[Path]]) -> None:
    """Raise InputError for a run that stands in two arms, or twice in one."""
    seen: dict[Path, str] = {}
    for name, paths in arms.items():
        for path in paths:
            if (place := path.resolve()) in seen:
                raise InputError(f"{path} is given twice (arms {seen[place]} and {name}): give each run once")
            seen[place] = name
