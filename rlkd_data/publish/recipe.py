"""How the tables were made, from their `stage.json`: in words, and as a pipeline that makes them again. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rlkd_data.config import Settings
from rlkd_data.config.base import groups
from rlkd_data.publish.render import code
from rlkd_data.run.resources import resource

_LOGIN = re.compile(r"(?<=//)[^/@\s]+@")
_LAST = re.compile(r"[/\\]")
_SAMPLING = {"temperature": "temperature", "top_p": "top-p", "max_tokens": "at most {} tokens", "seed": "seed"}


def told_settings(
    made_by: Mapping[str, Any], kinds: Mapping[str, type[Settings]], *, whole: bool = False
) -> dict[str, Any]:
    """The settings of a stage that can change what comes out: those that are not the defaults, or with `whole` all that
    are given. Paths are cut to their last name and logins left out: a card names no machine."""
    return _telling(made_by.get("settings") or {}, kinds.get(str(made_by.get("stage"))), None, whole)


def _telling(
    values: Mapping[str, Any], kind: type[Settings] | None, owner: Settings | None, whole: bool
) -> dict[str, Any]:
    """`owner` holds the defaults of a group, where whoever has the group sets its own."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        info = kind.model_fields.get(name) if kind else None
        if info is not None and isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("runtime"):
            continue
        default = getattr(owner, name, None) if owner is not None else None if info is None else info.default
        group = next(iter(groups(info.annotation)), None) if info is not None else None
        if group is not None and isinstance(value, dict):
            if nested := _telling(value, group, default if isinstance(default, Settings) else None, whole):
                found[name] = nested
            continue
        plain = [str(item) for item in default] if isinstance(default, tuple) else default
        differs = info is not None and value != plain
        if (differs and not whole) or (value not in (None, [], "", {}) and (whole or info is None)):
            found[name] = _told(value)
    return found


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_told(item) for item in value]
    if not isinstance(value, str):
        return value
    backend, sep, rest = value.partition(":") if value.startswith("local:") else ("", "", value)
    if rest.startswith(("/", "~", "./", "../")) or re.match(r"[A-Za-z]:\\", rest):
        return backend + sep + (_shipped(rest) or _LAST.split(rest)[-1])
    return _LOGIN.sub("", value)


def _shipped(path: str) -> str | None:
    parts = Path(path).parts[-3:]
    if len(parts) == 3 and parts[0] == "pipelines":
        try:
            resource(*parts)
        except FileNotFoundError:
            return None
        return "{shipped}/" + "/".join(parts)
    return None


def in_words(made_by: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What a stage did, in a sentence or two."""
    every = made_by.get("settings") or {}
    verb = made_by.get("stage")
    source = code(str(settings.get("source", "its source")).removeprefix("{shipped}/"))
    if verb == "collect" and every.get("teacher"):
        samples = every.get("samples", 1)
        text = (
            f"`collect` asked {code(settings['teacher'])} for {samples} trace{'s' if samples != 1 else ''} of each "
            f"problem of {source} ({sampling(every.get('sampling') or {})}) and verified the answers."
        )
    elif verb == "collect":
        text = f"`collect` read problems and traces from {source} as they stand there, and verified the answers."
    elif verb == "decompose" and settings.get("from_reference"):
        text = f"`decompose` imported the decompositions of {code(settings['from_reference'])} and checked them."
    elif verb == "decompose":
        prompt = f" with the {every['prompt']} prompt" if every.get("prompt") else ""
        text = (
            f"`decompose` asked {code(settings.get('annotator', 'an annotator'))} about each trace{prompt} "
            f"({sampling(every.get('sampling') or {})}), read the steps from the reply, checked them, and looked up "
            "where in the reasoning each stands."
        )
    else:
        given = ", ".join(f"{name} {code(value)}" for name, value in settings.items())
        text = f"`{verb}` ran with {given or 'its default settings'}."
    if verb == "collect" and every.get("limit"):
        first = int(every.get("offset") or 0) + 1
        text += f" Problems {first:,} to {first - 1 + every['limit']:,} alone were taken."
    if revision := every.get("revision"):
        text += f" Revision of the source: {code(revision)}."
    if server := settings.get("base_url"):
        text += f" The server was {code(server)}."
    return text + _when(made_by)


def sampling(settings: Mapping[str, Any]) -> str:
    """Sampling settings in words."""
    told = [
        words.format(settings[name]) if "{}" in words else f"{words} {settings[name]:g}"
        for name, words in _SAMPLING.items()
        if settings.get(name) is not None
    ]
    return ", ".join(told) or "sampling left to the server"


def _when(made_by: Mapping[str, Any]) -> str:
    date = str(made_by.get("finished_at") or "")[:10]
    version = (made_by.get("versions") or {}).get("rlkd")
    told = [part for part in (f"rlkd {version}" if version else "", date) if part]
    return f" ({', '.join(told)})" if told else ""


def as_pipeline(stages: Sequence[tuple[Path, Mapping[str, Any], Mapping[str, Any]]], name: str) -> str:
    """A pipeline's YAML that makes the tables again, from (folder, stage.json, told settings) in the order they were
    made. An input that is the output of another of the stages is named by it."""
    references = {str(folder): f"@{folder.name}" for folder, _, _ in stages}
    references |= {folder.name: f"@{folder.name}" for folder, _, _ in stages}
    document: dict[str, Any] = {"name": name, "workdir": f"runs/{name}", "stages": {}}
    for folder, made_by, settings in stages:
        own = {
            key: [references.get(str(item), references.get(Path(str(item)).name, item)) for item in value]
            if isinstance(value, list)
            else value
            for key, value in settings.items()
        }
        document["stages"][folder.name] = {"verb": made_by.get("stage"), **own}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120).rstrip()
