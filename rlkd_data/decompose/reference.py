"""Imports what the public reference implementation wrote: JSON or JSON lines whose `generated_content` is a
decomposition in its own spelling, beside the problem and the reasoning that was decomposed; or its GSRM training file,
which holds the same as messages. Every reply is parsed and checked like one that we asked for ourselves."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlkd_data.answers.final import answer_of_reply
from rlkd_data.collect.adapters.base import as_domain, text
from rlkd_data.collect.normalise import split_reasoning
from rlkd_data.config import DecomposeSettings
from rlkd_data.decompose.judge import Case, Judged, PieceReply, Rules
from rlkd_data.decompose.judges import open_judges
from rlkd_data.decompose.row import judged_row
from rlkd_data.done import done_digests, key_digest
from rlkd_data.errors import InputError
from rlkd_data.run.progress import Tally, tally
from rlkd_data.schema import DECOMPOSITIONS, Decomposition, Domain, content_hash, make_problem_id, make_trace_id
from rlkd_data.structure.chunk import Piece
from rlkd_data.tables import TableWriter

ANNOTATOR = "reference"
"""Who decomposed, where the command does not say."""
PROMPT_ID = "reference"
_PROBLEM = ("problem", "question", "prompt", "instruction")
_REASONING = ("deepseek_reasoning", "reasoning", "reasoning_content", "thinking")
_RESPONSE = ("deepseek_solution", "generation", "response", "solution")
_ANSWER = ("answer", "gold", "ground_truth_answer")
_ASKED = re.compile(
    r"(?:.*\[Question\]:[ \t]*\n?)?(?P<problem>.*?)\n"
    r"You (?:should decompose|can reference) this reasoning:\n(?P<reasoning>.*?)(?:\n\[Response\]:\s*)?\Z",
    re.DOTALL,
)
_AROUND = re.compile(r"\A\s*\[Response\]:[ \t]*\n?|\s*</answer>\s*(?:<\|endoftext\|>\s*)?\Z|<\|endoftext\|>\s*\Z")
_DASH = re.compile(r"-[ \t]*\n(?=[ \t]*\[(?:Sub|Query))")
"""The dash that the reference's examples put between the parts of a step."""
_FINAL_BULLET = re.compile(r"(final answer is[ \t]?:?[ \t]*\n)-(?=\S)(?P<value>[^\n]*)")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a row says. `written` is the decomposition as it stands there."""

    problem: str
    reasoning: str
    written: str
    domain: Domain
    answer: str | None
    stated: str | None


def import_reference(settings: DecomposeSettings, path: Path, out: Path) -> None:
    """Fill `out` from a file of the reference implementation. A row that cannot be used is kept in `rejected/` with its
    reason. Raises InputError where the file is missing or holds no rows of that kind."""
    if not path.is_file():
        raise InputError(f"no file {path}: give the JSON or JSON lines file that the reference implementation wrote")
    asyncio.run(_import(settings, path, out))


async def _import(settings: DecomposeSettings, path: Path, out: Path) -> None:
    seen = done_digests(out, DECOMPOSITIONS)
    annotator = settings.annotator or ANNOTATOR
    checks = Rules(
        "tagged", frozenset(settings.reject), settings.least_coverage, settings.longest_gap, settings.longest_stretch
    )
    with TableWriter(out, DECOMPOSITIONS) as writer, tally(f"import {path.name}", settings.limit) as progress:
        async with open_judges(checks, settings.verify_workers, settings.verify_timeout) as judges:
            for number, (where, record) in enumerate(_records(path)):
                if number == settings.limit:
                    break
                found = _read(record, where, settings)
                row = _row(found, record, annotator)
                if not seen.add(key_digest((row.trace_id, annotator, PROMPT_ID))):
                    continue
                if isinstance(found, tuple):
                    _write(row, Judged(failures=((found[0], None, found[1]),), issues=(found[0],)), writer, progress)
                else:
                    for one, judged in await judges.submit(row, _case(found)):
                        _write(one, judged, writer, progress)
            for one, judged in await judges.rest():
                _write(one, judged, writer, progress)


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    """(where it stands, the record, or the line that is no JSON); a file is a list, or one row a line."""
    with path.open("rb") as stream:
        start = stream.read(4096).lstrip()[:1]
    if start == b"[":
        try:
            rows = json.loads(path.read_bytes())
        except ValueError as problem:
            raise InputError(f"{path} is not JSON: {problem}") from None
        yield from ((f"{path}:row {number}", row) for number, row in enumerate(rows, 1))
        return
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                yield f"{path}:{number}", json.loads(line)
            except ValueError:  # a writer that was killed leaves half a line
                yield f"{path}:{number}", line.decode("utf-8", "replace")


def _read(record: Any, where: str, settings: DecomposeSettings) -> _Found | tuple[str, str]:
    """What a record says, or (reason, detail) why nothing can be made of it."""
    if not isinstance(record, Mapping):
        return "not_json", f"{where} is no row of named fields"
    from_messages = _messages(record)
    problem = text(record, *_PROBLEM) or (from_messages["problem"] if from_messages else None)
    written = text(record, "generated_content") or (from_messages["written"] if from_messages else None)
    if problem is None:
        return "no_problem", f"{where} has no text in {', '.join(_PROBLEM)}"
    if written is None:
        return "no_decomposition", f"{where} has no generated_content, and no messages that hold one"
    reasoning = text(record, *_REASONING) or (from_messages["reasoning"] if from_messages else None)
    response = text(record, *_RESPONSE) or _generation(record)
    parts = split_reasoning(response or "", reasoning) if response or reasoning else None
    domain = settings.domain if settings.domain != "auto" else as_domain(text(record, "domain")) or "math"
    stated = answer_of_reply(parts.response, parts.reasoning) if parts else None
    return _Found(problem, parts.reasoning if parts else "", written, domain, text(record, *_ANSWER), stated)


def _generation(record: Mapping[str, Any]) -> str | None:
    """The generation of an OpenR1-Math row that the reference's scripts take: the first right one, else the first."""
    generations = record.get("generations")
    if not isinstance(generations, Sequence) or isinstance(generations, str) or not generations:
        return None
    right = record.get("correctness_math_verify")
    flags = list(right) if isinstance(right, Sequence) and not isinstance(right, str) else []
    chosen = next((one for one, flag in zip(generations, flags, strict=False) if flag), generations[0])
    return chosen if isinstance(chosen, str) else None


