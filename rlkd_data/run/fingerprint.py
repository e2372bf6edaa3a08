"""What names the output that a stage will make: its settings, its inputs' content and its prompts'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

from rlkd_data.config import Settings
from rlkd_data.run.identity import content_identity
from rlkd_data.run.resources import BUNDLED, resource
from rlkd_data.schema import content_hash

_LONGEST_PATH = 1024
_WORDS = frozenset(
    [
        "adapter",
        "base_url",
        "benchmark",
        "config",
        "license",
        "reasoning_effort",
        "revision",
        "split",
        "system_prompt",
        "title",
    ]
)
"""Settings that are no path, though a file where the command runs may have their name."""
Model = TypeVar("Model", bound=BaseModel)


def fingerprint(name: str, shipped: tuple[str, ...], settings: Settings) -> str:
    """Names the output that a stage will make: of its settings, its inputs' content and its prompts'."""
    inputs = {str(i): content_identity(path) for i, path in enumerate(input_paths(settings))}
    prompts = {file: content_identity(resource(file)) for file in shipped}
    return content_hash(name, settings_identity(settings), inputs, prompts)


def settings_identity(settings: BaseModel) -> dict[str, Any]:
    """The settings that can change the output, as JSON values."""
    kept: dict[str, Any] = {}
    for name in telling_fields(settings):
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            kept[name] = settings_identity(value)
        else:
            kept[name] = settings.model_dump(mode="json", include={name})[name]
    return kept


def telling_fields(settings: BaseModel) -> Iterator[str]:
    """The names of the settings that can change the output (see `config.runtime`)."""
    for name, info in type(settings).model_fields.items():
        extra = info.json_schema_extra
        told = extra if isinstance(extra, dict) else {}
        unset = told.get("later") and getattr(settings, name) == info.default
        if not told.get("runtime") and not unset:
            yield name


def tells(settings: BaseModel, dotted: str) -> bool:
    """Whether the setting of this dotted name can change the output."""
    name, _, rest = dotted.partition(".")
    extra = type(settings).model_fields[name].json_schema_extra
    if isinstance(extra, dict) and extra.get("runtime"):
        return False
    group = getattr(settings, name)
    return not rest or not isinstance(group, BaseModel) or tells(group, rest)


def input_paths(settings: BaseModel) -> Iterator[Path]:
    """Files and folders that the settings name and that exist; a `local:` model may be one."""
    for name in telling_fields(settings):
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from input_paths(value)
            continue
        if name in _WORDS or _is_choice(type(settings).model_fields[name].annotation):
            continue
        if isinstance(value, Mapping):  # of what a mapping holds, lists of paths alone: a word may be a file's name
            lists = [some for some in value.values() if isinstance(some, (tuple, list))]
            value = [path for some in lists for path in some if isinstance(path, Path)]
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if not isinstance(item, (str, Path)):
                continue
            text = str(item).removeprefix("local:")
            if text in BUNDLED:
                yield resource(*BUNDLED[text])
            elif text and len(text) < _LONGEST_PATH and Path(text).exists():
                yield Path(text)


def _is_choice(annotation: Any) -> bool:
    """Whether a setting's type allows given words alone."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return True
    kinds = [kind for kind in inner if kind not in (type(None), Ellipsis)]
    return bool(kinds) and all(map(_is_choice, kinds))


def with_pools(settings: Model, before: Mapping[str, Any]) -> Model:
    """The settings with the pools of servers that `before` has, where their first is the same."""
    changed: dict[str, Any] = {}
    for name in type(settings).model_fields:
        now, then = getattr(settings, name), before.get(name)
        if isinstance(now, BaseModel) and isinstance(then, Mapping):
            changed[name] = with_pools(now, then)
        elif (
            name == "base_url"
            and isinstance(now, str)
            and isinstance(then, str)
            and now.split()[:1] == then.split()[:1]
        ):
            changed[name] = then
    return settings.model_copy(update=changed)
