"""A page of help: one column of what is typed, one of what it means, under headings, as wide as the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

WIDEST_PAGE = 120
"""Columns of a page in a wide terminal; longer lines are hard to read."""
_WIDEST_TERM = 29
"""Characters of a flag with its value, up to which its meaning stands on the same line."""

Row = tuple[str, str]


class Headed(TyperCommand):
    """A command whose options stand under the headings (`rich_help_panel`) that they were given, in their order."""

    def get_params(self, ctx: Any) -> Any:
        return _off(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        params = [param for param in self.get_params(ctx) if not getattr(param, "hidden", False)]
        rest = "Other" if any(_heading(param) for param in params) else "Options"
        sections: dict[str, list[Row]] = {}
        for param in params:
            last = "Arguments" if param.param_type_name == "argument" else rest
            sections.setdefault(_heading(param) or last, []).append(_row(param))
        _write(formatter, sections)


class Verbs(TyperGroup):
    """All commands, each with the whole of its first paragraph."""

    def get_params(self, ctx: Any) -> Any:
        return _off(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, (command.help or "").partition("\n\n")[0]) for name, command in commands if command]
        _write(formatter, {"Commands": rows, "Options": [_row(param) for param in self.get_params(ctx)]})


def _off(params: Any) -> Any:
    """An absent switch is False, not None: for None, Typer builds a validator, which takes longer than the page."""
    for param in params:
        if getattr(param, "is_flag", False) and param.default is None:
            param.default = False
    return params


def _write(formatter: Any, sections: dict[str, list[Row]]) -> None:
    """The meanings of all sections stand in one column. (Typer's own lists have one for each section, and break words
    at hyphens, which flags are full of.)"""
    terms = [len(term) for rows in sections.values() for term, _ in rows]
    column = 4 + max(length for length in terms if length <= _WIDEST_TERM)
    for heading, rows in sections.items():
        formatter.write(f"\n{heading}:\n")
        for term, meaning in rows:
            fits = len(term) <= column - 4
            start = f"  {term}".ljust(column) if fits else f"  {term}\n{' ' * column}"
            formatter.write(start + f"\n{' ' * column}".join(_wrapped(meaning, formatter.width - column)) + "\n")


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of a text; a short note in brackets stays whole."""
    bound = re.sub(r"\[[^]]{1,30}\]", lambda note: note[0].replace(" ", "\xa0"), " ".join(text.split()))
    lines = textwrap.wrap(bound, width, break_on_hyphens=False, break_long_words=False)
    return [line.replace("\xa0", " ") for line in lines]


def _heading(param: Any) -> str | None:
    found: str | None = getattr(param, "rich_help_panel", None)
    return found


def _row(param: Any) -> Row:
    """A parameter's line: what is typed, and what it means with its default."""
    meaning = "this page" if "--help" in param.opts else param.help or ""
    if param.param_type_name == "argument":
        return f"{param.metavar or param.name}{'...' if param.nargs != 1 else ''}", noted(meaning, param.required)
    term = ", ".join(param.opts)
    default = param.default if param.show_default and not param.is_flag else None
    return (term if param.is_flag else f"{term} {param.metavar}"), noted(meaning, param.required, default=default)


def noted(meaning: str, required: bool, *more: str, default: Any = None) -> str:
    """A meaning with what is to be known beside it, in brackets."""
    notes = ["required"] if required else []
    notes += [note for note in more if note]
    if default is not None and default is not False and default not in ("", (), {}, []):
        notes.append(f"default: {shown(default)}")
    return f"{meaning} [{'; '.join(notes)}]" if notes else meaning


def shown(value: Any) -> str:
    """A default as a person would type it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
