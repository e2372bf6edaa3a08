"""Fills in the templates of data_cards/. Values are data: their text is never read as a template, and cannot break out
of the table cell that it stands in."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from rlkd_data.run.resources import resource

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    made = SandboxedEnvironment(
        loader=FileSystemLoader(resource("data_cards")), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"cell": cell, "code": code}
    return made


def render(name: str, **values: Any) -> str:
    """A template filled in, without more than one blank line together."""
    return re.sub(r"\n{3,}", "\n\n", _environment().get_template(name).render(**values)).strip() + "\n"


def fragment(name: str, **values: Any) -> str | None:
    """The part of a card about one table; None where none is shipped."""
    template = f"{name}.md.j2"
    if template not in _environment().list_templates():
        return None
    return _environment().get_template(template).render(**values).strip()


def cell(value: Any) -> str:
    """Any text as one line of Markdown that is shown as it is: no HTML, no new cell."""
    text = " ".join(str(value).split())
    return re.sub(r"[\\|*`\[\]]", r"\\\g<0>", text.replace("&", "&amp;").replace("<", "&lt;"))


def code(value: Any) -> str:
    """Any text as one code span, which it cannot end; a table's cell may hold it."""
    return "`" + " ".join(str(value).split()).replace("`", "'").replace("|", "\\|") + "`"


def fence(text: str) -> str:
    """A code fence that the text cannot close."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)