def _messages(record: Mapping[str, Any]) -> dict[str, str] | None:
    """Problem, reasoning and decomposition out of a GSRM training row, as `messages` or as `conversations`."""
    for name, role, content in (("messages", "role", "content"), ("conversations", "from", "value")):
        turns = record.get(name)
        if not isinstance(turns, Sequence) or isinstance(turns, str):
            continue
        said = {turn.get(role): turn.get(content) for turn in turns if isinstance(turn, Mapping)}
        asked, written = said.get("user") or said.get("human"), said.get("assistant") or said.get("gpt")
        if isinstance(asked, str) and isinstance(written, str) and (found := _ASKED.match(asked)):
            parts = {name: found[name].strip() for name in ("problem", "reasoning")}
            return parts | {"written": written}
    return None


def normalised(written: str) -> str:
    """A reference reply without what its format puts around and between the parts."""
    previous = None
    while previous != written:
        previous, written = written, _AROUND.sub("", written)
    written = _DASH.sub("\n", written)

    def bullet(found: re.Match[str]) -> str:
        value = found["value"].strip().rstrip(".")
        negative = f"-{value}" in written[: found.start()].replace("−", "-")
        return found[0] if negative else f"{found[1]}- {found['value']}"

    return _FINAL_BULLET.sub(bullet, written)


def _case(found: _Found) -> Case:
    reply = PieceReply(Piece(0, 0, len(found.reasoning)), normalised(found.written), "stop")
    return Case(found.problem, found.domain, found.reasoning, found.stated, found.answer, None, (reply,))


def _row(found: _Found | tuple[str, str], record: Any, annotator: str) -> Decomposition:
    """The row as far as the record tells it; steps and verdicts come later."""
    if isinstance(found, tuple):
        raw = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False, default=str)
        known = _Found("", "", raw[:100_000], "math", None, None)
        problem_id = trace_id = content_hash("unreadable", raw)
    else:
        known = found
        problem_id = make_problem_id(found.problem)
        trace_id = make_trace_id(problem_id, ANNOTATOR, 0, found.reasoning, found.written)
    return Decomposition(
        trace_id=trace_id,
        problem_id=problem_id,
        problem=known.problem,
        domain=known.domain,
        answer=known.answer,
        annotator=annotator,
        prompt_id=PROMPT_ID,
        steps=(),
        final_answer=None,
        status="rejected",
        issues=(),
        raw=known.written,
        usage=None,
        cost_usd=None,
        created_at=datetime.now(UTC),
        pieces=1,
    )


def _write(row: Decomposition, judged: Judged, writer: TableWriter, progress: Tally) -> None:
    row, reason, detail = judged_row(row, judged)
    if reason is None:
        writer.add(row)
    else:
        writer.reject(row, reason, detail)
    progress.advance("ok" if reason is None else f"rejected:{reason}")
