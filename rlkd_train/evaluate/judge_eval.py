"""`rlkd-train judge-eval`: how far a judge agrees with labelled pairs.

A row of a JSONL file is a pair: `answer_a`, `answer_b`, `equivalent` (two answers), `question_a`, `question_b`,
`equivalent` (two sub-problems), all four of these and `part: step` (two whole steps), or `part` (meta, sub_problem or
answer), `a`, `b`, `match`; each with `problem`, where there is one. A row whose label is null is a matter of taste: it
is skipped and counted. Without a file, the pairs are those that rlkd ships (`evaluate/wordings.py`).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlkd_data.config import JudgeSettings
from rlkd_data.errors import InputError
from rlkd_data.judges.base import Pair, Said, Verdict, step_pair
from rlkd_data.run.progress import console, tally
from rlkd_data.run.served import judge_apart
from rlkd_data.run.stage import StageResult
from rlkd_data.schema import TableSchema, content_hash
from rlkd_data.structure.names import PARTS, WHOLE, WholeName
from rlkd_data.tables import TableWriter
from rlkd_train.config import JudgeEvalSettings
from rlkd_train.evaluate.metrics import Agreement, agreement, best_threshold
from rlkd_train.evaluate.whole_table import clear_table
from rlkd_train.evaluate.wordings import shipped

_AT_ONCE = 256
"""Pairs that are judged at a time."""
_SHOWN = 60
"""Characters of a text in the table of errors."""
_NO_PROBLEM = "(not given)"
_FORMS: tuple[tuple[str, str, str, WholeName], ...] = (
    ("question_a", "question_b", "equivalent", "sub_problem"),
    ("answer_a", "answer_b", "equivalent", "answer"),
)


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A labelled pair and the verdict about it. `match` is None where it is unscored, and `how` says why. Of whole
    steps, `a` and `b` are what they ask, `answer_a` and `answer_b` what they answer."""

    part: WholeName
    a: str
    b: str
    problem: str
    label: bool
    match: bool | None = None
    how: str = ""
    free: bool = False
    score: float | None = None
    answer_a: str | None = None
    answer_b: str | None = None

    def pair(self, group: Hashable) -> Pair:
        """What a judge is asked."""
        if self.answer_a is None or self.answer_b is None:
            return Pair(self.part, self.a, self.b, self.problem, group)
        return step_pair(Said(self.a, self.answer_a), Said(self.b, self.answer_b), self.problem, group)


JUDGED = TableSchema(
    name="judged_pairs",
    arrow=pa.schema(
        [
            pa.field("part", pa.string(), nullable=False),
            pa.field("a", pa.string(), nullable=False),
            pa.field("b", pa.string(), nullable=False),
            pa.field("problem", pa.string(), nullable=False),
            pa.field("label", pa.bool_(), nullable=False),
            pa.field("match", pa.bool_()),
            pa.field("how", pa.string(), nullable=False),
            pa.field("free", pa.bool_(), nullable=False),
            pa.field("score", pa.float64()),
            pa.field("answer_a", pa.string()),
            pa.field("answer_b", pa.string()),
        ]
    ),
    key=("part", "a", "b"),
    row=JudgedPair,
)


def judge_eval(settings: JudgeEvalSettings, out: Path) -> StageResult:
    """Fill `out` with the judged pairs, and measure. Raises InputError naming file and line of a row that is none."""
    pairs: list[JudgedPair] = []
    skipped = 0
    for path in settings.pairs:
        for pair in read_pairs(path):
            if pair is None:
                skipped += 1
            else:
                pairs.append(pair)
    if not settings.pairs:
        pairs = [JudgedPair(**asdict(pair)) for pair in shipped()]
    if not pairs:
        raise InputError(f"no labelled pairs in {', '.join(map(str, settings.pairs))}")
    chosen = sample(pairs, settings.limit, settings.seed)
    judge, told = asyncio.run(judge_apart(settings.judge, out, reuse=settings.reuse))
    judged = asyncio.run(_judge(judge, chosen))
    clear_table(out)
    with TableWriter(out, JUDGED) as writer:
        for pair in judged:
            writer.add(pair)
    threshold = settings.judge.yes if settings.judge.kind.startswith("llm") else settings.judge.threshold
    errors = worst(judged, threshold)[: settings.worst]
    _show(errors)
    counts = {"ok": len(judged), "skipped:no_label": skipped, "not sampled": len(pairs) - len(chosen)}
    return StageResult(
        {name: count for name, count in counts.items() if count},
        figures(judged, threshold) | told | {"worst": [asdict(one) for one in errors]},
    )


