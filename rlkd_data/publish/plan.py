"""Pure: where each shard goes in the data set, its configurations and splits, and what a push changes on the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from rlkd_data.errors import InputError
from rlkd_data.publish.found import Found

DEFAULT_SPLIT = "train"
_SPLIT = re.compile(r"\w+(\.\w+)*")
"""What `datasets` takes as a split's name."""
_ORDER = ("decompositions", "traces", "branches")


@dataclass(frozen=True)
class Part:
    """A table's place in the data set: CONFIG/SPLIT/FOLDER/part-….parquet."""

    table: Found
    split: str
    folder: str

    @property
    def prefix(self) -> str:
        return f"{self.table.config}/{self.split}/{self.folder}"

    def files(self) -> Iterable[tuple[str, Path]]:
        for shard in self.table.shards:
            yield f"{self.prefix}/{shard.name}", shard


@dataclass(frozen=True)
class Config:
    name: str
    schema: pa.Schema
    parts: tuple[Part, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        names = dict.fromkeys(part.split for part in self.parts)
        return tuple(sorted(names, key=lambda name: (name != DEFAULT_SPLIT, name)))


def parse_splits(given: Sequence[str]) -> dict[str, str]:
    """`--split test=held_out` as {folder: split}."""
    chosen = {}
    for text in given:
        split, sep, folder = text.partition("=")
        if not sep or not folder or not _SPLIT.fullmatch(split):
            raise InputError(f"--split {text!r}: write it as NAME=FOLDER, for example test=held_out")
        chosen[folder.rstrip("/")] = split
    return chosen


def plan(tables: Sequence[Found], splits: Mapping[str, str]) -> tuple[Config, ...]:
    """The configurations of the data set, the first being the default one. `splits` names the split of a folder, by its
    path or its last name; others go to `train`. Raises InputError for a folder that is not there, and for tables that
    differ in their columns."""
    unused = set(splits)
    places: dict[str, list[Part]] = {}
    taken: dict[tuple[str, str, str], Path] = {}
    for table in tables:
        names = {str(table.folder), table.folder.resolve().name} & set(splits)
        unused -= names
        split = splits[names.pop()] if names else DEFAULT_SPLIT
        folder, number = table.folder.resolve().name, 1
        while taken.setdefault((table.config, split, folder), table.folder) != table.folder:
            number += 1
            folder = f"{table.folder.resolve().name}-{number}"
        places.setdefault(table.config, []).append(Part(table, split, folder))
    if unused:
        known = ", ".join(dict.fromkeys(table.folder.resolve().name for table in tables))
        raise InputError(f"--split: no table in a folder {sorted(unused)[0]!r} (there are: {known})")
    configs = [Config(name, _one_schema(parts), tuple(parts)) for name, parts in places.items()]
    return tuple(sorted(configs, key=lambda config: (_rank(config), config.name)))


def _rank(config: Config) -> tuple[bool, int]:
    """What a visitor sees first: the decompositions, then the traces; rejected rows last."""
    name = config.parts[0].table.name
    return config.parts[0].table.rejected, _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _one_schema(parts: Sequence[Part]) -> pa.Schema:
    first = parts[0].table
    for part in parts[1:]:
        if difference := columns_differ(first.schema, part.table.schema):
            raise InputError(
                f"{part.table.folder} and {first.folder} both go to the configuration {first.config!r}, but "
                f"{difference}: make both with one version of rlkd, or publish them as two data sets"
            )
    return first.schema


def columns_differ(one: pa.Schema, other: pa.Schema) -> str | None:
    """In words, how the columns of two schemas differ; None where they do not. Order and nullability do not count."""
    left, right = ({field.name: field.type for field in schema} for schema in (one, other))
    for name in [*left, *right]:
        if name not in right or name not in left:
            return f"column {name!r} is in one alone"
        if left[name] != right[name]:
            return f"column {name!r} is {left[name]} in one and {right[name]} in the other"
    return None


def metadata_configs(configs: Sequence[Config], kept: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """The card's `configs`. `kept` are those that the data set has already: other configurations stay, and so do splits
    that are not pushed now."""
    ours: dict[str, dict[str, Any]] = {}
    for config in configs:
        files = [{"split": split, "path": f"{config.name}/{split}/*/*.parquet"} for split in config.splits]
        ours[config.name] = {"config_name": config.name, "data_files": files}
    default = configs[0].name
    others = []
    for entry in kept:
        name = entry.get("config_name")
        if name in ours:
            pushed = {file["split"] for file in ours[name]["data_files"]}
            ours[name]["data_files"] += [f for f in _data_files(entry) if f.get("split") not in pushed]
        else:
            others.append({key: value for key, value in entry.items() if key != "default"})
            default = name if entry.get("default") and name else default
    found = [*ours.values(), *others]
    for entry in found:
        if entry["config_name"] == default:
            entry["default"] = True
    return found


def _data_files(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    files = entry.get("data_files")
    return [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []


def stale(configs: Sequence[Config], there: Iterable[str]) -> list[str]:
    """Files on the Hub of the splits that are pushed, that the push does not hold: rows of an earlier version, which
    would be read beside the new ones."""
    splits = {(config.name, split) for config in configs for split in config.splits}
    pushed = {path for config in configs for part in config.parts for path, _ in part.files()}
    return [
        path
        for path in there
        if tuple(PurePosixPath(path).parts[:2]) in splits and path.endswith(".parquet") and path not in pushed
    ]
