"""A stage: settings in, a folder out, and `stage.json` beside it that says how the folder came to be.

`run_stage` is the one way in, for the command line and for pipelines; while it runs, the folder is this process's. A
folder whose `stage.json` is done under the same fingerprint is left alone while all its shards are there; one that was
interrupted, or has lost a shard, is taken up again; one made with other settings is refused, or made anew where the
caller owns the folder. One of which nothing but rejected rows came is not done: any stage may have its folder.
"""

from __future__ import annotations

import importlib
import json
import platform
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rlkd_data.chat.money.ledger import FILE as LEDGER
from rlkd_data.config import Settings
from rlkd_data.errors import InputError, ModelError
from rlkd_data.files import is_temporary, sweep, write_whole
from rlkd_data.run import fruitless, grown
from rlkd_data.run.fingerprint import fingerprint as named
from rlkd_data.run.fingerprint import input_paths, tells, with_pools
from rlkd_data.run.identity import STAGE_FILE, read_stage
from rlkd_data.run.interrupt import keep
from rlkd_data.run.lock import LOCK, all_below, holder, locked
from rlkd_data.run.progress import console
from rlkd_data.run.record import damage, rows_of
from rlkd_data.tables import REJECTED

GROUP = "rlkd.stages"
ASKED = "asked.json"
"""Which models were asked, where a stage tells those of one name apart: its replies are found again by it."""
PASSED = "passed.log"
"""How far a stage has come with its input, where it keeps a log of that; gone when the stage is done."""


@dataclass(frozen=True)
class StageSpec:
    """A kind of stage. `run` is "module:function", imported only when the stage starts; the function takes
    (settings, out folder) and returns a StageResult. It must be able to continue what an earlier, killed call of it
    with the same settings left in the folder."""

    name: str
    settings: type[Settings]
    run: str
    prompts: tuple[str, ...] = ()
    """Shipped files whose content is part of the fingerprint."""
    grows: tuple[str, ...] = ()
    """Settings that a finished folder may be taken further with: it is taken up again, and goes on."""
    keeps: tuple[str, ...] = ()
    """Folders in the output that no other settings may clear away, in a pipeline neither: what was trained."""


@dataclass(frozen=True)
class StageResult:
    """What a stage did. `counts` are rows by outcome ("ok", "rejected:no_steps", …); `figures` are measured values."""

    counts: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    cost_usd: float | None = None


def registry() -> dict[str, StageSpec]:
    """Every kind of stage that is installed, by name: packages register theirs as entry points, so that this package
    need not know who trains."""
    return {point.name: point.load() for point in metadata.entry_points(group=GROUP)}


def _print_beside(spec: StageSpec, settings: Settings, own: str, before: Mapping[str, Any] | None) -> str:
    """The fingerprint by which a folder is known again: `own`, that of the settings. Servers behind the first of a pool
    may come and go, and a training may go on: what the folder was begun with is taken."""
    told = (before or {}).get("settings")
    beside = grown.as_before(with_pools(settings, told), told, spec.grows) if isinstance(told, Mapping) else settings
    return own if beside == settings else fingerprint(spec, beside)


def fingerprint(spec: StageSpec, settings: Settings) -> str:
    """Names the output that a stage will make: of its settings, its inputs' content and its prompts'."""
    return named(spec.name, spec.prompts, settings)


def versions() -> dict[str, str]:
    """The versions that a table's reader may need to know."""
    found = {"python": platform.python_version()}
    for package in (
        "rlkd",
        "polars",
        "pyarrow",
        "datasets",
        "torch",
        "transformers",
        "trl",
        "peft",
        "openai",
        "anthropic",
        "genai-prices",
    ):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def run_stage(spec: StageSpec, settings: Settings, out: Path, *, replace: bool = False) -> tuple[StageResult, bool]:
    """Make `out` what the settings say. Returns the result, and whether anything had to be done.

    `replace`: make the folder anew when other settings made it (a pipeline owns its folders). Without it that is an
    InputError, so that no command overwrites a table that somebody else made. So is a folder that another process is
    at, an input that is damaged, and a stage of which nothing came (ModelError where its server was at fault).
    """
    _look_at_inputs(settings)
    own = fingerprint(spec, settings)
    before = read_stage(out)
    print_ = _print_beside(spec, settings, own, before)
    if _is_done(before, spec, print_, settings) and not damage(out, before or {}):
        return _kept(before or {}), False
    stays = out.exists()
    with locked(out):
        before = read_stage(out)  # another process may have been at it until now
        print_ = _print_beside(spec, settings, own, before)
        if _is_done(before, spec, print_, settings) and not damage(out, before or {}):
            return _kept(before or {}), False
        _make_ready(spec, settings, print_, out, before, replace=replace)
        return _run(spec, settings, out, own, stays), True


