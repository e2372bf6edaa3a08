"""docs/settings.md: every setting of every stage, its default and its meaning. Written anew by

python -m rlkd_train.settings_page > docs/settings.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from rlkd_data.config import ChatSettings, Settings
from rlkd_data.run import stages as data
from rlkd_data.run.described import Setting, describe, plain, reading_order
from rlkd_train import stages as train
from rlkd_train.config import RewardServerSettings

STAGES: tuple[tuple[str, type[Settings]], ...] = (
    *((spec.name, spec.settings) for spec in (data.COLLECT, data.DECOMPOSE, data.BRANCHES, data.SCORE, data.REPORT)),
    *((spec.name, spec.settings) for spec in (train.SFT, train.GSRM, train.GRPO, train.DISTILL)),
    *((spec.name, spec.settings) for spec in (train.EVAL, train.COMPARE, train.JUDGE_EVAL, train.RESCORE)),
    ("reward-server", RewardServerSettings),
)
_HEAD = """# Settings

Every setting of every stage, as a pipeline's YAML (`pipelines/`), the file of `--config` and `--set key=value` name it;
`--help` shows those that are flags. A group, such as `sampling`, is nested in YAML and dotted in `--set`:
`sampling.top_p=0.9`. `rlkd-train init grpo` (or `sft`, `gsrm`, `eval`) writes a file of all of a stage's settings.

Settings marked ° change how fast or where a stage works, never what comes out: they may differ when a run is continued.

<!-- Made of the descriptions in config/ by `python -m rlkd_train.settings_page > docs/settings.md`. -->"""
_ASKING = "[asking a model](#asking-a-model)"


def page() -> str:
    """The page's text."""
    blocks = [_HEAD, "## Stages", _contents()]
    groups: dict[type[BaseModel], None] = {}
    for name, model in STAGES:
        blocks += [f"### {name}", *_block(model, groups)]
    blocks += ["## Groups", "### asking a model", *_block(ChatSettings, groups)]
    told: set[type[BaseModel]] = set()
    while rest := [group for group in groups if group not in told]:  # a group's own groups come after it
        told.add(rest[0])
        blocks += [f"### {_name(rest[0])}", *_block(rest[0], groups)]
    return "\n\n".join(blocks) + "\n"


def _contents() -> str:
    return " · ".join(f"[{name}](#{name})" for name, _ in STAGES)


def _block(model: type[BaseModel], groups: dict[type[BaseModel], None]) -> Iterator[str]:
    """What a class is for, and its table; its groups are added to `groups`."""
    yield " ".join((model.__doc__ or "").split())
    asks = issubclass(model, ChatSettings) and model is not ChatSettings
    rows = [
        one
        for one in reading_order(describe(model))
        if not (asks and one.shared and one.name in ChatSettings.model_fields)
    ]
    groups |= {one.kind: None for one in rows if one.inside}
    yield "\n".join(("| key | default | meaning |", "| --- | --- | --- |", *map(_row, rows)))
    if asks:
        yield f"And those of {_ASKING}."


def _row(setting: Setting) -> str:
    key = f"[`{setting.name}`](#{_name(setting.kind).replace(' ', '-')})" if setting.inside else f"`{setting.name}`"
    told = setting.told.replace("|", "\\|").replace("<", "&lt;")
    return f"| {key}{' °' if setting.runtime else ''} | {_default(setting)} | {told} |"


def _default(setting: Setting) -> str:
    if setting.required:
        return "*required*"
    if setting.inside and setting.default is not None:
        return ", ".join(_differing(setting.inside, describe(setting.kind)))
    value = plain(setting.default)
    if isinstance(value, list):
        return ", ".join(f"`{one}`" for one in value) or "none"
    if value is None or value == {}:
        return "" if "default: " in setting.meaning else "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _differing(here: Sequence[Setting], usual: Sequence[Setting]) -> Iterator[str]:
    """The settings of a group whose defaults are not the group's own."""
    for one, other in zip(here, usual, strict=True):
        if one.default != other.default:
            yield f"{one.name} `{one.default}`"


def _name(kind: type) -> str:
    """A group's heading: `RunGuardSettings` is "run guard"."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    return words.removesuffix(" settings").strip()


if __name__ == "__main__":
    print(page(), end="")
