"""What a request to the reward server asks to score: from the bytes of its body to texts. Pure, standard library only.

Run as a script it reads a body from standard input: JSON of millions of values holds a Python process up for seconds,
so a large body is read in a process of its own (`reading`), within a limit of memory.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FIELDS = ("completions", "problem_ids", "prompts")
REFUSED, READ = b"-", b"+"
"""What the script's output begins with: then a line, `status reason`; or the records."""
_LENGTH = struct.Struct("!q")
_ABSENT = -1


class BadRequest(Exception):
    """What was sent cannot be scored: an HTTP status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """One completion, and what names its problem."""

    text: str
    problem_id: str | None
    prompt: str | None


def read(raw: bytes, most: int) -> list[Asked]:
    """The completions of a body, at most `most`. Raises BadRequest."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise BadRequest(400, f"the body is not JSON: {str(problem).splitlines()[0]}") from None
    if not isinstance(body, dict):
        raise BadRequest(422, "the body has to be a JSON object with completions and problem_ids")
    if unknown := sorted(set(body) - set(FIELDS)):
        raise BadRequest(422, f"unknown field {unknown[0][:80]!r}: there are {', '.join(FIELDS)}")
    texts = body.get("completions")
    if not isinstance(texts, list):
        raise BadRequest(422, "completions has to be a list")
    if len(texts) > most:
        raise BadRequest(413, f"{len(texts):,} completions are more than the {most:,} allowed: send fewer")
    for name in FIELDS[1:]:
        given = body.get(name)
        if given is not None and not isinstance(given, list):
            raise BadRequest(422, f"{name} has to be a list")
        if given is not None and len(given) != len(texts):
            raise BadRequest(422, f"{name} has {len(given)} entries, completions {len(texts)}")
    names = body.get("problem_ids") or [None] * len(texts)
    prompts = body.get("prompts") or [None] * len(texts)
    return [_one(number, *given) for number, given in enumerate(zip(texts, names, prompts, strict=True))]


def _one(number: int, text: Any, name: Any, prompt: Any) -> Asked:
    if not _is_completion(text):
        raise BadRequest(422, f"completions[{number}] is neither a text nor a list of messages with content")
    if name is None and prompt is None:
        raise BadRequest(422, f"completion {number} has neither a problem id nor a prompt")
    if name is not None:
        if not isinstance(name, str):
            raise BadRequest(422, f"unknown problem id {str(name)[:80]!r} (problem_ids[{number}])")
        return Asked(text_of(text), name, None)
    if not _is_completion(prompt):
        raise BadRequest(422, f"prompts[{number}] is neither a text nor a list of messages with content")
    return Asked(text_of(text), None, text_of(prompt))


def text_of(completion: Any) -> str:
    """A completion as TRL gives it, a text or a list of messages, as text."""
    return completion if isinstance(completion, str) else "".join(message["content"] for message in completion)


def _is_completion(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(one, dict) and isinstance(one.get("content"), str) for one in value)
    )


def pack(asked: list[Asked]) -> Iterator[bytes]:
    """For another process: each text behind its length."""
    for one in asked:
        for text in (one.text, one.problem_id, one.prompt):
            raw = None if text is None else text.encode("utf-8", "surrogatepass")
            yield _LENGTH.pack(_ABSENT if raw is None else len(raw)) + (raw or b"")


def unpack(packed: bytes) -> list[Asked]:
    """What `pack` made."""
    at, found = 0, []
    while at < len(packed):
        texts: list[str | None] = []
        for _ in FIELDS:
            (length,) = _LENGTH.unpack_from(packed, at)
            at += _LENGTH.size
            texts.append(None if length == _ABSENT else packed[at : at + length].decode("utf-8", "surrogatepass"))
            at += max(length, 0)
        found.append(Asked(texts[0] or "", texts[1], texts[2]))
    return found


def main(most: int, memory: int) -> None:
    """Read a body from standard input, and write what it asks. `memory`: bytes that this process may take."""
    import gc
    import resource  # not everywhere, and nobody else's affair

    gc.disable()  # it would look at millions of lists again and again
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    out = sys.stdout.buffer
    try:
        packed = [READ, *pack(read(sys.stdin.buffer.read(), most))]
    except BadRequest as problem:
        packed = [REFUSED, f"{problem.status} {problem}".encode(errors="replace")]
    except MemoryError:
        packed = [REFUSED, b"413 the body holds too many values: send fewer completions"]
    out.writelines(packed)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