def _is_done(before: Mapping[str, Any] | None, spec: StageSpec, print_: str, settings: Settings) -> bool:
    if before is None or not _is_ours(before, spec, print_):
        return False
    if before.get("status") != "done" or _is_fruitless(before):
        return False
    told = before.get("settings", {})
    return grown.as_before(settings, told, spec.grows) == settings


def _is_fruitless(before: Mapping[str, Any] | None) -> bool:
    """Whether a stage ended with rejected rows alone."""
    if before is None or before.get("status") not in ("done", fruitless.STATUS):
        return False
    return fruitless.is_fruitless(_kept(before).counts)


def _is_ours(before: Mapping[str, Any] | None, spec: StageSpec, print_: str) -> bool:
    return before is not None and before.get("fingerprint") == print_ and before.get("stage") == spec.name


def _kept(record: Mapping[str, Any]) -> StageResult:
    kept = record.get("result", {})
    return StageResult(kept.get("counts", {}), kept.get("figures", {}), kept.get("cost_usd"))


def _make_ready(
    spec: StageSpec,
    settings: Settings,
    print_: str,
    out: Path,
    before: Mapping[str, Any] | None,
    *,
    replace: bool,
) -> None:
    """Bring a held folder into a state that the stage can begin in, or go on from. Raises InputError where that would
    cost somebody something."""
    sweep(out)
    if _is_fruitless(before):  # of what was rejected nothing is lost: replies are in the store
        _clear(out)
        return
    if _is_ours(before, spec, print_):
        _mend(out, before or {})
        _not_shrunk(spec, settings, out, before or {})
        return
    if before is None and not all(_is_nothing(path) for path in out.iterdir()):
        unread = f"; its {STAGE_FILE} cannot be read" if (out / STAGE_FILE).exists() else ""
        raise InputError(
            f"{out} already holds files that no rlkd stage made{unread}: choose another folder for the output"
        )
    if before is None:
        return
    _keep_trained(spec, settings, out, before, replace=replace)
    if not replace:
        raise InputError(
            f"{out} was made by {before.get('stage')!r} with other settings or inputs: choose another --out, or "
            "remove that folder (stored replies are kept, so nothing is paid for twice)"
        )
    _clear(out)


def _not_shrunk(spec: StageSpec, settings: Settings, out: Path, before: Mapping[str, Any]) -> None:
    """Raises InputError where a finished folder is to come to less than it has."""
    name = grown.shrunk(before.get("settings", {}), settings, spec.grows) if before.get("status") == "done" else None
    if name is not None:
        raise InputError(
            f"{out} was finished with {name}: {before['settings'][name]}, and {name} is {getattr(settings, name)} now: "
            "what is done can go on, not be cut short; choose another folder for less"
        )


def _keep_trained(spec: StageSpec, settings: Settings, out: Path, before: Mapping[str, Any], *, replace: bool) -> None:
    """Raises InputError, naming what differs, where another run would clear away what was trained."""
    made = spec if before.get("stage") == spec.name else registry().get(str(before.get("stage")))
    if made is None or not any((out / name).is_dir() and any((out / name).iterdir()) for name in made.keeps):
        return
    told = grown.changed(before.get("settings", {}), settings.model_dump(mode="json"))
    telling = [name for name in told if tells(settings, name)]
    differs = (
        f"other settings ({', '.join(telling)})"
        if telling
        else "the same settings, but its inputs, or rlkd itself, have changed"
    )
    more = f"; {' and '.join(spec.grows)} alone may grow in place" if spec.grows else ""
    another = "another folder (--set workdir=FOLDER)" if replace else "another --out"
    how = f"`model: {out}`" if replace else f"--init-from {out}"
    raise InputError(
        f"{out} was trained by {before.get('stage')!r} with {differs}: take {another}, or start from its weights there "
        f"with {how}{more}"
    )


