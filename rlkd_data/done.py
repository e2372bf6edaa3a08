"""Which rows a folder holds already, for tables of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_data.digests import Digests, digest
from rlkd_data.schema import TableSchema
from rlkd_data.tables import REJECTED, is_table, read_table


def done_digests(folder: Path, schema: TableSchema) -> Digests:
    """The keys (`schema.key`) of a folder's rows as digests, rejected rows included; empty where there is no table."""
    found = Digests()
    for place, rejected in ((folder, False), (folder / REJECTED, True)):
        if is_table(place):
            for batch in read_table(folder, schema, schema.key, rejected=rejected):
                for key in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    found.add(key_digest(key))
    return found


def key_digest(key: tuple[Any, ...]) -> bytes:
    """What stands for a row's key."""
    return digest("\0".join(map(str, key)))
