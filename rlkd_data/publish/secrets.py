"""Finds keys and tokens in the texts of a table, at any depth, a batch at a time: by their shape, and, whatever their
shape, those that stand in this process's environment. Pure but for that."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

_KINDS = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----",
    "Anthropic key": r"\bsk-ant-[A-Za-z0-9_-]{20,}",
    "OpenAI key": r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)[A-Za-z0-9_-]{20,}|\bsk-[A-Za-z0-9]{20,}",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "Google key": r"\bAIza[A-Za-z0-9_-]{35}",
    "bearer token": r"(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{20,}=*",
}
_ANY = "|".join(f"(?:{pattern})" for pattern in _KINDS.values())
_NAMES_A_SECRET = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD)$")
_SHORT, _SHORTEST = 5, 8
_WORD = re.compile(r"[A-Za-z]?[a-z]{0,15}|[A-Z]{0,16}")
"""Shorter ones, and plain words, are given to servers that want none, and may stand in any text."""
_COMPILED = {kind: re.compile(pattern) for kind, pattern in _KINDS.items()}


@dataclass(frozen=True)
class Secret:
    """Where a text looks like it holds a key. `row` counts from 0 in the batch."""

    column: str
    row: int
    kind: str
    masked: str


def in_text(text: str) -> tuple[str, str] | None:
    """The kind of the first key in a text and the key masked; None where there is none."""
    for variable, value in held().items():
        if value in text:
            return f"value of {variable}", f"{value[:2]}…"
    for kind, pattern in _COMPILED.items():
        for found in pattern.finditer(text):
            if kind != "bearer token" or re.search(r"\d", found[0]):  # "bearer internationalisation" is no token
                return kind, mask(found[0])
    return None


def held() -> dict[str, str]:
    """The keys, tokens and passwords of the environment, by the variable that holds them; a plain word is none."""
    return {name: value for name, value in _named().items() if not _is_plain(value) and not value.startswith("/")}


def unsought() -> list[str]:
    """The variables whose value is not looked for, though their name says that it is secret: it is a plain word."""
    return [name for name, value in _named().items() if len(value) >= _SHORT and _is_plain(value)]


def _named() -> dict[str, str]:
    return {name: value.strip() for name, value in os.environ.items() if _NAMES_A_SECRET.search(name.upper())}


def _is_plain(value: str) -> bool:
    return len(value) < _SHORTEST or _WORD.fullmatch(value) is not None


def mask(secret: str) -> str:
    """Enough of a key to find it by, and no more."""
    if secret.startswith("-----"):
        return "-----BEGIN …"
    return f"{secret[:4]}…{secret[-2:]}" if secret[:6].lower() != "bearer" else f"Bearer …{secret[-2:]}"


def in_batch(batch: pa.RecordBatch) -> Iterator[Secret]:
    """The first key of every text of a batch."""
    import polars as pl

    sought = "|".join([_ANY, *map(re.escape, held().values())])
    rows = pa.array(range(batch.num_rows), pa.int64())
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for path, texts, owners in _texts(name, column, rows):
            series = pl.Series(pl.from_arrow(texts))
            for at in series.str.contains(sought).fill_null(False).arg_true():
                if found := in_text(series[at]):
                    yield Secret(path, owners[at].as_py(), *found)


def _texts(name: str, column: pa.Array, rows: pa.Array) -> Iterator[tuple[str, pa.Array, pa.Array]]:
    """(name, texts, the row of each) of every column of texts that a column is made of."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        yield name, column, rows
    elif pa.types.is_struct(kind):
        for field, values in zip(kind, column.flatten(), strict=True):
            yield from _texts(f"{name}.{field.name}", values, rows)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _texts(name, column.flatten(), rows.take(pc.list_parent_indices(column)))
