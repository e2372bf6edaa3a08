"""The rows of a JSON file, streamed, in whatever way they stand in it: a row a line, a list, a list in an object, or
objects one after another. The content says which, for endings do not: `.json` often holds lines, `.jsonl` a list."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import IO, Any

from rlkd_data.collect.adapters.base import Broken, Record
from rlkd_data.collect.stored import Stored, unpacked
from rlkd_data.errors import InputError

WRAPPERS = frozenset({"data", "dataset", "rows", "items", "records", "examples", "instances", "samples", "problems"})
"""What a list of rows is called in an object around it."""
_OF_A_ROW = frozenset({"problem", "question", "prompt", "instruction", "messages", "conversations"})
"""An object with one of these is a row, whatever else it holds."""
_HEAD = 1 << 16
"""Bytes that are looked at to tell how rows stand."""
_PIECE = 1 << 12
_BLANK = b" \t\r\n\xef\xbb\xbf"
_DEEPEST = 200
"""Lists and objects in one another; a file that goes deeper is not a table's."""
Path = tuple[str, ...]
"""Where rows stand in a file: the keys that lead to their list, which is `[]`; empty for rows one after another."""
_LIST = "[]"


def read_json(file: Stored) -> Iterator[tuple[str, Record]]:
    """(where, row) each. A line that holds none is a `Broken`, and the rest goes on; a list that breaks off raises
    InputError, for nobody can tell where its next row begins."""
    with unpacked(file) as stream:
        layout = _layout(_head(stream))
    return _lines(file) if layout is None else _nested(file, layout)


def _head(stream: IO[bytes]) -> bytes:
    """The first bytes, of a cut archive those before the cut: its rows are read as far as they go."""
    found = bytearray()
    try:
        while len(found) < _HEAD and (piece := stream.read(_PIECE)):
            found += piece
    except EOFError:
        pass
    return bytes(found)


def _layout(head: bytes) -> Path | None:
    """Where the rows stand; None where each is a line."""
    body = _Nulled(io.BytesIO(head)).read().lstrip(_BLANK)
    if body.startswith(b"["):
        return (_LIST,)
    first, _, rest = body.partition(b"\n")
    alone = _object(first)
    if not body.startswith(b"{") or (alone is not None and rest.strip(_BLANK)):
        return None
    events, goes_on = _events(body)
    found = _wrapped(events)
    if found is not None:
        return found
    # a line that is cut begins no JSON that goes on, as no text may hold a line break
    return () if alone is None and b"\n" in body and goes_on else None


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _events(body: bytes) -> tuple[list[tuple[str, Any]], bool]:
    """The events of the first bytes of a file, and whether they are JSON as far as they go."""
    import ijson

    found: Any = ijson.sendable_list()
    parser = ijson.basic_parse_coro(found, multiple_values=True)
    try:
        parser.send(body)
    except (ijson.JSONError, ArithmeticError, ValueError):
        return list(found), False
    return list(found), True


def _wrapped(events: list[tuple[str, Any]]) -> Path | None:
    """The way to a list of rows inside an object; None where there is none, or the object is a row itself."""
    at: list[str] = []
    found: Path | None = None
    for (event, value), (following, _) in pairwise(events):
        if event == "map_key" and len(at) == 1 and value in _OF_A_ROW:
            return None
        rows = event == "start_array" and following in ("start_map", "end_array")
        if rows and found is None and set(at) <= WRAPPERS:
            found = (*at, _LIST)
        _move(at, event, value)
    return found


def _move(at: list[str], event: str, value: Any) -> None:
    """Keep up with where in a file an event leaves us."""
    match event:
        case "map_key":
            at[-1] = value
        case "start_map" | "start_array":
            at.append(_LIST if event == "start_array" else "")
        case "end_map" | "end_array":
            at.pop()


LONGEST_LINE = 64 << 20
"""Bytes of one line: a packed file of a megabyte can hold one that memory does not."""


def _lines(file: Stored) -> Iterator[tuple[str, Record]]:
    with unpacked(file) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), b""), 1):
            where = f"{file.name}:{number}"
            if len(line) > LONGEST_LINE:
                raise InputError(f"{where} is longer than {LONGEST_LINE >> 20} MB: no row is; mend or remove that line")
            if line.strip(_BLANK):
                yield where, _read_line(line, where)


