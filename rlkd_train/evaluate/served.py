"""Which model was it: one model's replies are never taken for another's of the same name.

A server of one's own can be started anew with other weights under the name that it had, and neither the name nor what
it says of itself has to change: vLLM's `root` is a folder, which a training run may have written anew. So what such a
model says is kept under the `--out` that it was asked for, unless the user says which version it is, or that stored
replies are to be taken (`reuse`). `asked.json` in the folder says what was asked, and by which word its replies are
found again; a server that says it is another by then is refused.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rlkd_data.chat.backends.served import cards, servers
from rlkd_data.chat.money.estimate import SAMPLE
from rlkd_data.config import ChatSettings, JudgeSettings
from rlkd_data.errors import InputError
from rlkd_data.files import write_whole
from rlkd_data.run.stage import ASKED
from rlkd_train.config import EvalSettings

Settings = TypeVar("Settings", bound=ChatSettings)
Told = dict[str, Any]


async def evaluation_apart(settings: EvalSettings, out: Path) -> tuple[EvalSettings, Told]:
    """(the settings by which the model, the GSRM and the judges are asked, what is told of who they are, by role)."""
    if SAMPLE.get() is not None:  # an estimate
        return settings, {}
    own, told = await apart("model", settings.model, settings, out, reuse=settings.reuse)
    changed: dict[str, Any] = {}
    if (structure := settings.structure) is not None:
        structure, gsrm = await apart("gsrm", structure.gsrm, structure, out, reuse=settings.reuse)
        judge, judged = await judge_apart(structure.judge, out, reuse=settings.reuse)
        changed["structure"] = structure.model_copy(update={"judge": judge})
        told |= gsrm | judged
    if settings.paths is not None:
        changed["paths"], judged = await judge_apart(settings.paths, out, reuse=settings.reuse, role="judge of paths")
        told |= judged
    return own.model_copy(update=changed), told


async def judge_apart(
    settings: JudgeSettings, out: Path, *, reuse: bool, role: str = "judge"
) -> tuple[JudgeSettings, Told]:
    """The same for a judge; one that is no chat model is what it is."""
    if not settings.kind.startswith("llm"):
        return settings, {}
    return await apart(role, settings.model, settings, out, reuse=reuse)


async def apart(role: str, name: str, settings: Settings, out: Path, *, reuse: bool) -> tuple[Settings, Told]:
    """The settings by which `name` is asked for `out`, and what is told of who it is: nothing of a model that is named
    by its weights, or by its provider. Raises InputError where the folder's replies are of another model."""
    if not servers(name, settings):
        return settings, {}
    now = await cards(name, settings)
    kept = _read(out)
    before = kept.get(role)
    if before is not None:
        _check(name, before.get("servers") or {}, now, out)
    word = settings.model_version
    if word is None and not reuse:
        word = (before or {}).get("replies") or f"asked for one evaluation: {secrets.token_hex(8)}"
    kept[role] = {"name": name, "version": settings.model_version, "servers": now, "replies": word}
    _write(out, kept)
    return settings.model_copy(update={"model_version": word}), {f"{role} is": in_words(name, settings, now)}


def in_words(name: str, settings: ChatSettings, now: Mapping[str, Mapping[str, Any] | None]) -> str:
    """Who a served model is, as far as that is known."""
    said = [f"version {settings.model_version}"] if settings.model_version is not None else []
    for url, card in now.items():
        facts = ", ".join(f"{field} {value}" for field, value in (card or {}).items() if field in ("root", "parent"))
        said.append(f"at {url}" + (f" ({facts})" if facts else ""))
    return f"{name} {', '.join(said)}"


def _write(out: Path, kept: Mapping[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / ASKED, json.dumps(kept, indent=2) + "\n")


def _read(out: Path) -> dict[str, Any]:
    try:
        found = json.loads((out / ASKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(one, dict) for one in found.values()) else {}


def _check(name: str, before: Mapping[str, Any], now: Mapping[str, Any], out: Path) -> None:
    """Raise InputError for the first server that says it is another than before."""
    for url, card in now.items():
        then = before.get(url)
        if card is None or not isinstance(then, dict):
            continue
        for field in sorted(card.keys() & then.keys()):
            if card[field] != then[field]:
                raise InputError(
                    f"{name} at {url} is another model by now ({field} {card[field]!r}, before {then[field]!r}), and "
                    f"{out} has replies of the first: choose another --out"
                )
