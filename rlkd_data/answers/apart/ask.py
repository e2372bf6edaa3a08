"""The tests' side: they run against a program in another process, whose word is taken for nothing but its results.

What the program may not decide is decided here: every comparison with a plain value, and what a built-in name means.
Runs in the sandbox.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import os
import socket
import sys
import types
from pathlib import Path
from typing import Any, NoReturn

from rlkd_data.answers.apart.link import WAYS, Garbled, Gone, Link, Theirs, classes, doubts, rebuilt_error
from rlkd_data.answers.apart.values import Packed

ENDED, GARBLED = 91, 92
"""Exit statuses: the program ended before its tests did; it sent what is no result."""
DOUBTFUL, UNFIT = "?", "!"
"""After the token: passed, but by what the program alone vouches for; the tests cannot be run from outside."""
_OF_OBJECTS = (
    *("getattr", "setattr", "len", "iter", "next", "getitem", "setitem", "contains", "bool", "str", "repr", "hash"),
    *("eq", "ne", "lt", "le", "gt", "ge"),
)


class _ToProgram(Link):
    def ask(self, what: str, *given: Any, **named: Any) -> Any:
        """As a link's; but no `except` of a test may go on without the program."""
        try:
            return super().ask(what, *given, **named)
        except Gone:
            os._exit(ENDED)
        except Garbled:
            os._exit(GARBLED)


def main(prelude: str, tests: Path, token: str) -> NoReturn:
    """Run assertions; where all hold, the last that is printed is the token. What a test raises goes through."""
    line = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    text = tests.read_text(encoding="utf-8", errors="surrogatepass")
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    names = module.__dict__
    exec(prelude, names)
    protected = {name for name, value in names.items() if isinstance(value, types.ModuleType)} | set(vars(builtins))
    link = _ToProgram(line, lambda what, given, named: _deal(link, what, given, named))
    link.name = lambda value: _name(link, value, token)
    _fill(names, link, sorted(_used(text)), protected)
    exec(compile(text, str(tests), "exec"), names)
    _say(token + (DOUBTFUL if doubts else ""))


def imports_of(tests: str) -> str:
    """The import statements at the top of tests."""
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    return "\n".join(ast.unparse(one) for one in tree.body if isinstance(one, (ast.Import, ast.ImportFrom)))


def _used(tests: str) -> set[str]:
    return {one.id for one in ast.walk(ast.parse(tests)) if isinstance(one, ast.Name)}


def _fill(names: dict[str, Any], link: Link, used: list[str], protected: set[str]) -> None:
    """What the program has defined under the names that the tests use."""
    errors: dict[str, type[BaseException]] = {}
    for entry in link.ask("names", *used):
        try:
            name, kind, value = entry
        except (TypeError, ValueError):
            os._exit(GARBLED)
        if not isinstance(name, str) or name not in used:
            os._exit(GARBLED)
        if name in protected:
            doubts.append(name)
        elif kind == "error":
            bases = [str(base) for base in value] if isinstance(value, list) else []
            made = errors[name] = type(name, (type(rebuilt_error(bases, "")),), {})
            names[name] = made
        elif kind == "module":
            names[name] = _module(str(value))
        else:
            names[name] = value
            if kind == "class" and isinstance(value, Theirs):
                classes.add(id(value))

    def error(kinds: list[str], text: str) -> BaseException:
        known = next((errors[kind] for kind in kinds if kind in errors), None)
        return known(text) if known else rebuilt_error(kinds, text)

    link.error = error


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _name(link: Link, value: Any, token: str) -> Packed:
    """Of the tests' own, functions and objects of their classes can go over: the program can call the one, and use the
    other's public side."""
    if not _is_function(value) and not _is_object(value):
        _say(token + UNFIT)
    return link.keep(value)


def _is_function(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, types.MethodType, types.CoroutineType)) or (
        isinstance(value, type) and value.__module__ == "__main__"
    )


def _is_object(value: Any) -> bool:
    return type(value).__module__ == "__main__" or hasattr(type(value), "__next__")


def _deal(link: Link, what: str, given: list[Any], named: dict[str, Any]) -> Any:
    it = given[0]
    allowed = ("call", "run") if _is_function(it) else _OF_OBJECTS
    if not any(it is one for one in link.kept) or what not in allowed:
        raise TypeError(f"{what} of what the tests have given")
    if what in ("getattr", "setattr") and (not isinstance(given[1], str) or given[1].startswith("_")):
        raise AttributeError(str(given[1]))
    return WAYS[what](*given, **named)


def _say(last: str) -> NoReturn:
    sys.stdout.flush()
    os.write(1, f"\n{last}".encode())
    os._exit(0)
