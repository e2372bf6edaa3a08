"""The runs and evaluations of a page by arm: those that are seeds of one arm are one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.report.arms import each_once, without_seed
from rlkd_data.report.folders import Folder


@dataclass(frozen=True)
class Group:
    """What is drawn as one: a folder, or the folders of an arm's seeds."""

    name: str
    folders: tuple[Folder, ...]

    @property
    def stage(self) -> str:
        return self.folders[0].stage


@dataclass(frozen=True)
class Arms:
    """The name of the arm of each run, by the run's resolved path."""

    by_run: Mapping[Path, str]

    def groups(self, folders: Iterable[Folder]) -> list[Group]:
        """The folders in the order of their arms' first ones; an arm's runs of one stage, and its evaluations, are
        together. Evaluations on the way are so by their place: the first of each run, and the last."""
        found: dict[tuple[str, ...], list[Folder]] = {}
        for folder in folders:
            arm = self.by_run.get(_run_of(folder).resolve())
            own = ("folder", str(folder.path.resolve()))
            found.setdefault(own if arm is None else ("arm", arm, folder.stage, folder.place), []).append(folder)
        return [Group(_name(key, some), tuple(some)) for key, some in found.items()]


def arms_of(
    folders: Sequence[Folder],
    given: Mapping[str, Sequence[Path]],
    compared: Iterable[Mapping[str, Any]] = (),
    *,
    seeds: bool = False,
) -> Arms:
    """The arms of a page: those that are `given`; else those of the comparisons on the page; else, with `seeds`, runs
    whose names differ in a seed at their end alone. Raises InputError for a run that is given twice, or is none."""
    each_once(given)
    there = {folder.path.resolve() for folder in folders if folder.kind in ("run", "samples")}
    for name, paths in given.items():
        for path in paths:
            if path.resolve() not in there:
                raise InputError(f"arm {name}: {path} is no training run and no evaluation: give the folder of one")
    by_run = {path.resolve(): name for name, paths in given.items() for path in paths}
    for comparison in compared:
        for arm in comparison["arms"]:
            runs = arm.get("runs") if isinstance(arm, dict) else None
            for run in runs if isinstance(runs, list) else ():
                by_run.setdefault(Path(str(run)).resolve(), str(arm.get("arm")))
    if seeds:
        for folder in folders:
            if folder.kind in ("run", "samples") and folder.inside is None:
                by_run.setdefault(folder.path.resolve(), without_seed(folder.path.resolve().name))
    return Arms(by_run)


def _run_of(folder: Folder) -> Path:
    """The run that an evaluation on the way is of; any other folder itself."""
    return folder.path.parent.parent if folder.place else folder.path


def _name(key: tuple[str, ...], folders: Sequence[Folder]) -> str:
    if key[0] == "folder":
        return folders[0].name
    arm, place = key[1], key[3]
    if not place:
        return arm
    names = {folder.path.name for folder in folders}
    return f"{arm}/{names.pop() if len(names) == 1 else place}"
