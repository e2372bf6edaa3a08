"""`rlkd-train publish`: a run's model to the Hub, or to the folder that would be pushed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError, TableError
from rlkd_data.publish import folder
from rlkd_data.publish.push import Hub
from rlkd_data.publish.secrets import in_text
from rlkd_data.report.runs import read_log
from rlkd_data.run.identity import read_stage
from rlkd_data.run.lock import held_for_reading
from rlkd_data.tables import count_rows, scan
from rlkd_train.publish.card import Run, card, charts

_TRAINING = ("sft", "gsrm", "grpo", "distill")
_ADAPTER = "adapter_config.json"
_TEXTS = (".json", ".jinja", ".txt", ".yaml")
_LARGEST_TEXT = 1 << 20


@dataclass(frozen=True)
class Publication:
    """How a model is published. `base` is the Hub's name of the model that was trained, where rlkd does not know it;
    `out` is the folder of a dry run."""

    repo_id: str
    licence: str | None
    private: bool = False
    revision: str | None = None
    base: str | None = None
    evaluations: tuple[Path, ...] = ()
    out: Path | None = None


def publish(run: Path, how: Publication) -> str:
    """Publish the model of a finished run with its card. Returns the commit's address, or the folder of a dry run.
    Raises InputError for a run that has not finished, and for a model that nobody else could load."""
    hub = Hub(how.repo_id, "model", how.revision)
    with held_for_reading(run):
        return _publish(run, how, hub)


def _publish(run: Path, how: Publication, hub: Hub) -> str:
    made_by = read_stage(run) or {}
    if made_by.get("stage") not in _TRAINING:
        raise InputError(f"{run} is no training run: give the folder that rlkd-train sft, gsrm, grpo or distill wrote")
    model = run / "model"
    if made_by.get("status") != "done" or not model.is_dir():
        raise InputError(f"{run}: training has not finished: run the same command again, then publish")
    if not how.licence:
        raise InputError(
            "a model is not published without a licence: say --license NAME (what its base model's terms and the "
            "licences of its data allow)"
        )
    adapter = model / _ADAPTER
    base = how.base or _hub_base(str(made_by["settings"]["model"]))
    if base is None and adapter.exists():
        raise InputError(
            f"{run} holds an adapter on {made_by['settings']['model']}, which the Hub does not know: nobody could load "
            "it; name the base with --base-model ORG/NAME"
        )
    found = Run(
        run.resolve().name,
        made_by,
        read_log(run),
        adapter.exists(),
        tuple(_tables(made_by)),
        tuple(_evaluations(how.evaluations)),
    )
    files = _files(model, found, base, how)
    if how.out is not None:
        folder.write(files, how.out)
        return str(how.out)
    message = f"Publish a model trained by rlkd-train {found.verb}"
    return hub.push(files, lambda _: [], message, private=how.private)


def _files(model: Path, run: Run, base: str | None, how: Publication) -> dict[str, Path | bytes]:
    assert how.licence is not None
    files: dict[str, Path | bytes] = {
        str(path.relative_to(model).as_posix()): path for path in sorted(model.rglob("*")) if path.is_file()
    }
    if run.adapter:
        config = json.loads((model / _ADAPTER).read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = base  # so that whoever loads the adapter finds it
        files[_ADAPTER] = (json.dumps(config, indent=2) + "\n").encode()
    files["README.md"] = card(how.repo_id, run, base, how.licence).encode()
    files |= {path: svg.encode() for path, (_, svg) in charts(run.log).items()}
    for name, content in files.items():
        if name.endswith((".md", *_TEXTS)) and (secret := in_text(_text(content))):
            raise InputError(
                f"{name} holds what looks like a {secret[0]} ({secret[1]}): take it out, then publish again"
            )
    return files


def _text(content: Path | bytes) -> str:
    if isinstance(content, bytes):
        return content.decode()
    return content.read_text(encoding="utf-8", errors="replace") if content.stat().st_size < _LARGEST_TEXT else ""


def _hub_base(model: str) -> str | None:
    from rlkd_data.chat.backends.models import KNOWN

    if model in KNOWN:
        return KNOWN[model].hub
    is_path = model.startswith((".", "/", "~")) or Path(model).exists()
    return model if model.count("/") == 1 and not is_path else None


def _tables(made_by: dict[str, Any]) -> Iterator[tuple[str, int, dict[tuple[str | None, str | None], int]]]:
    """The tables that the run read, those that are still there."""
    settings = made_by["settings"]
    for path in map(Path, [*(settings.get("traces") or ()), *(settings.get("decompositions") or ())]):
        try:
            names = scan(path).collect_schema().names()
        except TableError:
            continue
        origins: dict[tuple[str | None, str | None], int] = {}
        if {"source", "license"} <= set(names):
            grouped = scan(path).group_by("source", "license").len().sort("len", descending=True).collect()
            origins = {(source, licence): count for source, licence, count in grouped.rows()}
        yield path.name, count_rows(path), origins


def _evaluations(folders: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in folders:
        made_by = read_stage(path) or {}
        if made_by.get("stage") != "eval" or made_by.get("status") != "done":
            raise InputError(
                f"--eval {path}: no finished evaluation is there: give a folder that rlkd-train eval wrote"
            )
        yield path.resolve().name, made_by
