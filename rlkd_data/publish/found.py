"""The tables that the given folders hold, each with what made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlkd_data.errors import InputError
from rlkd_data.measure.score import PLACE as SCORE
from rlkd_data.run.identity import STAGE_FILE, read_stage
from rlkd_data.run.pipeline import PIPELINE_FILE
from rlkd_data.schema import BRANCHES, DECOMPOSITIONS, TRACES
from rlkd_data.tables import REJECTED, is_table, shards, stored_schema

_NAME = b"rlkd.table"
_NO_DATA_SET = ("samples", "completions", "scores")
"""Tables that judge a model: they belong into reports and model cards."""


@dataclass(frozen=True)
class Found:
    """One table of a folder: its usable rows, or its `rejected` ones."""

    name: str
    rejected: bool
    folder: Path
    """That of the stage, for the rejected rows too."""
    shards: tuple[Path, ...]
    schema: pa.Schema
    made_by: dict[str, Any]
    """The folder's `stage.json`, {} where there is none."""

    @property
    def config(self) -> str:
        """The configuration of the data set that the rows go to. Rejected rows have more columns than usable ones, and
        a configuration has one set of columns."""
        return f"{self.name}_{REJECTED}" if self.rejected else self.name


def find(paths: Sequence[Path]) -> list[Found]:
    """The tables of the folders, in the order given; a folder of stages, as a pipeline's, stands for all of its tables.
    Raises InputError for a folder without one, and for a stage that has not finished."""
    found: dict[tuple[Path, bool], Found] = {}
    for path in paths:
        tables = list(_tables(path))
        if not tables:
            raise InputError(f"{path} holds no table to publish: give a folder that collect or decompose wrote")
        for table in tables:
            found.setdefault((table.folder.resolve(), table.rejected), table)
    return list(found.values())


def held_folders(paths: Sequence[Path]) -> list[Path]:
    """The folders of stages that must not change while they are published, each once."""
    folders: dict[Path, None] = {}
    for path in paths:
        children = sorted(path.iterdir()) if path.is_dir() and not _is_one(path) else []
        for folder in [path, *children]:
            if folder.is_dir() and _is_one(folder):
                folders.setdefault(folder.resolve())
    return list(folders)


def _tables(path: Path) -> Iterator[Found]:
    if not path.is_dir():
        raise InputError(f"{path} is no folder: give the folder of a table, or that of a pipeline's run")
    if _is_one(path):
        for table in _of(path):
            if table.name in _NO_DATA_SET:
                raise InputError(f"{path} holds a model's {table.name}, which is no data set: leave it out")
            yield table
        return
    stages = [child for child in path.iterdir() if child.is_dir() and _is_one(child)]
    for child in sorted(stages, key=lambda child: made_when(read_stage(child) or {}, child)):
        yield from (table for table in _of(child) if table.name not in _NO_DATA_SET)


def made_when(made_by: Mapping[str, Any], folder: Path) -> tuple[str, str, str]:
    """What stages are put in order by."""
    return str(made_by.get("started_at")), str(made_by.get("finished_at")), folder.name


def _is_one(path: Path) -> bool:
    return (path / STAGE_FILE).exists() or is_table(path) or is_table(path / REJECTED)


def _of(folder: Path) -> Iterator[Found]:
    made_by = read_stage(folder) or {}
    for place, rejected in ((folder, False), (folder / REJECTED, True)):
        if not is_table(place):
            continue
        if made_by.get("status", "done") != "done":
            raise InputError(
                f"{folder}: stage {made_by.get('stage')!r} has not finished, so the table is not whole: run the same "
                "command again, then publish"
            )
        files = tuple(shards(place))
        yield Found(_name(files[0]), rejected, folder, files, _common(files), made_by)


def _name(shard: Path) -> str:
    """What the table is called: as its writer says, or told by its columns."""
    schema = stored_schema(shard)
    if name := (schema.metadata or {}).get(_NAME):
        return str(name.decode())
    for known in (DECOMPOSITIONS, TRACES, BRANCHES):
        if set(schema.names) >= {field.name for field in known.arrow if not field.nullable}:
            return known.name
    raise InputError(f"{shard} is of no table that rlkd writes: leave its folder out")


def _common(files: Sequence[Path]) -> pa.Schema:
    first = stored_schema(files[0]).remove_metadata()
    for file in files[1:]:
        if not stored_schema(file).remove_metadata().equals(first):
            raise InputError(
                f"{file} has other columns than {files[0].name} beside it, and one configuration has one set of "
                "columns: run the stage anew in an empty folder"
            )
    return first


def pipelines(tables: Sequence[Found]) -> dict[str, str]:
    """The YAML of the pipelines that made the tables, by the name of their folder."""
    texts: dict[str, str] = {}
    for table in tables:
        file = table.folder.resolve().parent / PIPELINE_FILE
        if table.made_by and file.is_file():
            texts[file.parent.name] = file.read_text(encoding="utf-8")
    return texts


def scores(tables: Sequence[Found]) -> list[tuple[Path, dict[str, Any]]]:
    """(folder, `stage.json`) of what `score` measured of the tables: in the place where it goes by itself, or beside
    them, as in a pipeline."""
    found: dict[Path, dict[str, Any]] = {}
    for table in tables:
        folder = table.folder.resolve()
        for place in (folder / SCORE, *sorted(folder.parent.iterdir())):
            made_by = read_stage(place) or {}
            about = (made_by.get("settings") or {}).get("decompositions")
            if made_by.get("stage") == "score" and isinstance(about, str) and Path(about).resolve() == folder:
                found[place] = made_by
    return list(found.items())
