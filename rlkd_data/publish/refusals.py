"""What is not published, each in one line that says what to do. Pure, but for looking up the traces of other rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlkd_data.errors import InputError
from rlkd_data.publish.facts import Facts, Leak
from rlkd_data.publish.found import Found
from rlkd_data.publish.licences import normalised, why_refused
from rlkd_data.tables import is_table, scan

_KEYS = ("trace_id", "problem_id")


def refuse_secrets(leaks: Sequence[Leak], more: int) -> None:
    """Raises InputError where keys were found; `more` were found besides."""
    if not leaks:
        return
    first = leaks[0]
    others = f" ({len(leaks) + more - 1:,} more such texts)" if len(leaks) + more > 1 else ""
    raise InputError(
        f"{first.where.shards[0].parent / first.file}, column {first.found.column!r}, row {first.row}: looks like "
        f"a {first.found.kind} ({first.found.masked}){others}: take the rows out, or make the table without them; a "
        "key that was real must be revoked"
    )


def refuse_licences(facts: Sequence[tuple[Found, Facts]], allowed: Sequence[str]) -> None:
    """Raises InputError for rows without a licence, and for a licence that forbids to pass them on."""
    allow = {normalised(name) for name in allowed}
    missing, rows, where = 0, 0, None
    for table, found in facts:
        for (source, licence), count in found.origins.items():
            rows += count
            if not (licence or "").strip():
                missing += count
                where = where or (table.folder, source)
            elif (why := why_refused(licence or "")) and normalised(licence or "") not in allow:
                raise InputError(
                    f"{table.folder}: {count:,} rows from {source or 'a source without a name'} are under {licence!r}, "
                    f"which {why}: leave them out, or say --allow-licence {licence!r} if you may publish them"
                )
    if where:
        raise InputError(
            f"{where[0]}: {missing:,} of {rows:,} rows have no licence (the first from {where[1] or 'no named source'}"
            "): collect them again with --license NAME "
            "once you know it; nothing is published without one"
        )


def refuse_unlicensed_tables(facts: Sequence[tuple[Found, Facts]]) -> None:
    """Rows without a licence of their own stand under their trace's. Raises InputError where that is not published."""
    traces = [table for table, found in facts if found.licensed]
    for table, found in facts:
        if found.licensed or not found.rows:
            continue
        key = next((key for key in _KEYS if key in table.schema.names), None)
        lost = found.rows if key is None or not traces else _without_trace(table, traces, key)
        if lost:
            known = _named_traces(table)
            hint = f"give {known} too" if known else "give the folder of their traces too"
            raise InputError(
                f"{table.folder}: {lost:,} rows of {table.config} have no trace among the tables given, so their "
                f"licence is unknown: {hint}"
            )


def _without_trace(table: Found, traces: Sequence[Found], key: str) -> int:
    import polars as pl

    known = pl.concat([scan(shard).select(key) for trace in traces for shard in trace.shards]).unique()
    rows = pl.concat([scan(shard).select(key) for shard in table.shards])
    return int(rows.join(known, on=key, how="anti").select(pl.len()).collect(engine="streaming").item())


def _named_traces(table: Found) -> str:
    """The folders of traces that the stage read, those that are still there."""
    named = (table.made_by.get("settings") or {}).get("traces") or []
    return " and ".join(str(path) for path in map(Path, map(str, named)) if is_table(path))
