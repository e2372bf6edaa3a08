r"""A part's text as it stands behind its marker, so that nothing in it can be taken for more than text: a line
`[Answer 1]` is written `\[Answer 1]`. Both directions are exact: what was escaped comes back as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlkd_data.structure.fences import code_lines, fence
from rlkd_data.structure.finals import closing_line, final_sentence
from rlkd_data.structure.markers import inside_at, marker
from rlkd_data.structure.titles import remark, section, title

_BACKSLASHES = re.compile(r"\\+(?=[*_]{0,3}[\[(<]?(?:me(?:ta|at)|sub|query|answer|final))", re.IGNORECASE)


def escape(text: str) -> str:
    """The text with a backslash before each line that could be read as a marker, a lone fence, a rule, a title at the
    part's end, or the final answer; and before each marker inside a line. The first line stands behind the marker, so
    that it opens nothing, but a code block has to begin on a line of its own."""
    lines = text.split("\n")
    in_code = code_lines(lines)
    end = _end(lines, in_code)
    written = [_escape_inside(lines[0])]
    for number, line in enumerate(lines[1:], 1):
        needs = _opens(line, in_code[number]) or (
            not in_code[number]
            and ((number >= end and title(line) is not None) or (not lines[number - 1].strip() and _closes(line)))
        )
        if needs or (line.startswith("\\") and _special(line[1:], in_code[number])):
            line = "\\" + line  # noqa: PLW2901
        written.append(_escape_inside(line))
    if in_code[0]:
        written.insert(0, "")
    return "\n".join(written)


def unescaped(lines: Sequence[str], in_code: Sequence[bool]) -> list[str]:
    """The inverse, for the lines behind a part's first; of which `unescaped_inside` is the inverse."""
    found = [unescaped_inside(line) for line in lines]
    return [
        line[1:] if line.startswith("\\") and _special(line[1:], code) else line
        for line, code in zip(found, in_code, strict=True)
    ]


def unescaped_inside(line: str) -> str:
    """A line with one backslash less before each marker inside it."""
    if "\\" not in line:
        return line
    for found in reversed(list(_BACKSLASHES.finditer(line))):
        if inside_at(line, found.start(), found.end()):
            line = line[: found.start()] + line[found.start() + 1 :]
    return line


def _escape_inside(line: str) -> str:
    for found in reversed(list(_MARKED.finditer(line))):
        if inside_at(line, found.start(), found.end()):
            line = line[: found.start()] + "\\" + line[found.start() :]
    return line


_MARKED = re.compile(r"\\*(?=[*_]{0,3}[\[(<]?(?:me(?:ta|at)|sub|query|answer|final))", re.IGNORECASE)


def _end(lines: Sequence[str], in_code: Sequence[bool]) -> int:
    """From which line on there are but blank ones and titles, escaped ones too."""
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if in_code[number] or (line.strip() and title(line.lstrip("\\")) is None):
            return number + 1
    return 0


def _opens(line: str, in_code: bool) -> bool:
    """What is special wherever it stands."""
    found = marker(line)
    if found is not None and (found.bracketed or (not in_code and found.kind in ("final", "meta"))):
        return True
    if in_code:
        return False
    named = title(line)
    return (
        fence(line) is not None
        or final_sentence(line) is not None
        or (named is not None and named.kind == "rule")
        or section(line)
    )


def _closes(line: str) -> bool:
    """What is special where a paragraph begins."""
    return remark(line) or closing_line(line) is not None


def _special(line: str, in_code: bool) -> bool:
    bare = line.lstrip("\\")
    if _opens(bare, in_code):
        return True
    return not in_code and (title(bare) is not None or _closes(bare) or closing_line(line) is not None)
