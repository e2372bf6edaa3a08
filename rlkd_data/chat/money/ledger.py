"""What a job has spent, over all its runs: tries, tokens and dollars, kept in the response store.

A reply and its entry are one transaction, so that no kill can part them. What is set aside for requests in flight is
written down before they are sent (`held`): of a process that was killed it counts as spent. A job is an output folder,
and is named by a file in it: a folder that is moved keeps its ledger, one that is removed begins anew.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rlkd_data.chat.money.budget import Held
from rlkd_data.files import write_whole
from rlkd_data.run.process import gone
from rlkd_data.schema import Usage

FILE = "ledger.json"
SQL_TABLE = (
    "CREATE TABLE IF NOT EXISTS ledger (job TEXT, model TEXT, tries INTEGER, replies INTEGER, prompt_tokens INTEGER, "
    "cached_tokens INTEGER, completion_tokens INTEGER, reasoning_tokens INTEGER, unpriced INTEGER, cost_usd REAL, "
    "PRIMARY KEY (job, model)) WITHOUT ROWID"
)
SQL_HELD = (
    "CREATE TABLE IF NOT EXISTS held (job TEXT, owner TEXT, model TEXT, cost_usd REAL, PRIMARY KEY (job, owner)) "
    "WITHOUT ROWID"
)
_COLUMNS = (
    "tries",
    "replies",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "unpriced",
    "cost_usd",
)
_SQL_ADD = f"INSERT INTO ledger VALUES (?, ?{', ?' * len(_COLUMNS)}) ON CONFLICT DO UPDATE SET " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in _COLUMNS
)


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums. `unpriced`: replies whose price was unknown when they were bought; `cost_usd` does not hold theirs."""

    tries: int = 0
    replies: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    unpriced: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, name) + getattr(other, name) for name in _COLUMNS))


assert tuple(field.name for field in fields(Spent)) == _COLUMNS


@dataclass(frozen=True, slots=True)
class Entry:
    """One try: whose it was, and what it took. `held`: what its owner holds from now on, where that changes."""

    job: str
    model: str
    spent: Spent
    owner: str = ""
    held: float | None = None


def one_try(usage: Usage | None, cost: float | None, *, answered: bool) -> Spent:
    """The sums of a single try. `usage` is None where the server reported none, `cost` where the price is unknown."""
    if usage is None:
        return Spent(tries=1, replies=int(answered), cost_usd=cost or 0.0)
    return Spent(
        tries=1,
        replies=int(answered),
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        unpriced=int(cost is None),
        cost_usd=cost or 0.0,
    )


def add(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Add entries, within the caller's transaction."""
    sums: dict[tuple[str, str], Spent] = {}
    for entry in entries:
        sums[entry.job, entry.model] = sums.get((entry.job, entry.model), Spent()) + entry.spent
        if entry.held is not None:
            _hold(connection, entry.job, entry.owner, entry.model, entry.held)
    rows = [
        (*name, *(getattr(spent, column) for column in _COLUMNS)) for name, spent in sums.items() if spent != Spent()
    ]
    if rows:
        connection.executemany(_SQL_ADD, rows)


def _hold(connection: sqlite3.Connection, job: str, owner: str, model: str, dollars: float) -> None:
    if dollars > 0:
        connection.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)", (job, owner, model, dollars))
    else:
        connection.execute("DELETE FROM held WHERE job = ? AND owner = ?", (job, owner))


def hold(
    connection: sqlite3.Connection, job: str, owner: str, model: str, least: float, most: float, cap: float
) -> Held:
    """Hold as much as fits under the cap beside all that the job has spent and its others hold, at most `most`; nothing
    changes where that is less than `least`. Within the caller's transaction."""
    spent = read(connection, job).cost_usd
    sql = "SELECT coalesce(sum(cost_usd), 0) FROM held WHERE job = ? AND owner != ?"
    others = float(connection.execute(sql, (job, owner)).fetchone()[0])
    room = cap - spent - others
    if room < least:
        return Held(spent, others, None)
    granted = min(most, room)
    _hold(connection, job, owner, model, granted)
    return Held(spent, others, granted)


def bury(connection: sqlite3.Connection, job: str) -> float:
    """Count what killed processes held as spent, since it may have been. Returns how many dollars that were."""
    if connection.execute("SELECT 1 FROM held WHERE job = ? LIMIT 1", (job,)).fetchone() is None:
        return 0.0
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute("SELECT owner, model, cost_usd FROM held WHERE job = ?", (job,)).fetchall()
        dead = [row for row in rows if gone(row[0])]
        add(connection, (Entry(job, model, Spent(cost_usd=dollars), owner, 0.0) for owner, model, dollars in dead))
    return float(sum(dollars for _, _, dollars in dead))


def read(connection: sqlite3.Connection, job: str) -> Spent:
    """All that a job has spent, on whatever model."""
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in _COLUMNS)
    return Spent(*connection.execute(f"SELECT {sums} FROM ledger WHERE job = ?", (job,)).fetchone())


def job_of(folder: Path) -> str:
    """The name of a folder's job, given to it where it has none."""
    known = _load(folder).get("job")
    if isinstance(known, str):
        return known
    fresh = uuid.uuid4().hex
    save(folder, fresh, {})
    return fresh


def save(folder: Path, job: str, figures: dict[str, Any]) -> None:
    """Write the job's name, and the figures for whoever looks into the folder (the store's are those that count)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FILE, json.dumps({"job": job, **figures}, indent=2) + "\n")


def _load(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
