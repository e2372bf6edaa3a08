"""The final answer that a text states. Pure, and linear in the text."""

from __future__ import annotations

import re
from functools import lru_cache

from rlkd_data.answers.boxes import boxes, last_answer
from rlkd_data.answers.choices import choice_letter

__all__ = ["answer_of_reply", "choice_letter", "final_answer", "last_boxed", "states_answer"]

_TAG = re.compile(r"<(?P<close>/?)answer>", re.IGNORECASE)
_HASHES = re.compile(r"^####[ \t]*(?P<answer>\S[^\n]*)$", re.MULTILINE)
_OTHERS = (
    "réponse",
    "respuesta",
    "antwort",
    "risposta",
    "resposta",
    "ответ",
    "答案",
    "答え",
    "정답",
    "الإجابة",
    "الجواب",
)
_WORDS = {
    "answer": "answers?",
    "option": "(?:correct|right|best)[ ]option",
    "choice": "(?:correct|right|best)[ ]choice",
} | dict(zip(_OTHERS, _OTHERS, strict=True))
"""How an answer is spoken of, by what each form holds."""
_ANSWER = f"(?:{'|'.join(_WORDS.values())})"
_IS = r"(?:is\b|are\b|would be\b|should be\b|must be\b|est\b|es\b|ist\b|è\b|é\b|为|是|は|[:：=])"
_SENTENCE = re.compile(
    rf"(?<![A-Za-z]){_ANSWER}(?:[ ]to[ ](?:the|this)[ ](?:problem|question))?[*_]{{0,3}}[ \t]*{_IS}["
    rf" \t*_:：]*(?:\n\s*)?(?P<answer>\S[^\n]*)",
    re.IGNORECASE,
)
_PLAIN_SENTENCE = re.compile(
    r"\banswer\b[*_]{0,3}[ \t]*(?:is\b|:|：)[ \t*_:]*(?:\n\s*)?(?P<answer>\S[^\n]*)", re.IGNORECASE
)
_HEADING = re.compile(
    r"^[#*_ \t]*(?:final[ \t]+answer|最终答案|答案)[*_ \t]*(?:[:：][*_ \t]*)?\n\s*(?P<answer>\S[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_LABEL = re.compile(
    rf"\A[*_ ]*(?:the[ ])?(?:(?:final|correct|right)[ ])?{_ANSWER}[*_]*[ ]*{_IS}[ *_:：]*(?=\S)", re.IGNORECASE
)
_HEDGE = re.compile(
    r"\A(?:(?:therefore|thus|hence|then|so|simply|just|exactly|for sure|definitely|clearly|obviously|indeed"
    r"|probably|likely|most likely"
    r"|option|choice|选项)[, ]+|选项)+(?=\S)",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\s*[,，。.;；(（]?\s*(?:\b(?:and|but)\s+)?(?:\bnot\b(?!\s+(?:enough|possible|defined))|\brather than\b|\binstead"
    r" of\b|而不是|不是|而非).*\Z|"
    r"\s*[,，;；]?\s+(?:\b(?:because|since|as we|which)\b|因为).*\Z|\s*[,，;；]\s*(?:it|so|as|for|but|that)\b.*\Z",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"[*_$\\(\[ ]*[-+]?\d[\d.,]*\s*%?[*_$\\)\] ]*")
_SENTENCE_END = re.compile(r"(?<=[^\s.])\.(?=\s+[A-Z\W])|。")
_ONLY_LETTER = re.compile(r"[*_]{0,3}\(?(?P<letter>[A-J])\)?\.?[*_]{0,3}")
_BOLD_END = re.compile(r"(?:\*\*)(?P<bold>[^*\n]{1,80})(?:\*\*)[^*\n\d]{0,40}[.。]?\s*\Z")
_TURN = re.compile(
    r"\b(?:wait|no|actually|wrong|mistake|correction|sorry|oops|instead)\b|不对|错了|更正", re.IGNORECASE
)
_FINALLY = re.compile(r"\bfinal answer\b|最终答案", re.IGNORECASE)
_SHORT = 100
"""Characters of the longest number that is looked for, and of the longest sentence's end that is trimmed."""
_LINE = 400


@lru_cache(maxsize=8)  # who tells a text's response asks, and then who reads its answer
def final_answer(text: str) -> str | None:  # noqa: PLR0911 - a kind each
    r"""The answer that a text states last; None where it states none, or its last statement was cut off.

    Looked for in this order: `<answer>…</answer>` and `\boxed{…}`, the later of them (several boxes that adjoin are one
    answer, `3, 5`); `#### …` (a number, or the last line: elsewhere it is a heading), a heading "Final answer" and the
    line under it, "the answer is …" or "answer: …", a last line that is nothing but a choice letter, a last sentence
    that ends in bold, a text that is nothing but a number. Of an empty or unclosed last box or tag only what is stated
    behind it counts.
    """
    found = boxes(text)
    tag = _tagged(text)
    if tag is not None and (not found or tag[1] >= found[-1].start):
        return tag[0] if tag[0] is not None else _stated(text[tag[1] :])
    if found:
        answer = last_answer(text, found)
        if answer is None:
            return _stated(text[found[-1].end if found[-1].closed else found[-1].start :])
        behind = text[found[-1].end :]
        return (_stated(behind) or answer) if _TURN.search(behind) or _FINALLY.search(behind) else answer
    stated = _stated(text)
    if stated is not None:
        return stated
    last_line = _last_line(text)
    if letter := _ONLY_LETTER.fullmatch(last_line):
        return letter["letter"]
    if _is_number(text):
        return _bare(text)
    bold = _BOLD_END.search(last_line) if len(last_line) <= 4 * _LINE else None
    return _bare(bold["bold"].strip(": ")) if bold and re.search(r"\d", bold["bold"]) else None


def answer_of_reply(response: str, reasoning: str, *, cut: bool = False) -> str | None:
    r"""The final answer of a reply: of its response; of its reasoning where the response makes no attempt at one. An
    empty or unclosed last `\boxed{}` of the response is an attempt: what the reasoning held before was not repeated.

    `cut`: the reply ended in its reasoning, of which only a whole last box counts, for a sentence may be a draft.
    """
    if response and reasoning.endswith(response):
        return final_answer(reasoning)  # a text without tags, whose response is its last line
    stated = final_answer(response)
    if stated is not None or boxes(response) or _TAG.search(response):
        return stated
    return last_answer(reasoning, boxes(reasoning)) if cut else final_answer(reasoning)


def states_answer(line: str) -> bool:
    """Whether a line by itself states an answer, in the plainest forms. Narrower than `final_answer`, and to stay so:
    it tells which line of an untagged text is its response, and the response is part of a trace's id."""
    box = last_boxed(line)
    patterns = (_HASHES, _PLAIN_SENTENCE)
    if box is not None or any(_bare(found["answer"]) for one in patterns for found in one.finditer(line)):
        return True
    bare = line.strip()
    return _ONLY_LETTER.fullmatch(bare) is not None or _is_number(bare)


def without_rejected(text: str) -> str | None:
    """`18` of `18, not 20`; None where a text says nothing of what its answer is not."""
    if len(text) > _SHORT:
        return None
    head = _INSTEAD.sub("", text).strip("*_ \t")
    return head if head and head != text.strip() else None


def last_boxed(text: str) -> str | None:
    r"""What stands in the last `\boxed{…}`, braces balanced; None where there is none, or it is empty or not closed. Of
    boxes in one another it is the outermost."""
    found = boxes(text)
    return found[-1].content or None if found and found[-1].closed else None


def _tagged(text: str) -> tuple[str | None, int] | None:
    """(what the last answer tags hold, where they begin): None for what was never closed. None without tags."""
    tags = list(_TAG.finditer(text))
    closing = next((n for n in range(len(tags) - 1, -1, -1) if tags[n]["close"]), None)
    if closing is None or closing == 0 or tags[closing - 1]["close"]:
        opened = [tag for tag in tags if not tag["close"]]
        last = _last_line(text)
        return (None, opened[-1].end()) if opened and opened[-1][0] in last and closing is None else None
    start, end = tags[closing - 1].end(), tags[closing].start()
    if len(tags) > closing + 1 and not text[tags[-1].end() :].strip().count("\n") and tags[-1].end() > end + 8:
        return None, tags[-1].end()
    inner = text[start:end].strip()
    return (final_answer(inner) or _bare(inner) if inner else None), start


def _speaks_of_an_answer(text: str) -> bool:
    """Whether one of the words stands there that every statement of an answer holds; most texts, and most pieces of
    them, need no closer look, which takes ten times as long."""
    # What the patterns take for an s or an i, whatever its case, folding does not.
    folded = text.casefold() if text.isascii() else text.casefold().replace("ı", "i").replace("i\u0307", "i")
    return "####" in text or any(word in folded for word in _WORDS)


def _stated(text: str) -> str | None:
    if not _speaks_of_an_answer(text):
        return None
    last_line = _last_line(text)
    for pattern in (_HASHES, _HEADING, _SENTENCE):
        found = None
        for match in pattern.finditer(text):
            if pattern is _HASHES and match[0].strip() != last_line and not _is_number(match["answer"]):
                continue
            found = _bare(_LABEL.sub("", match["answer"])) or found
        if found:
            return found
    return None


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2].strip()


def _is_number(text: str) -> bool:
    bare = text.strip()
    return len(bare) <= _SHORT and _NUMBER.fullmatch(bare) is not None


def _bare(answer: str) -> str | None:
    """An answer given in a sentence: up to the sentence's end and to what it is not, without bold, dollar signs and
    full stop."""
    line = _SENTENCE_END.split(answer, maxsplit=1)[0].strip().lstrip(":：").strip("*_ \t")
    if len(line) <= _LINE:
        line = _HEDGE.sub("", line)
        line = _INSTEAD.sub("", line).strip("*_ \t") or line
    line = re.sub(r"^\$+(?P<inner>[^$]+)\$+\.?$", r"\g<inner>", line).strip()
    line = line.removesuffix(".").strip("*_ \t") if not line.endswith("..") else line
    return line or None
