"""What the verbs of `rlkd-train` do between their flags and a stage. Imports nothing heavy, as `cli.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlkd_data.errors import InputError
from rlkd_data.run.command import from_file

if TYPE_CHECKING:
    from rlkd_data.run.stage import StageSpec


def allowing(overrides: list[str] | None, other_annotator: bool) -> list[str] | None:
    """The overrides, with that of --allow-other-annotator."""
    allowed = ["structure.allow_other_annotator=true"] if other_annotator else []
    return [*(overrides or []), *allowed] or None


def train(
    spec: StageSpec,
    config: Path,
    overrides: list[str] | None,
    out: Path | None,
    init_from: Path | None,
    dry_run: bool,
) -> None:
    """Train as a file says, from a run's weights where it is given, or only tell what would be done."""
    from rlkd_train.launch.follow import start_together
    from rlkd_train.recipes import find

    config = find(config)
    if dry_run:
        tell(spec, config, overrides, init_from)
        return
    values = from_file(config, overrides=overrides)
    if init_from is not None:
        values["model"] = str(init_from)
    start_together(spec, values, folder(values, out, str(config)), str(config))


def tell(
    spec: StageSpec,
    config: Path,
    overrides: list[str] | None,
    init_from: Path | None,
    processes: int = 1,
    accelerate: str = "ddp",
) -> None:
    """A dry run."""
    from rlkd_data.run.pipeline import check_settings
    from rlkd_train.plan.dry import dry_run
    from rlkd_train.plan.sources import sources
    from rlkd_train.recipes import find

    config = find(config)
    values = from_file(config, overrides=overrides) | ({"model": str(init_from)} if init_from else {})
    values.pop("out", None)
    settings: Any = check_settings(spec.settings, values, str(config))
    flags = {"model": "--init-from"} if init_from else {}
    shown = sources(settings.model_dump(mode="json"), from_file(config), str(config), overrides or [], flags)
    dry_run(settings, shown, processes, accelerate)


def folder(values: dict[str, Any], out: Path | None, where: str) -> Path:
    """The folder of a run: the flag's, or the file's `out`, which is taken out of the settings."""
    named = values.pop("out", None)
    if out is None and named is None:
        raise InputError(f"{where} says no `out` folder: add one, or give --out FOLDER")
    return out or Path(str(named))


def needs(values: dict[str, Any], *names: str) -> None:
    """Raise InputError for the first setting that neither a flag nor the file has."""
    for name in names:
        if values.get(name) is None:
            raise InputError(f"no {name}: give --{name}, or `{name}` in the file of --config")


def launched(
    stage: str,
    config: Path,
    overrides: list[str] | None,
    out: Path | None,
    init_from: Path | None,
    processes: int,
    accelerate: str,
    dry_run: bool,
) -> int:
    """Run a training stage in several processes of this machine; its exit status. Raises InputError for a stage that
    trains nothing."""
    from rlkd_train import stages
    from rlkd_train.launch.follow import FOLLOWERS
    from rlkd_train.launch.run import configuration, launch

    if stage not in FOLLOWERS:
        raise InputError(f"no training stage {stage!r}: there are {', '.join(FOLLOWERS)}")
    if dry_run:
        configuration(accelerate)
        tell(getattr(stages, stage.upper()), config, overrides, init_from, processes, accelerate)
        return 0
    flags = {"--config": config, "--out": out, "--init-from": init_from}
    arguments = [word for name, value in flags.items() if value is not None for word in (name, str(value))]
    arguments += [word for one in overrides or () for word in ("--set", one)]
    return launch([stage, *arguments], processes, accelerate)
