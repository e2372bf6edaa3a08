"""Values as JSON and back. A value of Python's own types goes over as a copy, without anything that its class says;
whatever else is an object that stays where it is, and goes over as a name for it. Standard library only: this runs in
the sandbox."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import importlib
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

Packed = Any
"""A JSON value: null, true, a number, a text and a list stand for themselves, `{"is": kind, …}` for the rest."""
_LARGE = 1 << 53
_MUTABLE = (list, dict, set, bytearray, collections.deque)
_LISTED = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
}
_WRITTEN: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "bytearray": (bytearray, bytearray.hex, bytearray.fromhex),
    "complex": (complex, lambda it: [it.real, it.imag], lambda parts: complex(*parts)),
    "decimal": (decimal.Decimal, str, decimal.Decimal),
    "fraction": (
        fractions.Fraction,
        lambda it: [hex(it.numerator), hex(it.denominator)],
        lambda parts: fractions.Fraction(int(parts[0], 16), int(parts[1], 16)),
    ),
    "range": (range, lambda it: [it.start, it.stop, it.step], lambda parts: range(*parts)),
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "timedelta": (
        datetime.timedelta,
        lambda it: [it.days, it.seconds, it.microseconds],
        lambda parts: datetime.timedelta(*parts),
    ),
}
_GIVEN = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType)
_BY_TYPE = {kind: (name, write) for name, (kind, write, _) in _WRITTEN.items()}
_MAPPINGS = {"dict": dict, "OrderedDict": collections.OrderedDict, "Counter": collections.Counter}
_CONTENTS: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: lambda it: bytes(bytes.__iter__(it)),
    bytearray: lambda it: bytearray(bytearray.__iter__(it)),
    list: lambda it: list(list.__iter__(it)),
    tuple: lambda it: tuple(tuple.__iter__(it)),
    dict: lambda it: dict(dict.items(it)),
    set: lambda it: set(set.__iter__(it)),
    frozenset: lambda it: frozenset(frozenset.__iter__(it)),
    collections.deque: lambda it: collections.deque(collections.deque.__iter__(it)),
}


def pack(value: Any, name: Callable[[Any], Packed]) -> Packed:  # noqa: PLR0911 - a kind each
    """A value as JSON; `name` gives what stands for an object that cannot go over."""
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return value
    if kind is int:
        return value if -_LARGE < value < _LARGE else {"is": "int", "of": hex(value)}
    if kind is list:
        return [pack(one, name) for one in value]
    for known, listed in _LISTED.items():
        if kind is listed:
            return {"is": known, "of": [pack(one, name) for one in value]}
    if kind in _MAPPINGS.values() or kind is collections.defaultdict:
        known = kind.__name__ if kind.__name__ in _MAPPINGS else "dict"
        return {"is": known, "of": [[pack(key, name), pack(one, name)] for key, one in value.items()]}
    if kind in _BY_TYPE:
        known, write = _BY_TYPE[kind]
        return {"is": known, "of": write(value)}
    if kind.__module__ == "numpy" and (plain := getattr(value, "tolist", None)) is not None:
        return {"is": "numpy", "of": pack(plain(), name), "type": str(value.dtype), "shape": list(value.shape)}
    if not getattr(kind, "elsewhere", False) and (place := _place(value)) is not None:
        return {"is": "global", "of": place}
    return name(value)


def unpack(found: Packed, object_: Callable[[dict[str, Any]], Any]) -> Any:  # noqa: PLR0911 - a kind each
    """The inverse; `object_` gives what a name stands for. Raises whatever broken JSON raises: ValueError, TypeError,
    KeyError, and so on."""
    if isinstance(found, list):
        return [unpack(one, object_) for one in found]
    if not isinstance(found, dict):
        return found
    kind = found["is"]
    if kind == "int":
        return int(found["of"], 16)
    if kind in _LISTED:
        return _LISTED[kind](unpack(one, object_) for one in found["of"])
    if kind in _MAPPINGS:
        return _MAPPINGS[kind]({unpack(key, object_): unpack(one, object_) for key, one in found["of"]})
    if kind in _WRITTEN:
        return _WRITTEN[kind][2](found["of"])
    if kind == "numpy":
        numpy: Any = importlib.import_module("numpy")
        made = numpy.array(unpack(found["of"], object_), dtype=found["type"]).reshape(found["shape"])
        return made if found["shape"] else made[()]
    if kind == "global":
        return _at(*found["of"])
    return object_(found)


def contents(value: Any) -> Any:
    """What an object of a class that builds on one of Python's own types holds, as a value of that type; None for any
    other."""
    for base, read in _CONTENTS.items():
        if isinstance(value, base):
            return read(value)
    return None


def renew(mine: Any, theirs: Any) -> None:
    """Make a list, a dict or a set what the other process has made of its copy, in place."""
    if isinstance(mine, list) and isinstance(theirs, list):
        for number, new in enumerate(theirs[: len(mine)]):
            if type(mine[number]) is type(new) and isinstance(new, _MUTABLE):
                renew(mine[number], new)
            else:
                mine[number] = new
        mine[len(theirs) :] = theirs[len(mine) :]
    elif isinstance(mine, dict) and isinstance(theirs, dict):
        kept = {key: mine[key] for key in theirs if key in mine}
        mine.clear()
        for key, new in theirs.items():
            mine[key] = kept.get(key, new)
            if key in kept and type(mine[key]) is type(new) and isinstance(new, _MUTABLE):
                renew(mine[key], new)
            else:
                mine[key] = new
    elif isinstance(mine, (set, bytearray, collections.deque)) and type(mine) is type(theirs):
        mine.clear()
        (mine.update if isinstance(mine, set) else mine.extend)(theirs)


def is_mutable(value: Any) -> bool:
    """Whether a call can change a value that was given to it."""
    return type(value) in (*_MUTABLE, *_MAPPINGS.values())


def _place(value: Any) -> tuple[str, str] | None:
    """Module and name of a function, class or module of Python's own, which both processes have."""
    if isinstance(value, types.ModuleType):
        return (value.__name__, "") if _standard(value.__name__) else None
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(value, types.MethodDescriptorType):
        module = value.__objclass__.__module__
    if not isinstance(module, str) or not isinstance(name, str) or not _standard(module) or not callable(value):
        return None
    try:
        return (module, name) if operator.attrgetter(name)(sys.modules.get(module)) is value else None
    except AttributeError:
        return None


def _standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names and module != "__main__"


def _at(module: str, name: str) -> Any:
    """What `_place` named. The other process may have named something else, as `unittest.mock.ANY`, which equals
    everything: nothing but modules, classes and functions is given."""
    if not _standard(module):
        raise ValueError(f"{module} is not of Python's own")
    found = importlib.import_module(module)
    if name:
        found = operator.attrgetter(name)(found)
    if not isinstance(found, _GIVEN):
        raise ValueError(f"{module}.{name} is no function")
    return found
