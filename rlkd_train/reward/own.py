"""Rewards of a user's own: functions by dotted path, with TRL's signature."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_train.config import OwnRewardSettings


class OwnReward:
    """One of them. Raises InputError where it cannot be imported, and where it fails or gives something else than one
    number, or None, for each completion."""

    def __init__(self, settings: OwnRewardSettings) -> None:
        self.name, self.weight, self._path = settings.named, settings.weight, settings.function
        self._function = load(settings.function)

    def score(self, completions: Sequence[Any], asked: Mapping[str, Any]) -> list[float | None]:
        try:
            values = self._function(completions=completions, **asked)
            if inspect.isawaitable(values):
                values = asyncio.run(_awaited(values))
            values = list(values)
        except (Exception, SystemExit) as problem:
            last = traceback.extract_tb(problem.__traceback__)[-1]
            said = " ".join(f"{type(problem).__name__}: {problem}".split())
            raise InputError(f"reward {self._path} failed: {said} ({last.filename}, line {last.lineno})") from problem
        if len(values) != len(completions):
            raise InputError(f"reward {self._path} gave {len(values)} values for {len(completions)} completions")
        return [self._number(value) for value in values]

    def _number(self, value: Any) -> float | None:
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise InputError(f"reward {self._path} gave {value!r}, which is neither a number nor None") from None
        if math.isinf(number):  # its group would have no advantage at all, in silence
            raise InputError(f"reward {self._path} gave {number}, from which nothing can be learned: give None instead")
        return None if math.isnan(number) else number


async def _awaited(values: Any) -> Any:
    return await values


def load(path: str) -> Callable[..., Any]:
    """The function of `my.module:name`. Modules are looked for in the working folder too. Raises InputError."""
    module, _, name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as problem:
        said = " ".join(f"{type(problem).__name__}: {problem}".split())
        raise InputError(f"rewards: {path} cannot be imported: {said}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise InputError(f"rewards: {path}: {module} has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f"rewards: {path} is no function")
    function: Callable[..., Any] = found
    return function


def whole_groups(values: Sequence[float | None], problem_ids: Sequence[str]) -> list[bool]:
    """For each completion, whether its having no value is its problem's: of no completion of it there is one. Such a
    reward says nothing of the problem, and favours nobody; one that is missing for some alone leaves those out."""
    known = {name for value, name in zip(values, problem_ids, strict=True) if value is not None}
    return [name not in known for name in problem_ids]
