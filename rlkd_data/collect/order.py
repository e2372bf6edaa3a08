"""A source's records in a random order, or a random part of them: the same for a seed on every machine and run.

Each record draws a number from the seed and its place in the source. A sample is the records of the smallest numbers, a
shuffle the order of the numbers: so a larger sample holds the smaller one, whose replies are paid for, and
`--shuffle S --limit N` takes what `--shuffle S --sample N` takes. Records wait in a file; memory holds their numbers.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from rlkd_data.collect.adapters.base import Broken, Record

Located = tuple[str, Record]
_IN_MEMORY = 1 << 24
"""Bytes of records from which on they wait on the disk."""


def in_order(records: Iterable[Located], shuffle: int | None, sample: int | None) -> Iterator[Located]:
    """The records as asked: `sample` of them by the seed `shuffle` or 0, in the source's order unless there is a
    `shuffle`. With neither, as they come; otherwise all are read before the first is given."""
    if shuffle is None and sample is None:
        yield from records
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as waiting:
        places = _drawn(records, shuffle or 0, sample, waiting)
        places.sort(key=lambda drawn: drawn[0 if shuffle is not None else 1])
        for _, _, offset in places:
            waiting.seek(offset)
            where, record, detail = json.loads(waiting.readline())
            yield where, record if detail is None else Broken(record["line"], detail)


def _drawn(records: Iterable[Located], seed: int, sample: int | None, waiting: IO[bytes]) -> list[tuple[int, int, int]]:
    """Of each record that is taken its number, its place in the source, and where it waits."""
    taken: list[tuple[int, int, int]] = []  # with a sample a heap, the largest number first
    for place, (where, record) in enumerate(records):
        number = int.from_bytes(hashlib.blake2b(f"{seed} {place}".encode(), digest_size=8).digest())
        if sample is not None and len(taken) == sample and -number <= taken[0][0]:
            continue
        offset = waiting.seek(0, 2)
        detail = record.detail if isinstance(record, Broken) else None
        waiting.write(json.dumps([where, record, detail], default=str).encode() + b"\n")
        if sample is None:
            taken.append((number, place, offset))
        elif len(taken) < sample:
            heapq.heappush(taken, (-number, place, offset))
        else:
            heapq.heapreplace(taken, (-number, place, offset))
    return taken if sample is None else [(-number, place, offset) for number, place, offset in taken]