def _clear(out: Path) -> None:
    """Leave what was spent: a budget is for all runs of a folder."""
    with all_below(out):
        for path in out.iterdir():
            if path.name not in (LOCK, LEDGER):
                _remove(path)


def _is_nothing(path: Path) -> bool:
    """Whether a file is one that a stage makes before it has begun."""
    if path.is_dir():
        return all(below.is_dir() for below in path.rglob("*"))
    return path.name in (LOCK, STAGE_FILE, LEDGER, PASSED, ASKED) or is_temporary(path.name)


def _mend(out: Path, before: Mapping[str, Any]) -> None:
    """Take shards away that cannot be read, so that the stage makes their rows anew. Raises InputError for shards of
    which nobody knows where they are from."""
    found = damage(out, before)
    done = before.get("status") == "done"
    if done and found.strange:
        raise InputError(
            f"{out}: {found.told()}: take it out of the folder (or put the right one back), then run the same command"
        )
    for name in found.unreadable:
        (out / name).unlink()
    if found.unreadable or (done and found):
        console.print(f"{out}: {found.told()}: what is gone is made again", markup=False)


def _run(spec: StageSpec, settings: Settings, out: Path, print_: str, stays: bool) -> StageResult:
    record = {
        "stage": spec.name,
        "status": "running",
        "fingerprint": print_,
        "settings": settings.model_dump(mode="json"),
        "versions": versions(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _write(out, record)
    module, _, function = spec.run.partition(":")
    try:
        result: StageResult = getattr(importlib.import_module(module), function)(settings, out)
    except (InputError, ModelError):
        _forget(out, stays)
        raise
    except KeyboardInterrupt:
        keep(f"{sum(rows or 0 for rows in rows_of(out).values()):,} rows are in {out};", over=False)
        raise
    nothing = fruitless.is_fruitless(result.counts)
    done = {
        "status": fruitless.STATUS if nothing else "done",
        "finished_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "result": asdict(result),
        "shards": rows_of(out),
    }
    _write(out, record | done)
    if nothing:
        raise fruitless.told(result.counts, settings, out)
    return result


def _look_at_inputs(settings: BaseModel) -> None:
    """Say of an input that its stage has not finished. Raises InputError for a table of which a shard is missing or
    damaged."""
    for path in input_paths(settings):
        record = read_stage(path) if path.is_dir() else None
        if record is None:
            continue
        if record.get("status") == "done":
            if (found := damage(path, record)) and (found.lost or found.unreadable or found.rows):
                raise InputError(
                    f"{path}: {found.told()}: run the command that wrote that folder again, which makes it anew"
                )
        else:
            who = holder(path)
            if who is None and record.get("status") == fruitless.STATUS:
                console.print(f"{path} holds rejected rows alone", markup=False)
                continue
            state = f"{who} is still writing it" if who else "its stage was interrupted"
            console.print(
                f"{path} is not whole: {state}; only what is there now is used (run that command to its end first)",
                markup=False,
            )


def _write(out: Path, record: Mapping[str, Any]) -> None:
    write_whole(out / STAGE_FILE, json.dumps(record, indent=2, default=str) + "\n")


def _forget(out: Path, stays: bool) -> None:
    """Of a stage that made nothing, nothing stays, so that the corrected command may have the same folder: rejected
    rows go (their replies are in the store), what it has spent is remembered. `stays`: the folder was there before."""
    files = [path for path in out.rglob("*") if not path.is_dir()]
    if any(
        path.name not in (STAGE_FILE, LEDGER, LOCK, PASSED, ASKED) and path.parent != out / REJECTED for path in files
    ):
        return
    for path in out.iterdir():
        if path.name not in (LOCK, LEDGER, ASKED):
            _remove(path)
    if not stays and not (out / LEDGER).exists() and not (out / ASKED).exists():
        (out / LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # somebody has put a file there meanwhile
            out.rmdir()


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
