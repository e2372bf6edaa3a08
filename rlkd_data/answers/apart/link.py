"""Two processes that call each other's objects through one socket. Standard library only: this runs in the sandbox.

A call waits for its answer, and serves what the other side asks meanwhile, so calls nest and never cross. An object of
the other side is a `Theirs`. What `deal` allows is all that the other side can do with an object of this side.
"""

from __future__ import annotations

import builtins
import importlib
import json
import operator
import socket
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rlkd_data.answers.apart.values import Packed, contents, is_mutable, pack, renew, unpack

LONGEST = 64 << 20
"""Bytes of one message."""


class Gone(BaseException):
    """The other process has ended."""


class Garbled(BaseException):
    """The other process has sent what is no message."""


class Link:
    """One end. `deal(what, given, named)` does what the other side asks for. `name(value)` gives the packed name of an
    object that stays here; by default `keep` does."""

    def __init__(self, line: socket.socket, deal: Callable[[str, list[Any], dict[str, Any]], Any]) -> None:
        self._line, self._deal = line, deal
        self._kept: dict[int, tuple[int, Any]] = {}
        self.kept: list[Any] = []
        self.name: Callable[[Any], Packed] = self.keep
        self.error: Callable[[list[str], str], BaseException] = rebuilt_error

    def keep(self, value: Any) -> Packed:
        """An object that stays here, by a number that the other side can name it by."""
        number, _ = self._kept.setdefault(id(value), (len(self.kept), value))
        if number == len(self.kept):
            self.kept.append(value)
        return {"is": "later" if isinstance(value, types.CoroutineType) else "yours", "of": number}

    def ask(self, what: str, *given: Any, **named: Any) -> Any:
        """Have the other side do something. Raises what it raised, Gone, or Garbled."""
        self._send({"do": what, "given": self.pack(list(given)), "named": self.pack(named)})
        while True:
            message = self._receive()
            if "do" in message:
                self._serve(message)
                continue
            try:
                if "error" in message:
                    failed = self.error([str(one) for one in message["error"]], str(message.get("text")))
                else:
                    for number, new in message.get("new", []):
                        renew(given[number], self.unpack(new))
                    return self.unpack(message["value"])
            except (Gone, Garbled):
                raise
            except Exception as problem:
                raise Garbled(f"{type(problem).__name__}: {problem}") from None
            raise failed

    def serve(self) -> None:
        """Do what the other side asks for, until it leaves."""
        while True:
            try:
                message = self._receive()
            except Gone:
                return
            self._serve(message)

    def pack(self, value: Any) -> Packed:
        return pack(value, self._named)

    def unpack(self, value: Packed) -> Any:
        return unpack(value, self._object)

    def _named(self, value: Any) -> Packed:
        place = _places.get(id(value))
        return {"is": "mine", "of": place.number} if place is not None and place.link is self else self.name(value)

    def _object(self, found: dict[str, Any]) -> Any:
        if found["is"] == "mine":
            return self.kept[int(found["of"])]
        if found["is"] not in ("yours", "later"):
            raise ValueError("an unknown kind of value")
        other = theirs(self, int(found["of"]))
        return _awaited(other) if found["is"] == "later" else other

    def _serve(self, message: dict[str, Any]) -> None:
        try:
            given, named = self.unpack(message["given"]), self.unpack(message["named"])
            before = [self.pack(one) if is_mutable(one) else None for one in given]
            value = self._deal(message["do"], given, named)
            new = [
                [number, after]
                for number, one in enumerate(given)
                if is_mutable(one) and (after := self.pack(one)) != before[number]
            ]
            answer = {"value": self.pack(value), "new": new}
        except (Gone, Garbled):
            raise
        except BaseException as problem:
            kinds = [kind.__name__ for kind in type(problem).__mro__]
            answer = {"error": kinds, "text": _text(problem)}
        self._send(answer)

    def _send(self, message: dict[str, Any]) -> None:
        raw = json.dumps(message).encode()
        try:
            self._line.sendall(len(raw).to_bytes(4, "big") + raw)
        except OSError as problem:
            raise Gone(str(problem)) from None

    def _receive(self) -> dict[str, Any]:
        size = int.from_bytes(self._bytes(4), "big")
        if size > LONGEST:
            raise Garbled(f"a message of {size} bytes")
        try:
            message = json.loads(self._bytes(size))
        except (ValueError, RecursionError) as problem:
            raise Garbled(str(problem)) from None
        if not isinstance(message, dict):
            raise Garbled("no object")
        return message

    def _bytes(self, size: int) -> bytes:
        held = bytearray()
        while len(held) < size:
            try:
                piece = self._line.recv(min(size - len(held), 1 << 20))
            except OSError as problem:
                raise Gone(str(problem)) from None
            if not piece:
                raise Gone("it has ended")
            held += piece
        return bytes(held)


@dataclass(frozen=True, slots=True)
class _Place:
    link: Link
    number: int
    made: bool
    it: Any


_places: dict[int, _Place] = {}
"""Where each `Theirs` is, by its id here. Outside of it, for all of its attributes are theirs."""
_known: dict[tuple[int, int, bool], Any] = {}
classes: set[int] = set()
"""The ids here of those that are classes."""
doubts: list[str] = []
"""What only the other side could vouch for, and was not asked to prove."""


