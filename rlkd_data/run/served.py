"""Which model was it: one model's replies are never taken for another's of the same name.

A server of one's own can be started anew with other weights under the name that it had, and neither the name nor what
it says of itself has to change: vLLM's `root` is a folder, which a training run may have written anew. So what such a
model says is kept under the `--out` that it was asked for, unless the user says which version it is, or that stored
replies are to be taken (`reuse`). `asked.json` in the folder says what was asked, and by which word its replies are
found again; a server that says it is another by then is refused.

Of a model that is evaluated that holds behind every address but a provider's own; of those that annotate and judge,
behind a server of one's own (`own_cards`), for what a gateway's model said was paid for by the token.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rlkd_data.chat.backends.served import cards, own_cards, servers
from rlkd_data.chat.money.estimate import SAMPLE
from rlkd_data.config import ChatSettings, JudgeSettings
from rlkd_data.errors import InputError
from rlkd_data.files import write_whole
from rlkd_data.run.stage import ASKED

Settings = TypeVar("Settings", bound=ChatSettings)
Told = dict[str, Any]
_FOR = "asked for one evaluation:"
"""Before the word by which the replies of a folder are found again."""
_LENGTH = "max_model_len"
"""What a server may be started anew with for the same weights."""


async def judge_apart(
    settings: JudgeSettings, out: Path | None, *, reuse: bool = False, role: str = "judge", like: Path | None = None
) -> tuple[JudgeSettings, Told]:
    """The same for a judge; one that is no chat model is what it is."""
    if not settings.kind.startswith("llm"):
        return settings, {}
    return await helper_apart(role, settings.model, settings, out, reuse=reuse or settings.reuse, like=like)


async def helper_apart(
    role: str, name: str, settings: Settings, out: Path | None, *, reuse: bool, like: Path | None = None
) -> tuple[Settings, Told]:
    """The same for one that annotates, judges or takes apart. Without an `out` its replies are kept for this process.
    `like` is a folder whose replies are gone on with, where they are of the model that is there now."""
    if SAMPLE.get() is not None or not servers(name, settings):
        return settings, {}
    now = await own_cards(name, settings)
    return _known(role, name, settings, now, out, reuse=reuse, like=like) if now else (settings, {})


async def apart(role: str, name: str, settings: Settings, out: Path, *, reuse: bool) -> tuple[Settings, Told]:
    """The settings by which `name` is asked for `out`, and what is told of who it is: nothing of a model that is named
    by its weights, or by its provider. Raises InputError where the folder's replies are of another model."""
    if not servers(name, settings):
        return settings, {}
    return _known(role, name, settings, await cards(name, settings), out, reuse=reuse)


def _known(
    role: str,
    name: str,
    settings: Settings,
    now: Mapping[str, dict[str, Any] | None],
    out: Path | None,
    *,
    reuse: bool,
    like: Path | None = None,
) -> tuple[Settings, Told]:
    kept = _read(out) if out is not None else {}
    before = _of(role, name, kept)
    if before is not None and (changed := _changed(before, now)) is not None:
        url, told = changed
        raise InputError(
            f"{name} at {url} is another model by now ({told}), and {out} has replies of the first: choose another "
            "--out"
        )
    if before is None and like is not None:
        before = _of(role, name, _read(like))
        before = None if before is None or _changed(before, now) is not None else before
    word = settings.model_version
    if word is None and not reuse:
        word = (before or {}).get("replies") or f"{_FOR} {secrets.token_hex(8)}"
    if out is not None:
        kept[role] = {"name": name, "version": settings.model_version, "servers": dict(now), "replies": word}
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


def _of(role: str, name: str, kept: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was kept of the model in this role, if it was of this name."""
    found = kept.get(role)
    return found if found is not None and found.get("name") == name else None


def _changed(before: Mapping[str, Any], now: Mapping[str, Mapping[str, Any] | None]) -> tuple[str, str] | None:
    """(address, what it says) of the first server that says it is another than before."""
    servers_then = before.get("servers") or {}
    for url, card in now.items():
        then = servers_then.get(url)
        if card is None or not isinstance(then, dict):
            continue
        for field in sorted((card.keys() & then.keys()) - {_LENGTH}):
            if card[field] != then[field]:
                return url, f"{field} {card[field]!r}, before {then[field]!r}"
    return None
