"""`rlkd-train init`: a stage's settings as a YAML file to begin with, each with its default and its meaning."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from rlkd_data.config import Settings
from rlkd_data.errors import InputError
from rlkd_data.run.described import Setting, describe, plain, reading_order
from rlkd_train.config import DistillSettings, EvalSettings, GrpoSettings, GsrmSettings, SftSettings

STAGES: dict[str, type[Settings]] = {
    "grpo": GrpoSettings,
    "sft": SftSettings,
    "gsrm": GsrmSettings,
    "distill": DistillSettings,
    "eval": EvalSettings,
}
_COMMENTS_AT = 38
"""The column in which comments begin, where the setting before them leaves it free."""
_WIDTH = 120


def settings_file(stage: str) -> str:
    """The file's text: it loads as it is. Raises InputError for a stage that has none."""
    if stage not in STAGES:
        close = difflib.get_close_matches(stage.lower(), STAGES, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(STAGES)}"
        raise InputError(f"no settings file for {stage!r}: {hint}")
    lines = [*_head(stage, STAGES[stage]), *_settings(_with_out(stage, describe(STAGES[stage])), 0)]
    return "\n".join(lines) + "\n"


def _head(stage: str, model: type[Settings]) -> Iterator[str]:
    about = " ".join((model.__doc__ or "").partition(": ")[2].split())
    yield f"# rlkd-train {stage}: {about}"
    yield "#"
    yield f"#     rlkd-train {stage} --config FILE [--set key=value …]"
    yield "#"
    yield "# Fill in what is REQUIRED. The rest stands at its default, which a line that is taken out keeps."
    yield ""


def _with_out(stage: str, settings: Sequence[Setting]) -> list[Setting]:
    """The folder of the run stands in the file too, though it is no setting of what is made there."""
    out = Setting("out", "folder of the run, or --out FOLDER", str, None, required=True, example=f"runs/{stage}")
    return reading_order([*settings, out])


def _settings(settings: Sequence[Setting], depth: int) -> Iterator[str]:
    required = False
    for setting in settings:
        if depth == 0 and (setting.inside or (required and not setting.required)):
            yield ""
        required = setting.required
        if setting.inside and setting.default is None:
            yield from (f"# {line}" for line in _group(setting, depth, "; take the # away to have it"))
        elif setting.inside:
            yield from _group(setting, depth)
        else:
            usual = setting.name == "decompositions" and setting.example is not None  # GRPO's, which most have
            value = setting.example if setting.required or usual else plain(setting.default)
            told = f"REQUIRED: {setting.told}" if setting.required else setting.told
            yield from _line(f"{'  ' * depth}{_yaml(setting.name)}: {_yaml(value)}", told)


def _group(setting: Setting, depth: int, more: str = "") -> Iterator[str]:
    yield from _line(f"{'  ' * depth}{setting.name}:", setting.told + more)
    yield from _settings(reading_order(setting.inside), depth + 1)


def _line(text: str, comment: str) -> Iterator[str]:
    """A setting and its comment, which goes on below itself where it is long."""
    column = max(_COMMENTS_AT, len(text) + 2)
    first, *more = textwrap.wrap(comment, _WIDTH - column - 2, break_on_hyphens=False)
    yield f"{text.ljust(column)}# {first}"
    yield from (f"{' ' * column}# {line}" for line in more)


def _yaml(value: Any) -> str:
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6).removesuffix("\n...\n").strip()
    )