def theirs(link: Link, number: int, made: bool = False) -> Any:
    """The one object here that stands for the other side's object of that number. `made`: this side has called a class
    for it; it came as no result."""
    key = (id(link), number, made)
    if key not in _known:
        it = _known[key] = Theirs()
        _places[id(it)] = _Place(link, number, made, it)
    return _known[key]


def _ask(it: Any, what: str, *given: Any, **named: Any) -> Any:
    return _places[id(it)].link.ask(what, it, *given, **named)


def _as_made(found: Any) -> Any:
    place = _places.get(id(found))
    return found if place is None else theirs(place.link, place.number, True)


async def _awaited(it: Any) -> Any:
    return _ask(it, "run")


class Theirs:
    """An object of the other process. It is compared with a plain value by what it holds, here, where its class is
    built on one of Python's own types; with no other is it equal. The same holds for sums, order and membership with a
    plain value: its own class would be told what is expected of it, and could say that it is so. Where this side has
    made the object of a class, it is asked, but that is a doubt."""

    elsewhere = True

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name) if name == "__class__" else _ask(self, "getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delattr", name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        found = _ask(self, "call", *given, **named)
        return _as_made(found) if id(self) in classes else found

    def __iter__(self) -> Iterator[Any]:
        iterator = _ask(self, "iter")
        while True:
            found = _ask(iterator, "next")
            if not found:
                return
            yield found[0]

    def __next__(self) -> Any:
        found = _ask(self, "next")
        if not found:
            raise StopIteration
        return found[0]

    def __contains__(self, value: Any) -> bool:
        if _places[id(self)].made:
            doubts.append("contains")
            return bool(_ask(self, "contains", value))
        return any(one is value or one == value for one in self)

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, Theirs):
            return self is other or bool(_ask(self, "eq", other))
        held = _ask(self, "contents")
        return held is not None and not isinstance(held, Theirs) and bool(held == other)

    def __ne__(self, other: Any) -> bool:
        return bool(_ask(self, "ne", other)) if isinstance(other, Theirs) else not self == other

    def __hash__(self) -> int:
        return int(_ask(self, "hash"))

    def __instancecheck__(self, value: Any) -> bool:
        return bool(_ask(self, "isinstance", value))

    def __subclasscheck__(self, kind: Any) -> bool:
        return bool(_ask(self, "issubclass", kind))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __enter__(self) -> Any:
        return _ask(self, "enter")

    def __exit__(self, *problem: Any) -> None:
        _ask(self, "exit")


def _one(what: str) -> Callable[[Any], Any]:
    return lambda self: _ask(self, what)


def _two(what: str, order: int) -> Callable[[Any, Any], Any]:
    def operate(self: Any, other: Any) -> Any:
        place = _places[id(self)]
        if isinstance(other, Theirs) or place.made:
            if not isinstance(other, Theirs):
                doubts.append(what)
            found = place.link.ask(what, *(self, other)[::order])
            return _as_made(found) if place.made else found
        held = _ask(self, "contents")
        if held is None or isinstance(held, Theirs):
            raise TypeError(f"{what} of an object of the program and a {type(other).__name__}")
        return getattr(operator, what)(*(held, other)[::order])

    return operate


def _item(what: str) -> Callable[..., Any]:
    return lambda self, *given: _ask(self, what, *given)


BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "lshift", "rshift")
ORDER = ("lt", "le", "gt", "ge")
UNARY = ("neg", "pos", "abs", "invert")
PLAIN = ("bool", "len", "str", "repr", "int", "float", "complex", "index", "reversed")
for _name in (*UNARY, *PLAIN):
    setattr(Theirs, f"__{_name}__", _one(_name))
for _name in BINARY:
    setattr(Theirs, f"__{_name.rstrip('_')}__", _two(_name, 1))
    setattr(Theirs, f"__r{_name.rstrip('_')}__", _two(_name, -1))
for _name in ORDER:
    setattr(Theirs, f"__{_name}__", _two(_name, 1))
for _name in ("getitem", "setitem", "delitem", "round"):
    setattr(Theirs, f"__{_name}__", _item(_name))

WAYS: dict[str, Callable[..., Any]] = {
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "call": lambda it, *given, **named: it(*given, **named),
    "iter": iter,
    "next": lambda it: next(([one] for one in it), []),
    "hash": hash,
    "isinstance": lambda kind, value: isinstance(value, kind),
    "issubclass": lambda kind, value: issubclass(value, kind),
    "contents": contents,
    "contains": operator.contains,
    "round": round,
    "run": lambda it: importlib.import_module("asyncio").run(it),
    "enter": lambda it: it.__enter__(),
    "exit": lambda it: it.__exit__(None, None, None),
    **{name: getattr(builtins, name) for name in PLAIN if name != "index"},
    **{name: getattr(operator, name) for name in ("eq", "ne", "index", "getitem", "setitem", "delitem")},
    **{name: getattr(operator, name) for name in (*BINARY, *ORDER, *UNARY)},
}
"""What can be done with an object of the other side."""


def rebuilt_error(kinds: list[str], text: str) -> BaseException:
    """The error that the other side raised, as the nearest one of Python's own."""
    for name in kinds:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            try:
                return kind(text)
            except TypeError:  # UnicodeDecodeError takes five
                continue
    return RuntimeError(text)


def _text(problem: BaseException) -> str:
    try:
        return str(problem)
    except Exception:
        return type(problem).__name__
