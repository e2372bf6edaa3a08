"""What stands behind the last step: the final answer, and words to the reader."""

from __future__ import annotations

from rlkd_data.structure.escaping import unescaped, unescaped_inside
from rlkd_data.structure.finals import closing_line, final_sentence, paragraph, plain_value
from rlkd_data.structure.parts import Part
from rlkd_data.structure.titles import remark, section, tells, title

_SHORT = 100
"""Characters of a second "Answer:" behind the last step that can be the final answer."""
Ending = tuple[str | None, bool]
"""The final answer, and whether text follows it."""
Found = tuple[str | None, bool, bool]
"""The same, and whether all that stands behind the steps was looked at."""


def final_part(part: Part, last: Part) -> Ending:
    """The final answer behind a marker of its own."""
    if any(line.strip() for line, _ in last.rest):
        _close(last)
    raw = [line for line, _ in part.rest]
    lines = part.plain_lines()
    cut = next((n for n, line in enumerate(raw) if _rule(line) or section(line)), len(lines))
    value, after = paragraph([unescaped_inside(part.marker.rest), *lines[:cut]])
    after |= any(line.strip() and not _rule(line) for line in raw[cut:])
    if part.marker.bracketed and part.marker.kind == "final":
        return value or None, after
    if value and not last.text():  # `[Answer 3]:` and then `Final answer: 18` alone
        last.rest.append((value, True))
    return plain_value(value), after


def second_answer(part: Part) -> bool:
    """Whether an unnumbered answer behind the last whole step is the final answer."""
    value, _ = paragraph([unescaped_inside(part.marker.rest), *part.plain_lines()])
    return part.marker.number is None and part.apart and 0 < len(value) <= _SHORT and "\n" not in value


def ending(last: Part) -> Ending:
    """The final answer in the lines of the last step's answer, which lose it, what is behind it, titles and remarks."""
    cut = _end_of_steps(last)
    behind = [line for line, _ in last.rest[cut:]]
    del last.rest[cut:]
    found = _sentence(last) or _behind(behind) or _paragraph(last)
    after = found[1] if found is not None else False
    if found is None or not found[2]:
        after |= any(line.strip() and title(line) is None for line in behind)
    _close(last)
    return (found[0] if found else None), after


def _end_of_steps(last: Part) -> int:
    """Where the lines begin that belong to no step: at a rule, a heading such as "Conclusion", or a remark."""
    for number, (line, in_code) in enumerate(last.rest):
        if in_code or not line.strip():
            continue
        apart = number > 0 and not last.rest[number - 1][0].strip()
        if section(line) or (apart and remark(_paragraph_from(last, number))):
            return number
        if _rule(line) and not _goes_on(last, number + 1):
            return number
    return len(last.rest)


def _paragraph_from(last: Part, number: int) -> str:
    return paragraph([line for line, _ in last.rest[number:]])[0]


def _goes_on(last: Part, number: int) -> bool:
    """Whether the answer goes on behind a rule: with a number or a formula that nobody else takes."""
    text = _paragraph_from(last, number)
    first = text.partition("\n")[0]
    if remark(text) or section(first) or title(first) is not None:
        return False
    return tells(text) and closing_line(first) is None and final_sentence(first) is None


def _sentence(last: Part) -> Found | None:
    """A last sentence "So the final answer is …", unless it is all of the answer."""
    for number in range(len(last.rest) - 1, -1, -1):
        line, in_code = last.rest[number]
        said = None if in_code else final_sentence(line)
        if said is not None:
            value, after = paragraph([said, *(line for line, _ in last.rest[number + 1 :])])
            if value and _said_before(last, number):
                del last.rest[number:]
            return plain_value(value), after, False
    return None


def _paragraph(last: Part) -> Found | None:
    """A last paragraph "The answer is …", "Answer: …", "#### …" or a box."""
    end = len(last.rest)
    while end > 0 and not last.rest[end - 1][0].strip():
        end -= 1
    start = end
    while start > 0 and last.rest[start - 1][0].strip() and not last.rest[start - 1][1]:
        start -= 1
    if start in (0, end) or last.rest[start - 1][0].strip() or not _said_before(last, start):
        return None
    lines = [line for line, _ in last.rest[start:end]]
    said = closing_line(lines[0])
    value = "" if said is None else paragraph([said, *lines[1:]])[0]
    if not value:
        return None
    del last.rest[start:]
    return plain_value(value), False, False


def _behind(lines: list[str]) -> Found | None:
    """The final answer in the lines behind the steps: under a heading, or said in a paragraph of its own."""
    for number, line in enumerate(lines):
        said = closing_line(line)
        if said is None:
            said = final_sentence(line)
        if said is None and section(line) and any(word in line.lower() for word in ("answer", "result")):
            said = ""
        if said is not None:
            value, after = paragraph([said, *unescaped(lines[number + 1 :], [False] * (len(lines) - number - 1))])
            if value:
                return plain_value(value), after, True
    return None


def _close(last: Part) -> None:
    """Take titles and rules from the end."""
    while last.rest and not last.rest[-1][1]:
        line = last.rest[-1][0]
        one = title(line)
        if line.strip() and not (one is not None and one.sure):
            return
        last.rest.pop()


def _said_before(last: Part, number: int) -> bool:
    return bool("".join([last.marker.rest, *(line for line, _ in last.rest[:number])]).strip())


def _rule(line: str) -> bool:
    one = title(line)
    return one is not None and one.kind == "rule"