def _read_line(line: bytes, where: str) -> Record:
    try:
        found = json.loads(line.removeprefix(b"\xef\xbb\xbf"), parse_constant=lambda _: None)
    except UnicodeDecodeError as problem:
        said = f"{where} is not UTF-8 (byte 0x{line[problem.start]:02x}): convert the file to UTF-8"
    except (ValueError, RecursionError) as problem:
        said = f"{where} is not JSON: {problem}; mend or remove that line"
    else:
        if isinstance(found, dict):
            return _row(found)
        said = f"{where} is not a row of named columns but a {type(found).__name__}"
    return Broken(line.decode(errors="replace").strip(), said)


def _nested(
    file: Stored, path: Path, after: int = 0, reader: Callable[[IO[bytes]], _Unmarked] | None = None
) -> Iterator[tuple[str, Record]]:
    """The rows behind the first `after`."""
    import ijson

    with unpacked(file) as stream:
        rows = _built(ijson.basic_parse((reader or _Unmarked)(stream), multiple_values=True), list(path))
        number = 0
        while True:
            number += 1
            where = f"{file.name}:row {number}"
            try:
                found = next(rows, None)
            except (ijson.JSONError, ArithmeticError, ValueError) as problem:
                if reader is None and isinstance(problem, ijson.JSONError):
                    yield from _nested(file, path, number - 1, _Nulled)  # slower, so where it is needed alone
                    return
                said = " ".join(str(problem).split())[:200]
                raise InputError(f"{where} is not JSON: {said}; mend the file, for no row behind it is found") from None
            if found is None:
                return
            if number <= after:
                continue
            (record,) = found
            if isinstance(record, dict):
                yield where, _row(record)
            else:
                said = f"{where} is not a row of named columns but a {type(record).__name__}"
                yield where, Broken(json.dumps(record, default=str), said)


def _built(events: Iterator[tuple[str, Any]], path: list[str]) -> Iterator[tuple[Any]]:
    """What stands at a path, one by one. Not `ijson.items`, which spends memory on the square of a file's depth, nor
    its floats, with which it reads no integer of over 64 bits."""
    from ijson.common import ObjectBuilder

    at: list[str] = []
    row: Any = None
    elsewhere = ""
    for event, value in events:
        if elsewhere and event == "start_map":
            raise ValueError(
                f"rows stand in {'.'.join(path[:-1])!r}, and others in {elsewhere!r}: make a file of each list"
            )
        elsewhere = ""
        if row is None and event == "start_array" and len(path) > 1 and set(at) <= WRAPPERS and [*at, _LIST] != path:
            elsewhere = ".".join(at)
        if row is None and at == path and event not in ("end_array", "end_map"):
            row = ObjectBuilder()
        if row is not None:
            row.event(event, float(value) if isinstance(value, Decimal) else value)
        _move(at, event, value)
        if len(at) > _DEEPEST:
            raise ValueError(f"it goes deeper than {_DEEPEST} lists and objects in one another")
        if row is not None and at == path:
            yield (row.value,)
            row = None


def _row(found: dict[str, Any]) -> Record:
    """The row itself, where the Hub's viewer has put its number beside it."""
    inner = found.get("row")
    return inner if isinstance(inner, dict) and "row_idx" in found else found


class _Unmarked:
    """A stream without its byte order mark, that ijson reads."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._begun = stream, False

    def read(self, size: int = -1) -> bytes:
        found = self._stream.read(size)
        if not self._begun and size:
            self._begun, found = True, found.removeprefix(b"\xef\xbb\xbf")
        return found


_WORDS = re.compile(rb'"|\\.|-?(?:NaN|Infinity)', re.DOTALL)
_BEGUN = re.compile(rb"(?:\\+|[A-Za-z-]{1,9})\Z")
"""What may go on in the next piece of a stream."""


class _Nulled(_Unmarked):
    """A stream with null in place of each NaN and Infinity that is no part of a text: a value that is not there."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self._quoted, self._kept = False, b""

    def read(self, size: int = -1) -> bytes:
        if not size:
            return b""
        while True:
            piece = super().read(size)
            whole = self._kept + piece
            begun = _BEGUN.search(whole) if piece else None
            self._kept = begun[0] if begun else b""
            found = _WORDS.sub(self._word, whole.removesuffix(self._kept))
            if found or not piece:
                return found

    def _word(self, found: re.Match[bytes]) -> bytes:
        word = found[0]
        self._quoted ^= word == b'"'
        return word if self._quoted or word[:1] in b'"\\' else b"null"
