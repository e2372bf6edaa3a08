"""Where records come from: files here or at an address, a Hub data set, or a known set by its short name. Streamed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from rlkd_data.collect.adapters import by_name, by_record, world
from rlkd_data.collect.adapters.base import Adapter, Broken, Record
from rlkd_data.collect.adapters.mapped import mapped
from rlkd_data.collect.files import FILES, Located, read_files, read_remote
from rlkd_data.collect.hub import hub_license
from rlkd_data.collect.order import in_order
from rlkd_data.collect.stored import is_address
from rlkd_data.config import CollectSettings, WorldSettings
from rlkd_data.errors import InputError
from rlkd_data.run.progress import say
from rlkd_data.run.resources import resource


@dataclass(frozen=True)
class Known:
    """A set with a short name. `license` is what its publisher says; None where the Hub's card has to be asked."""

    hub: str
    adapter: str
    license: str | None
    config: str | None = None
    split: str = "train"


KNOWN = {
    "gsm8k": Known("openai/gsm8k", "gsm8k", "mit", "main"),
    "gsm8k-socratic": Known("openai/gsm8k", "gsm8k-socratic", "mit", "socratic"),
    "openr1-math": Known("open-r1/OpenR1-Math-220k", "openr1-math", "apache-2.0", "default"),
    "openthoughts": Known("open-thoughts/OpenThoughts-114k", "openthoughts", "apache-2.0", "metadata"),
    "s1k": Known("simplescaling/s1K", "s1k", None),
    "s1k-1.1": Known("simplescaling/s1K-1.1", "s1k", None),
    "limo": Known("GAIR/LIMO", "limo", None),
    # The split of MATH that openai/prm800k publishes, under that repository's licence.
    "math500": Known("HuggingFaceH4/MATH-500", "math500", "mit", split="test"),
    "prm800k": Known("tasksource/PRM800K", "prm800k", "mit"),
    # The problems are the MAA's; the cards say what they may be used for.
    "aime24": Known("HuggingFaceH4/aime_2024", "aime24", None),
    "aime25": Known("math-ai/aime25", "generic", None, split="test"),
    "amc23": Known("math-ai/amc23", "generic", None, split="test"),
}
SHIPPED = {"gsm8k-quickstart": ("gsm8k", ("pipelines", "data", "gsm8k_quickstart.jsonl"))}
_FIRST = 20
"""Records looked at to tell what the columns are: a row need not have them all."""
_TOLD = 3
"""Lines without a record that are told one by one."""


@dataclass(frozen=True)
class Source:
    """Records with what is known of all of them. `records` may be gone through once."""

    name: str
    records: Iterator[tuple[str, Record]]
    """(where the record stands, the record)"""
    adapter: Adapter
    license: str | None


def open_source(settings: CollectSettings) -> Source:
    """Open what `settings.source` names. Raises InputError in one line where it cannot be found, reached or read."""
    name = settings.source
    if settings.map and settings.adapter not in (None, "generic"):
        raise InputError(f"--map names the columns, and so does --adapter {settings.adapter}: leave one of them out")
    adapter = by_name(settings.adapter) if settings.adapter else None
    records, origin, license_, known = _opened(name, settings)
    adapter = adapter or (by_name(known) if known else None)
    kept = _strict(records) if settings.strict else _told(records)
    first = list(islice(kept, _FIRST))
    if not first:
        raise InputError(f"source {name!r} holds no rows")
    whole = [record for _, record in first if not isinstance(record, Broken)]
    if not whole:
        raise InputError(str(first[0][1].detail))  # type: ignore[attr-defined]
    if settings.map:
        adapter = mapped(settings.map, whole, f"source {name!r}")
    adapter = (adapter or by_record(whole[0], f"source {name!r}")).sparing()
    ordered = in_order(chain(first, kept), settings.shuffle, settings.sample)
    return Source(origin, islice(ordered, settings.offset, None), adapter, settings.license or license_)


def _opened(name: str, settings: CollectSettings) -> tuple[Located, str, str | None, str | None]:
    """The records of a source, what it is called, its licence and its adapter's name, where these are known."""
    path = Path(name).expanduser()
    if name == world.NAME:
        made = settings.world or WorldSettings(seed=settings.sampling.seed or 0)
        return world.records(made), name, world.LICENCE, world.NAME
    if settings.world is not None:
        raise InputError(f"the settings of a world go with the source world, not with {name!r}")
    if name in SHIPPED:
        shipped, parts = SHIPPED[name]
        return read_files(resource(*parts)), name, None, shipped
    if name in KNOWN:
        return _hub(KNOWN[name].hub, settings, KNOWN[name])
    if is_address(name):
        return read_remote(name), name, hub_license(name), None
    if path.exists():
        return read_files(path), path.name, None, None
    if name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith(FILES):
        return _hub(name, settings, _known(name, settings.config))
    close = difflib.get_close_matches(name, [*KNOWN, *SHIPPED, world.NAME], n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known short names: {', '.join([*KNOWN, *SHIPPED, world.NAME])}"
    raise InputError(f"no source {name!r}: no such file or folder, Hub data set id or short name; {hint}")


def _known(repo: str, config: str | None) -> Known | None:
    """The known set that a Hub id names: of several, that of the configuration."""
    found = [known for known in KNOWN.values() if known.hub.lower() == repo.lower()]
    return next((known for known in found if known.config == config), found[0] if found else None)


def _strict(records: Located) -> Located:
    for where, record in records:
        if isinstance(record, Broken):
            raise InputError(record.detail)
        yield where, record


def _told(records: Located) -> Located:
    """The same, and the first lines that hold no record are told; all of them are kept in `rejected/`."""
    broken = 0
    for where, record in records:
        if isinstance(record, Broken):
            broken += 1
            if broken <= _TOLD:
                say(f"{record.detail} (kept in rejected/, the rest goes on; --strict stops there)")
        yield where, record


def _hub(repo: str, settings: CollectSettings, known: Known | None) -> tuple[Located, str, str | None, str | None]:
    from rlkd_data.collect.hub import hub_rows

    config = settings.config or (known.config if known else None)
    split = settings.split or (known.split if known else "train")
    found = hub_rows(repo, config, split, settings.revision)
    license_ = (known.license if known else None) or found.license
    return found.records, found.origin, license_, known.adapter if known else None
