"""Stages of a pipeline that stand for several: one for each value, as an experiment's seeds.

    stages:
      start: {verb: sft, for: {seed: [0, 1]}, seed: "{seed}", traces: ["@traces"]}
      grpo:  {for: {seed: [0, 1]}, model: "local:@start-{seed}", seed: "{seed}"}
      table: {verb: compare, runs: ["@grpo-*"]}

gives the stages start-0, start-1, grpo-0, grpo-1; in a list, `@grpo-*` is all of them. Of several lists in one `for`,
every combination is taken: `{arm: [a, b], seed: [0, 1]}` gives NAME-a-0, NAME-a-1, NAME-b-0, NAME-b-1.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from rlkd_data.errors import InputError

KEY = "for"
_VALUE = r"(?!\.+$)[\w.-]+"


def expand(stages: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, dict[str, Any]]:
    """The stages with each repeated one in the place where it stood. Raises InputError naming the stage."""
    expanded: dict[str, dict[str, Any]] = {}
    for name, stage in stages.items():
        plain = {key: value for key, value in stage.items() if key != KEY}
        if KEY not in stage:
            found = {name: plain}
        else:
            lists = _lists(stage[KEY], f"{where}: stage {name}")
            plain = {"verb": name, **plain}
            found = {
                "-".join([name, *map(str, values)]): _filled(plain, dict(zip(lists, values, strict=True)))
                for values in itertools.product(*lists.values())
            }
        for made, settings in found.items():
            if made in expanded or (made in stages and made != name):
                raise InputError(f"{where}: stage {name}: there are two stages {made!r}: call one of them otherwise")
            expanded[made] = settings
    return expanded


def all_of(value: Any, stages: Iterable[str], where: str) -> list[Any]:
    """An entry of a list: of `@name-*` all stages that begin so, otherwise itself. Raises InputError
    where there is none."""
    if not (isinstance(value, str) and (pattern := re.fullmatch(r"((?:[a-z]+:)?)@([\w.-]+-)\*", value))):
        return [value]
    backend, begins = pattern.groups()
    found = [f"{backend}@{name}" for name in stages if name.startswith(begins)]
    if not found:
        raise InputError(f"{where}: {value!r} names no earlier stage")
    return found


def _lists(given: Any, where: str) -> dict[str, list[Any]]:
    if not isinstance(given, Mapping) or not given:
        raise InputError(f"{where}: for: it names lists of values, as in for: {{seed: [0, 1, 2]}}")
    for name, values in given.items():
        if not isinstance(values, list) or not values or not all(re.fullmatch(_VALUE, str(one)) for one in values):
            raise InputError(f"{where}: for: {name} has to be a list of numbers or words: they become parts of names")
        if len(set(map(str, values))) < len(values):
            raise InputError(f"{where}: for: {name} holds a value twice")
    return {str(name): list(values) for name, values in given.items()}


def _filled(value: Any, chosen: Mapping[str, Any]) -> Any:
    """The settings with `{name}` replaced: a text that is nothing else becomes the value itself."""
    if isinstance(value, Mapping):
        return {key: _filled(one, chosen) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, chosen) for one in value]
    if not isinstance(value, str):
        return value
    for name, one in chosen.items():
        if value == f"{{{name}}}":
            return one
        value = value.replace(f"{{{name}}}", str(one))
    return value
