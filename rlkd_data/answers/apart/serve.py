"""The program's side: it is run as the module `__main__`, and then does what the tests ask. Runs in the sandbox."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import types
from pathlib import Path
from typing import Any

from rlkd_data.answers.apart.link import WAYS, Link
from rlkd_data.answers.apart.values import Packed


def main(prelude: str, program: Path, imports: str) -> None:
    """Run a program's text, and serve what it has defined over the socket that is standard input. `imports` are those
    of the tests, which the program may lean on. What the program raises goes through."""
    line = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    names = module.__dict__
    exec(prelude, names)
    before = dict(names)
    exec(compile(program.read_text(encoding="utf-8", errors="surrogatepass"), str(program), "exec"), names)
    with contextlib.suppress(ImportError):  # the tests say so themselves
        exec(imports, names)

    def deal(what: str, given: list[Any], named: dict[str, Any]) -> Any:
        if what == "names":
            return [_defined(link, name, names[name]) for name in given if name in names and _new(name)]
        return WAYS[what](*given, **named)

    def _new(name: str) -> bool:
        return name not in before or before[name] is not names[name]

    link = Link(line, deal)
    link.serve()
    os._exit(0)


def _defined(link: Link, name: str, value: Any) -> list[Packed]:
    """A name's kind: an error class with its bases, another class, a module, or a value."""
    if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == "__main__":
        return [name, "error", [kind.__name__ for kind in value.__mro__]]
    if isinstance(value, types.ModuleType):
        return [name, "module", value.__name__]
    return [name, "class" if isinstance(value, type) else "value", value]
