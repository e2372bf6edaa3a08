"""`rlkd-data publish`: tables to a Hub data set, or to the folder that would be pushed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rlkd_data.errors import InputError
from rlkd_data.publish import folder
from rlkd_data.publish.card import card, charts
from rlkd_data.publish.content import Survey
from rlkd_data.publish.facts import Leak, survey
from rlkd_data.publish.found import Found, find, held_folders, pipelines
from rlkd_data.publish.plan import Config, columns_differ, parse_splits, plan, stale
from rlkd_data.publish.push import Hub, There
from rlkd_data.publish.refusals import refuse_licences, refuse_secrets, refuse_unlicensed_tables
from rlkd_data.publish.secrets import in_text, unsought
from rlkd_data.run.lock import held_for_reading
from rlkd_data.run.progress import say, tally
from rlkd_data.run.stage import registry

_LEAKS = 20
"""Finds that are kept: the first is told, the rest counted."""


@dataclass(frozen=True)
class Publication:
    """How tables are published. `out` is the folder of a dry run; without one they are pushed."""

    repo_id: str
    private: bool = False
    revision: str | None = None
    allowed: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    out: Path | None = None


def publish(paths: Sequence[Path], how: Publication) -> str:
    """Publish the tables of the folders. Returns the address of the commit, or the folder of a dry run. Raises
    InputError for what must not be published, before anything is uploaded."""
    hub = Hub(how.repo_id, "dataset", how.revision)
    with ExitStack() as held:
        for path in held_folders(paths):
            held.enter_context(held_for_reading(path))
        return _publish(hub, find(paths), how)


def _publish(hub: Hub, tables: Sequence[Found], how: Publication) -> str:
    configs = plan(tables, parse_splits(how.splits))
    facts = _survey(configs, how)
    there = There()
    if how.out is None:
        there = hub.look()
        _refuse_other_columns(hub, there, configs)
    files = _files(configs, facts, how, pipelines(tables), there)
    if how.out is not None:
        folder.write(files, how.out)
        return str(how.out)
    rows = sum(found.rows for _, found in facts.parts)
    return hub.push(files, lambda held: stale(configs, held), f"Publish {rows:,} rows with rlkd", private=how.private)


def _survey(configs: Sequence[Config], how: Publication) -> Survey:
    leaks: list[Leak] = []
    more = 0

    def leak(found: Leak) -> None:
        nonlocal more
        if len(leaks) < _LEAKS:
            leaks.append(found)
        else:
            more += 1

    for name in unsought():
        say(f"{name} holds a plain word, which may stand in any text: it is not looked for")
    with tally("read") as progress:
        parts = tuple(
            (part, survey(part.table, leak, lambda rows: progress.advance(count=rows)))
            for config in configs
            for part in config.parts
        )
    pairs = [(part.table, facts) for part, facts in parts]
    refuse_licences(pairs, how.allowed)
    refuse_unlicensed_tables(pairs)
    refuse_secrets(leaks, more)
    return Survey(parts)


def _refuse_other_columns(hub: Hub, there: There, configs: Sequence[Config]) -> None:
    """A configuration that people load keeps its columns. Raises InputError where the Hub's has others."""
    for config in configs:
        path = next((p for p in there.files if p.startswith(f"{config.name}/") and p.endswith(".parquet")), None)
        if path is None or there.head is None:
            continue
        if difference := columns_differ(hub.columns(path, there.head), config.schema):
            raise InputError(
                f"{hub.repo_id} has a configuration {config.name!r} with other columns: {difference} (Hub, here); "
                "publish to another --repo-id or --revision, or remove it there"
            )


def _files(
    configs: Sequence[Config], facts: Survey, how: Publication, texts: dict[str, str], there: There
) -> dict[str, Path | bytes]:
    files: dict[str, Path | bytes] = {}
    kinds = {name: spec.settings for name, spec in registry().items()}
    text = card(how.repo_id, configs, facts, languages=how.languages, kinds=kinds, pipelines=texts, kept=there.configs)
    small = {"README.md": text} | {path: svg for path, (_, svg) in charts(facts).items()}
    small |= {f"pipelines/{name}.yaml": yaml for name, yaml in texts.items()}
    for name, content in small.items():
        if secret := in_text(content):
            raise InputError(
                f"{name} would show what looks like a {secret[0]} ({secret[1]}): take it out of the settings"
            )
        files[name] = content.encode()
    for config in configs:
        for part in config.parts:
            files.update(part.files())
    return files
