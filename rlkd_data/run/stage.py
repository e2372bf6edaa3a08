"""A stage: settings in, a folder out, and `stage.json` beside it that says how the folder came to be.

`run_stage` is the one way in, for the command line and for pipelines. A folder whose `stage.json` is done under the
same fingerprint is left alone; one that was interrupted is taken up again; one made with other settings is refused,
or made anew where the caller owns the folder.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rlkd_data.chat.money.ledger import FILE as LEDGER
from rlkd_data.config import Settings
from rlkd_data.errors import InputError, ModelError
from rlkd_data.run.identity import STAGE_FILE, content_identity, read_stage
from rlkd_data.run.resources import BUNDLED, resource
from rlkd_data.schema import content_hash
from rlkd_data.tables import REJECTED

GROUP = "rlkd.stages"
_LONGEST_PATH = 1024


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


def settings_identity(settings: BaseModel) -> dict[str, Any]:
    """The settings that can change the output, as JSON values."""
    kept: dict[str, Any] = {}
    for name in _telling_fields(settings):
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            kept[name] = settings_identity(value)
        else:
            kept[name] = settings.model_dump(mode="json", include={name})[name]
    return kept


def _telling_fields(settings: BaseModel) -> Iterator[str]:
    """The names of the settings that can change the output (see `config.runtime`)."""
    for name, info in type(settings).model_fields.items():
        extra = info.json_schema_extra
        if not (isinstance(extra, dict) and extra.get("runtime")):
            yield name


def _input_paths(settings: BaseModel) -> Iterator[Path]:
    """Files and folders that the settings name and that exist; a `local:` model may be one."""
    for name in _telling_fields(settings):
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _input_paths(value)
            continue
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if not isinstance(item, (str, Path)):
                continue
            text = str(item).removeprefix("local:")
            if text in BUNDLED:
                yield resource(*BUNDLED[text])
            elif text and len(text) < _LONGEST_PATH and Path(text).exists():
                yield Path(text)


def fingerprint(spec: StageSpec, settings: Settings) -> str:
    """Names the output that a stage will make: of its settings, its inputs' content and its prompts'."""
    inputs = {str(i): content_identity(path) for i, path in enumerate(_input_paths(settings))}
    prompts = {name: content_identity(resource(name)) for name in spec.prompts}
    return content_hash(spec.name, settings_identity(settings), inputs, prompts)


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


def _write(out: Path, record: Mapping[str, Any]) -> None:
    temporary = out / f".{STAGE_FILE}.{os.getpid()}"
    temporary.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
    temporary.replace(out / STAGE_FILE)


def _forget(out: Path) -> None:
    """Of a stage that made nothing, nothing stays, so that the corrected command may have the same folder: rejected
    rows go (their replies are in the store), what it has spent is remembered."""
    files = [path for path in out.rglob("*") if not path.is_dir()]
    if any(path.name not in (STAGE_FILE, LEDGER) and path.parent != out / REJECTED for path in files):
        return
    shutil.rmtree(out / REJECTED, ignore_errors=True)
    (out / STAGE_FILE).unlink()
    if not (out / LEDGER).exists():
        shutil.rmtree(out)


def run_stage(spec: StageSpec, settings: Settings, out: Path, *, replace: bool = False) -> tuple[StageResult, bool]:
    """Make `out` what the settings say. Returns the result, and whether anything had to be done.

    `replace`: make the folder anew when other settings made it (a pipeline owns its folders). Without it that is an
    InputError, so that no command overwrites a table that somebody else made.
    """
    print_ = fingerprint(spec, settings)
    before = read_stage(out)
    if before is not None and before.get("fingerprint") == print_ and before.get("stage") == spec.name:
        if before.get("status") == "done":
            kept = before.get("result", {})
            return StageResult(kept.get("counts", {}), kept.get("figures", {}), kept.get("cost_usd")), False
    elif out.exists() and any(path.name != LEDGER for path in out.iterdir()):
        if before is None:
            raise InputError(f"{out} already holds files that no rlkd stage made: choose another folder for the output")
        if not replace:
            raise InputError(
                f"{out} was made by {before.get('stage')!r} with other settings or inputs: choose another --out, or "
                "remove that folder (stored replies are kept, so nothing is paid for twice)"
            )
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
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
        result = getattr(importlib.import_module(module), function)(settings, out)
    except (InputError, ModelError):
        _forget(out)
        raise
    _write(
        out,
        record
        | {
            "status": "done",
            "finished_at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "result": asdict(result),
        },
    )
    return result, True
