"""A trained GSRM on held-out GSM8K-socratic rows: its replies, kept, and the figures from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlkd_data.decompose.judge import Case, PieceReply, Rules
from rlkd_data.decompose.judge import judge as judge_decomposition
from rlkd_data.structure.chunk import Piece
from rlkd_data.structure.names import LEAST_COVERAGE, LONGEST_GAP, REJECTING
from rlkd_train.gsrm.data import Target, example, socratic_target
from rlkd_train.gsrm.quality import Compared, compare, figures, generate
from rlkd_train.gsrm.solution_styles import Styled
from rlkd_train.sft.examples import prompt_ids

REPLIES = "held_out.jsonl"
_RULES = Rules("tagged", REJECTING, LEAST_COVERAGE, LONGEST_GAP)
"""The rules of `rlkd-data decompose`, so that its counts and these are of one kind."""


def measure(
    model: Any, tokenizer: Any, texts: Sequence[Styled], *, max_tokens: int, batch: int, out: Path
) -> dict[str, float | int]:
    """Decompose solutions, add the replies to `out/held_out.jsonl`, and compare with gold (`quality.figures`)."""
    targets = [socratic_target(text) for text in texts]
    prompts = [prompt_ids(tokenizer, example(target).messages) for target in targets]
    replies = generate(model, tokenizer, prompts, max_tokens=max_tokens, batch=batch)
    judged = [judge(target, text, ended) for target, (text, ended) in zip(targets, replies, strict=True)]
    with (out / REPLIES).open("a", encoding="utf-8") as file:
        for styled, (reply, _), one in zip(texts, replies, judged, strict=True):
            line = {"id": styled.row.row_id, "styles": styled.styles, "reply": reply, **asdict(one)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return figures(judged)


def judge(target: Target, reply: str, ended: bool = True) -> Compared:
    """One reply against what should have come out; `ended`: whether it came to its end within the tokens it was given.
    Of a solution's final answer the plain numbers are compared."""
    whole = PieceReply(Piece(0, 0, len(target.reasoning)), reply, "stop" if ended else "length")
    stated = target.final_answer
    case = Case(target.problem, target.domain, target.reasoning, stated, gold=None, is_correct=None, replies=(whole,))
    found = judge_decomposition(case, _RULES)
    codes = [code for code, _, _ in found.failures]
    return compare(target.steps, stated, found.steps, found.final_answer, codes)
