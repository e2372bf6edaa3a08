"""One adapter a data set: a record of its columns to a problem, and the traces that it carries."""

from __future__ import annotations

import difflib

from rlkd_data.collect.adapters.base import Adapter, Record
from rlkd_data.collect.adapters.chat import CHAT
from rlkd_data.collect.adapters.competition import AIME24, AIME24_CAPITALS, MATH500
from rlkd_data.collect.adapters.generic import GENERIC
from rlkd_data.collect.adapters.gsm8k import GSM8K, GSM8K_APART, GSM8K_SOCRATIC, GSM8K_STEPS
from rlkd_data.collect.adapters.guess import suggested
from rlkd_data.collect.adapters.limo import LIMO
from rlkd_data.collect.adapters.openr1_math import OPENR1_MATH
from rlkd_data.collect.adapters.openthoughts import OPENTHOUGHTS, OPENTHOUGHTS_CHAT
from rlkd_data.collect.adapters.s1k import S1K, S1K_11
from rlkd_data.collect.adapters.step_lists import CORRECT_STEPS, PRM800K, STEPS
from rlkd_data.collect.adapters.world import WORLD
from rlkd_data.errors import InputError

ADAPTERS: tuple[Adapter, ...] = (
    OPENR1_MATH,
    OPENTHOUGHTS,
    OPENTHOUGHTS_CHAT,
    S1K_11,
    S1K,
    PRM800K,
    CORRECT_STEPS,
    STEPS,
    GSM8K_STEPS,
    GSM8K_SOCRATIC,
    GSM8K,
    GSM8K_APART,
    MATH500,
    AIME24,
    AIME24_CAPITALS,
    CHAT,
    *GENERIC,
)
"""In the order in which a record is tried. LIMO and the world are not among them: the one's columns are anybody's, and
read alike, the other's records are made, never read from a file."""
_BY_NAME = {adapter.name: adapter for adapter in (*reversed(ADAPTERS), LIMO, WORLD)}


def by_name(name: str) -> Adapter:
    """Raises InputError naming the adapters that there are."""
    if name not in _BY_NAME:
        close = difflib.get_close_matches(name, _BY_NAME, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"unknown adapter {name!r}: {hint}(there are {', '.join(sorted(_BY_NAME))})")
    return _BY_NAME[name]


def by_record(record: Record, where: str) -> Adapter:
    """The adapter whose columns a record has. Raises InputError naming the columns and the adapters."""
    for adapter in ADAPTERS:
        if adapter.tells(record):
            return adapter
    flags = suggested(record)
    advice = f"they are most likely read with {flags}" if flags else "name the problem's with --map COLUMN=problem"
    raise InputError(
        f"{where}: no adapter reads the columns {', '.join(sorted(record))}: {advice}, or name an adapter with "
        f"--adapter ({', '.join(sorted(_BY_NAME))})"
    )