def read_pairs(path: Path) -> Iterator[JudgedPair | None]:
    """The pairs of a JSONL file; None for a row without a label."""
    try:
        file = path.open(encoding="utf-8")
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror}): give a JSONL file of labelled pairs") from None
    with file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _pair(line, f"{path}, line {number}")
        except UnicodeDecodeError:
            raise InputError(f"{path} is not UTF-8 text: give a JSONL file of labelled pairs") from None


def _pair(line: str, where: str) -> JudgedPair | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"{where} is not JSON: every line has to be one JSON object") from None
    if not isinstance(row, dict):
        raise InputError(f"{where} is no JSON object")
    if row.get("part") == "step":
        return _whole_step(row, where)
    forms = [form for form in _FORMS if form[0] in row and form[1] in row]
    a, b, match, part = forms[0] if forms else ("a", "b", "match", row.get("part"))
    missing = [name for name in (a, b, match) if name not in row]
    if missing or part not in PARTS:
        raise InputError(
            f"{where} is no labelled pair: it needs question_a, question_b, equivalent; or answer_a, answer_b, "
            f"equivalent; or a, b, match and a part of {', '.join(PARTS)}; or part: step with all of the first two"
        )
    label = _label(row, match, (a, b), where)
    return None if label is None else JudgedPair(part, row[a], row[b], _problem(row), label)


def _whole_step(row: dict[str, Any], where: str) -> JudgedPair | None:
    texts = ("question_a", "answer_a", "question_b", "answer_b")
    match = "equivalent" if "equivalent" in row else "match"
    if missing := [name for name in (*texts, match) if name not in row]:
        raise InputError(f"{where} is no pair of whole steps: it lacks {missing[0]}")
    label = _label(row, match, texts, where)
    if label is None:
        return None
    question_a, answer_a, question_b, answer_b = (row[name] for name in texts)
    return JudgedPair("step", question_a, question_b, _problem(row), label, answer_a=answer_a, answer_b=answer_b)


def _problem(row: dict[str, Any]) -> str:
    return str(row.get("problem") or _NO_PROBLEM)


def _label(row: dict[str, Any], match: str, texts: Sequence[str], where: str) -> bool | None:
    """What a row says; None for a matter of taste. Raises InputError for what is neither a label nor a text."""
    label = row[match]
    if label is None:
        return None
    if not isinstance(label, bool):
        raise InputError(f"{where}: {match} is {label!r}, where true, false or null has to be")
    for name in texts:
        if not isinstance(row[name], str):
            raise InputError(f"{where}: {name} is {row[name]!r}, where a text has to be")
    return label


def sample(pairs: Sequence[JudgedPair], limit: int | None, seed: int) -> list[JudgedPair]:
    """At most `limit` pairs of each part, drawn at random, in their order."""
    kept: list[int] = []
    for part in WHOLE:
        found = [number for number, pair in enumerate(pairs) if pair.part == part]
        kept += random.Random(seed).sample(found, min(len(found), limit or len(found)))
    return [pairs[number] for number in sorted(kept)]


