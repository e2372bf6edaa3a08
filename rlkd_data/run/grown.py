"""Whether other settings than a folder's go on with what is in it: of a training, more steps do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def as_before(settings: Model, told: Mapping[str, Any], grows: tuple[str, ...]) -> Model:
    """The settings with the values of `told` for those that may grow: equal to the folder's where they alone differ."""
    then = {name: told[name] for name in grows if name in told and told[name] != getattr(settings, name)}
    return settings.model_copy(update=then) if then else settings


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The dotted names of the settings that differ. One that is null or empty now and was not there is none of them."""
    return list(_changed(before, now, ""))


def _changed(before: Mapping[str, Any], now: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, value in now.items():
        then = before.get(name)
        if isinstance(value, Mapping) and isinstance(then, Mapping):
            yield from _changed(then, value, f"{above}{name}.")
        elif value != then and not (name not in before and value in (None, {})):
            yield f"{above}{name}"


def shrunk(before: Mapping[str, Any], settings: BaseModel, grows: tuple[str, ...]) -> str | None:
    """The setting that is less than it was, where one is; a negative number is without end."""
    for name in grows:
        then, now = before.get(name), getattr(settings, name)
        if isinstance(then, (int, float)) and _size(now) < _size(then):
            return name
    return None


def _size(value: float) -> float:
    return float("inf") if value < 0 else float(value)
