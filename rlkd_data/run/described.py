"""Settings as people read of them: their defaults, choices, ranges and meanings, taken from a settings class's fields.

The flags of both command lines, the files of `rlkd-train init` and docs/settings.md are made of this, so that what a
setting means is said once, in `config/`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a settings class, or a group of them.

    `default` is the owner's: a group that somebody has may begin elsewhere than the group by itself. A group has its
    class as `group`, and its own fields as `inside`; where `default` is None, it is left out unless it is given.
    """

    name: str
    meaning: str
    kind: type
    """bool, int, float, str, Path, dict, or for a group its class."""
    default: Any
    required: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    range: str = ""
    example: Any = None
    runtime: bool = False
    """It cannot change what comes out (`config.runtime`)."""
    shared: bool = False
    """It is of a base class, which other settings have too."""
    inside: tuple[Setting, ...] = ()

    @property
    def told(self) -> str:
        """The meaning with what is allowed."""
        allowed = f"one of {', '.join(self.choices)}" if self.choices else self.range
        if self.choices and self.many:
            allowed = f"any of {', '.join(self.choices)}"
        return f"{self.meaning} ({allowed})" if allowed else self.meaning


def describe(model: type[BaseModel], usual: BaseModel | None = None) -> tuple[Setting, ...]:
    """The settings of a class: those that it inherits, then its own. `usual` holds the defaults, where its owner has
    other ones."""
    own = inspect.get_annotations(model)
    fields = model.model_fields
    names = [*(name for name in fields if name not in own), *(name for name in own if name in fields)]
    return tuple(_setting(name, fields[name], usual, name not in own) for name in names)


def find(model: type[BaseModel], place: str) -> Setting:
    """One setting by its place, as `sampling.temperature`. Raises KeyError where there is none."""
    first, *rest = place.split(".")
    usual: BaseModel | None = None
    info = model.model_fields[first]
    for name in rest:
        usual = info.default if isinstance(info.default, BaseModel) else None
        info = _kind(info.annotation, [])[0].model_fields[name]
        first = name
    return _setting(first, info, usual)


def _setting(name: str, info: FieldInfo, usual: BaseModel | None, shared: bool = False) -> Setting:
    limits = list(info.metadata)
    kind, many, choices = _kind(info.annotation, limits)
    required = info.is_required()
    default = None if required else info.default if usual is None else getattr(usual, name)
    extra = info.json_schema_extra
    inside: tuple[Setting, ...] = ()
    if issubclass(kind, BaseModel) and many:  # as many mappings as there may be: none has a default
        kind = dict
    elif issubclass(kind, BaseModel):
        inside = describe(kind, default)
    return Setting(
        name=name,
        meaning=info.description or "",
        kind=kind,
        default=default,
        required=required,
        many=many,
        choices=choices,
        range=_range(limits, whole=kind is int),
        example=info.examples[0] if info.examples else None,
        runtime=isinstance(extra, dict) and bool(extra.get("runtime")),
        shared=shared,
        inside=inside,
    )


def _kind(annotation: Any, limits: list[Any]) -> tuple[Any, bool, tuple[str, ...]]:
    """The plain type of an annotation, whether it is a list of them, and its choices. What `Annotated` says of its
    range is added to `limits`."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        limits.extend(inner[1:])
        return _kind(inner[0], limits)
    if origin in (Union, UnionType):
        return _kind(next(one for one in inner if one is not NoneType), limits)
    if origin is tuple:
        kind, _, choices = _kind(inner[0], limits)
        return kind, True, choices
    if origin is Literal:
        return str, False, inner
    return origin or annotation, False, ()


def _range(limits: Sequence[Any], *, whole: bool) -> str:
    """Bounds in words: "0 to 1", "above 0 to 1", "at least 2", "above 0"."""
    found = {name: getattr(one, name) for one in limits for name in ("ge", "gt", "le", "lt") if hasattr(one, name)}
    if whole and "gt" in found:
        found["ge"] = found.pop("gt") + 1
    low = f"above {found['gt']:g}" if "gt" in found else f"{found['ge']:g}" if "ge" in found else ""
    high = f"below {found['lt']:g}" if "lt" in found else f"{found['le']:g}" if "le" in found else ""
    if low and high:
        return f"{low} to {high}"
    if high:
        return high if "lt" in found else f"at most {high}"
    return f"at least {low}" if "ge" in found else low


def plain(value: Any) -> Any:
    """A default as YAML and JSON can have it."""
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def reading_order(settings: Sequence[Setting]) -> list[Setting]:
    """Required ones first and groups last; between them a class's own before those that it shares with others."""
    return sorted(settings, key=lambda one: (not one.required, bool(one.inside), one.shared and not one.required))


def walk(settings: Sequence[Setting], before: str = "") -> Iterator[tuple[str, Setting]]:
    """Every setting with its place, those inside of groups after the group."""
    for setting in settings:
        yield f"{before}{setting.name}", setting
        yield from walk(setting.inside, f"{before}{setting.name}.")
