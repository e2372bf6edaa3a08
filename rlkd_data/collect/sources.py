"""Where records come from: local files, a Hub data set, or a known set by its short name. Records are streamed."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rlkd_data.collect.adapters import by_columns, by_name
from rlkd_data.collect.adapters.base import Adapter, Record
from rlkd_data.config import CollectSettings
from rlkd_data.errors import InputError
from rlkd_data.resources import resource


@dataclass(frozen=True)
class Known:
    """A set with a short name. `license` is what its publisher's card says."""

    hub: str
    adapter: str
    license: str
    config: str | None = None


KNOWN = {
    "gsm8k": Known("openai/gsm8k", "gsm8k", "mit", "main"),
    "gsm8k-socratic": Known("openai/gsm8k", "gsm8k-socratic", "mit", "socratic"),
    "openr1-math": Known("open-r1/OpenR1-Math-220k", "openr1-math", "apache-2.0", "default"),
    "openthoughts": Known("open-thoughts/OpenThoughts-114k", "openthoughts", "apache-2.0", "metadata"),
}
SHIPPED = {"gsm8k-quickstart": ("gsm8k", ("pipelines", "data", "gsm8k_quickstart.jsonl"))}
FILES = (".jsonl", ".json", ".parquet", ".csv")


@dataclass(frozen=True)
class Source:
    """Records with what is known of all of them. `records` may be gone through once."""

    name: str
    records: Iterator[tuple[str, Record]]
    """(where the record stands, the record)"""
    adapter: Adapter
    license: str | None


def open_source(settings: CollectSettings) -> Source:
    """Open what `settings.source` names. Raises InputError in one line where it cannot be found, reached or read."""
    name = settings.source
    adapter: str | None = settings.adapter
    license_ = settings.license
    if name in SHIPPED:
        shipped, parts = SHIPPED[name]
        records, origin = _files(resource(*parts)), name
        adapter = adapter or shipped
    elif name in KNOWN:
        known = KNOWN[name]
        adapter, license_ = adapter or known.adapter, license_ or known.license
        records, origin = _hub(known.hub, settings.config or known.config, settings.split, settings.revision)
    elif (path := Path(name).expanduser()).exists():
        records, origin = _files(path), path.name
    elif name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith(FILES):
        records, origin = _hub(name, settings.config, settings.split, settings.revision)
        adapter = adapter or next((known.adapter for known in KNOWN.values() if known.hub == name), None)
    else:
        close = difflib.get_close_matches(name, [*KNOWN, *SHIPPED], n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known short names: {', '.join([*KNOWN, *SHIPPED])}"
        raise InputError(f"no source {name!r}: no such file or folder, Hub data set id or short name; {hint}")
    first = list(islice(records, 1))
    if not first:
        raise InputError(f"source {name!r} holds no rows")
    chosen = by_name(adapter) if adapter else by_columns(first[0][1], f"source {name!r}")

    def all_records() -> Iterator[tuple[str, Record]]:
        yield from first
        yield from records

    return Source(origin, islice(all_records(), settings.offset, None), chosen, license_)


def _files(path: Path) -> Iterator[tuple[str, Record]]:
    readers: dict[str, Callable[[Path], Iterator[tuple[str, Record]]]] = {
        ".jsonl": _jsonl,
        ".json": _json,
        ".csv": _csv,
        ".parquet": _parquet,
    }
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in readers)
    if not files:
        raise InputError(f"{path} holds no {', '.join(FILES)} files")
    for file in files:
        if file.suffix not in readers:
            raise InputError(f"{file}: cannot read {file.suffix or 'a file without ending'}: {', '.join(FILES)} can be")
    return (record for file in files for record in readers[file.suffix](file))


def _jsonl(path: Path) -> Iterator[tuple[str, Record]]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as problem:
                raise InputError(f"{path}:{number} is not JSON: {problem}") from None
            yield f"{path}:{number}", _record(record, f"{path}:{number}")


def _json(path: Path) -> Iterator[tuple[str, Record]]:
    try:
        rows = json.loads(path.read_bytes())
    except ValueError as problem:
        raise InputError(f"{path} is not JSON: {problem}") from None
    if not isinstance(rows, list):
        raise InputError(f"{path} must hold a list of rows; for one row a line, name it .jsonl")
    for number, record in enumerate(rows, 1):
        yield f"{path}:row {number}", _record(record, f"{path}:row {number}")


def _record(record: Any, where: str) -> Record:
    if not isinstance(record, dict):
        raise InputError(f"{where} is not a row of named columns but a {type(record).__name__}")
    return record


def _csv(path: Path) -> Iterator[tuple[str, Record]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, record in enumerate(csv.DictReader(stream), 1):
                yield f"{path}:row {number}", {name: value for name, value in record.items() if name is not None}
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path} is not a UTF-8 CSV file: {problem}") from None


def _parquet(path: Path) -> Iterator[tuple[str, Record]]:
    from rlkd_data.tables import read_foreign

    for number, record in enumerate(read_foreign(path), 1):
        yield f"{path}:row {number}", record


def _hub(repo: str, config: str | None, split: str, revision: str | None) -> tuple[Iterator[tuple[str, Record]], str]:
    """Stream a Hub data set; its name comes with the revision that was read."""
    from datasets import load_dataset
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        commit = revision or HfApi().dataset_info(repo).sha
        rows = load_dataset(repo, config, split=split, revision=commit, streaming=True)
    except ValueError as problem:  # an unknown configuration or split: the message lists those that there are
        raise InputError(f"Hub data set {repo!r}: {' '.join(str(problem).split())}") from None
    except (HfHubHTTPError, OSError) as problem:
        first_line = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise InputError(
            f"Hub data set {repo!r} cannot be read: {first_line} (check the name and the network, or give a local file)"
        ) from None
    return ((f"{repo} {split} row {number}", record) for number, record in enumerate(rows)), f"{repo}@{commit}"
