"""One adapter a data set: a record of its columns to a problem, and the trace that it carries."""

from __future__ import annotations

from collections.abc import Iterable

from rlkd_data.collect.adapters.base import Adapter
from rlkd_data.collect.adapters.generic import GENERIC
from rlkd_data.collect.adapters.gsm8k import GSM8K, GSM8K_SOCRATIC
from rlkd_data.collect.adapters.openr1_math import OPENR1_MATH
from rlkd_data.collect.adapters.openthoughts import OPENTHOUGHTS, OPENTHOUGHTS_CHAT
from rlkd_data.errors import InputError

ADAPTERS: tuple[Adapter, ...] = (OPENR1_MATH, OPENTHOUGHTS, OPENTHOUGHTS_CHAT, GSM8K_SOCRATIC, *GENERIC)
"""In the order in which columns are tried. GSM8K is not among them: `question` and `answer` say too little."""
_BY_NAME = {adapter.name: adapter for adapter in (*ADAPTERS, GSM8K)}


def by_name(name: str) -> Adapter:
    """Raises InputError naming the adapters that there are."""
    if name not in _BY_NAME:
        raise InputError(f"unknown adapter {name!r} (there are: {', '.join(sorted(_BY_NAME))})")
    return _BY_NAME[name]


def by_columns(columns: Iterable[str], where: str) -> Adapter:
    """The adapter whose columns these are. Raises InputError naming the columns and the adapters."""
    found = set(columns)
    for adapter in ADAPTERS:
        if adapter.needs <= found:
            return adapter
    raise InputError(
        f"{where}: no adapter reads the columns {', '.join(sorted(found))}: name one with --adapter "
        f"({', '.join(sorted(_BY_NAME))}), or rename the problem's column to `problem`"
    )
