"""What may be shown of settings that can hold a key, as the further headers of requests do. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

FIELD = "extra_headers"
_MASK = '"***"'
_FROM_ENVIRONMENT = re.compile(r"(?:\w+ )?\$\{\w+\}")
"""A value that names a variable holds no secret itself."""


def header_name(text: str) -> str:
    """What stands before a header's value, however the two were written; empty where nothing says which is which."""
    name, separator, _ = _parted(text)
    return name if separator else ""


def override(text: str) -> str:
    """A `--set`'s key=value, without the value where that may hold a header."""
    if FIELD not in text:
        return text
    name, separator, _ = _parted(text)
    return f"{name}=***" if separator else text


def _parted(text: str) -> tuple[str, str, str]:
    found = re.search(r"[=:\s]", text.strip())
    return text.strip().partition(found[0]) if found else (text, "", "")


def setting(location: tuple[Any, ...]) -> str:
    """The dotted name of a setting, of a header its name alone."""
    parts = [str(part) for part in location]
    if FIELD in parts:
        at = parts.index(FIELD) + 1
        parts[at:] = [name for part in parts[at : at + 1] if (name := _parted(part)[0])]
    return ".".join(parts)


def document(text: str) -> str:
    """A YAML text that can be read, with `***` for every value of a header that stands in it."""
    if FIELD not in text:
        return text
    import yaml

    places: dict[int, tuple[int, str]] = {}
    seen: set[tuple[int, bool]] = set()

    def hide(node: yaml.Node, shown: str) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        if start < end:
            marks = re.match(r"(?:[&!]\S+\s+)*", text[start:end])
            ending = "\n" if getattr(node, "style", None) in ("|", ">") else ""
            places[start] = (end, f"{marks[0] if marks else ''}{shown}{ending}")

    def look(node: yaml.Node, within: bool) -> None:
        if (id(node), within) in seen:
            return
        seen.add((id(node), within))
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if within and (shown := header_name(name.value)):
                    hide(name, f'"{shown}"')
                look(value, within or name.value == FIELD)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                look(value, within)
        elif within and not _FROM_ENVIRONMENT.fullmatch(node.value):
            hide(node, _MASK)

    if (whole := yaml.compose(text, Loader=yaml.SafeLoader)) is not None:
        look(whole, False)
    for start in sorted(places, reverse=True):
        end, shown = places[start]
        text = text[:start] + shown + text[end:]
    return text