async def _judge(settings: JudgeSettings, pairs: Sequence[JudgedPair]) -> list[JudgedPair]:
    from rlkd_data.judges.open import open_judge

    judge = open_judge(settings)
    judged: list[JudgedPair] = []
    try:
        with tally(f"judge pairs ({settings.kind})", len(pairs)) as progress:
            for start in range(0, len(pairs), _AT_ONCE):
                batch = pairs[start : start + _AT_ONCE]
                asked = [p.pair((start, n)) for n, p in enumerate(batch)]
                for pair, verdict in zip(batch, await judge.judge(asked), strict=True):
                    judged.append(_with(pair, verdict))
                    progress.advance("unscored" if verdict.match is None else "ok")
    finally:
        await judge.close()
    return judged


def _with(pair: JudgedPair, verdict: Verdict) -> JudgedPair:
    return replace(pair, match=verdict.match, how=verdict.how, free=verdict.free, score=verdict.score)


def figures(judged: Sequence[JudgedPair], threshold: float) -> dict[str, Any]:
    """Agreement by part; where the judge gives scores, also the threshold fitted on one half of the pairs, and kappa on
    the other half with it and with the one that is set. Pairs of one text `a` are in one half."""
    found: dict[str, Any] = {}
    for part in WHOLE:
        chosen = [pair for pair in judged if pair.part == part]
        if not chosen:
            continue
        found |= {f"{part}: {name}": value for name, value in _told(_agreement(chosen)).items()}
        found[f"{part}: free"] = sum(pair.free for pair in chosen) / len(chosen)
        found |= {f"{part}: {name}": value for name, value in _fitted(chosen, threshold).items()}
    return found


def _agreement(pairs: Sequence[JudgedPair]) -> Agreement:
    return agreement([pair.label for pair in pairs], [pair.match for pair in pairs])


def _told(found: Agreement) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, value in asdict(found).items():
        if isinstance(value, tuple):
            whole = name.removesuffix("_interval")
            told |= {f"{whole} low": value[0], f"{whole} high": value[1]}
        elif value is not None:
            told[name] = value
    return told


def _fitted(pairs: Sequence[JudgedPair], threshold: float) -> dict[str, float]:
    scored = [(pair, pair.score) for pair in pairs if pair.score is not None]
    fit = [(pair, score) for pair, score in scored if _half(pair)]
    held_out = [(pair, score) for pair, score in scored if not _half(pair)]
    best = best_threshold([score for _, score in fit], [pair.label for pair, _ in fit])
    if best is None or not held_out:
        return {}
    labels = [pair.label for pair, _ in held_out]
    told = {"best threshold": best, "held-out pairs": float(len(held_out))}
    for name, least in (("set", threshold), ("best", best)):
        found = agreement(labels, [score >= least for _, score in held_out])
        if found.kappa is not None and found.accuracy is not None:
            told |= {f"held-out kappa, {name} threshold": found.kappa}
            told |= {f"held-out accuracy, {name} threshold": found.accuracy}
    return told


def _half(pair: JudgedPair) -> bool:
    return int(content_hash("half", pair.a)[-1], 16) % 2 == 0


def worst(judged: Sequence[JudgedPair], threshold: float) -> list[JudgedPair]:
    """The pairs whose verdict is not their label, the surest verdicts first: those of `equal`, then by how far the
    score is from the threshold, then those without a score."""

    def sureness(pair: JudgedPair) -> tuple[int, float]:
        return (2, 0.0) if pair.free else (1, abs(pair.score - threshold)) if pair.score is not None else (0, 0.0)

    wrong = [pair for pair in judged if pair.match is not None and pair.match != pair.label]
    return sorted(wrong, key=sureness, reverse=True)


def _show(errors: Sequence[JudgedPair]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not errors:
        return
    table = Table("part", "label", "verdict", "how", "a", "b", title="worst errors")
    for pair in errors:
        shown = [" ".join(text.split())[:_SHOWN] for text in (pair.how, pair.a, pair.b)]
        words = [pair.part, "match" if pair.label else "differ", "match" if pair.match else "differ", *shown]
        table.add_row(*(Text(word) for word in words))
    console.print(table)
