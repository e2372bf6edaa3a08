"""How an evaluation was made, as far as its record tells: what differs between arms may be that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TOLD = (
    *("system_prompt", "choices_seed", "run_code", "structure.gsrm", "structure.judge.kind", "structure.judge.model"),
    *("structure.align", "structure.gate", "structure.normalise", "structure.several", "structure.grounded"),
    "structure.mending",
    *("paths.kind", "paths.model"),
)
"""Settings that change figures, and are no part of a model."""
_BEFORE = {"structure.mending": "False"}
"""What a record stands for that was made before there was the setting."""


def how_made(settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings of an evaluation, or of the training run that it was made on the way of, that figures depend on."""
    within = settings.get("evaluation")
    if isinstance(within, Mapping):  # of a training run: its own structure and prompt hold where the block says none
        settings = {**settings, **{name: value for name, value in within.items() if value is not None}}
    found = {}
    for name in _TOLD:
        value: Any = settings
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = str(value)
    return {**_BEFORE, **found} if found else {}


def differing(by_arm: Mapping[str, list[dict[str, str]]]) -> list[str]:
    """A note for each of these settings in which runs differ, with what each arm has. Runs without a record say
    nothing."""
    known = {arm: [one for one in runs if one] for arm, runs in by_arm.items()}
    notes = []
    for name in _TOLD:
        values = {
            arm: list(dict.fromkeys(one.get(name, "none") for one in runs)) for arm, runs in known.items() if runs
        }
        if len({value for of_arm in values.values() for value in of_arm}) > 1:
            notes.append(f"the runs were evaluated with another {name} ({each(values)}): what differs may be that")
    return notes


def each(values: Mapping[str, list[Any]]) -> str:
    """What each arm has: its runs' values, each once."""
    return ", ".join(f"{arm} {' and '.join(_short(value) for value in of_arm)}" for arm, of_arm in values.items())


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) < 60 else f"{text[:57]}…"
