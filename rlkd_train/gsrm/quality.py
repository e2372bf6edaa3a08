"""How well a GSRM decomposes: its replies on held-out rows against gold steps. Pure but for `measure`.

A predicted step matches a gold one where their answers arrive at the same number; matches keep the order of both.
Precision, recall and F1 are over all steps of all rows (micro).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.match import match
from rlkd_data.structure.outcome import outcome


@dataclass(frozen=True, slots=True)
class Compared:
    """One reply against gold. `codes` are the checks that reject it; such a reply has no steps that count."""

    gold: int
    predicted: int
    matched: int
    same_questions: int
    same_meta: int
    final_answer: bool
    codes: tuple[str, ...] = field(default=())


def matches(gold: Sequence[Step], predicted: Sequence[Step]) -> list[tuple[int, int]]:
    """The longest run of pairs (gold index, predicted index), both rising, whose answers arrive at the same."""
    left = [outcome(step.answer) for step in gold]
    right = [outcome(step.answer) for step in predicted]
    return match(len(left), len(right), lambda i, j: left[i] == right[j])


def compare(
    gold: Sequence[Step],
    gold_answer: str | None,
    predicted: Sequence[Step],
    predicted_answer: str | None,
    codes: Sequence[str] = (),
) -> Compared:
    """Counts for one reply; a reply with rejecting `codes` counts as having predicted nothing."""
    if codes:
        predicted, predicted_answer = (), None
    pairs = matches(gold, predicted)
    same_final = (
        gold_answer == predicted_answer
        if gold_answer is None or predicted_answer is None
        else outcome(gold_answer) == outcome(predicted_answer)
    )
    return Compared(
        gold=len(gold),
        predicted=len(predicted),
        matched=len(pairs),
        same_questions=sum(_plain(gold[i].sub_problem) == _plain(predicted[j].sub_problem) for i, j in pairs),
        same_meta=sum(_plain(gold[i].meta_reasoning) == _plain(predicted[j].meta_reasoning) for i, j in pairs),
        final_answer=same_final,
        codes=tuple(codes),
    )


def figures(compared: Sequence[Compared]) -> dict[str, float | int]:
    """Shares over rows (parse, step count, final answer) and over steps (precision, recall, F1, exact lines)."""
    rows = len(compared)
    if not rows:
        return {"rows": 0}
    gold = sum(one.gold for one in compared)
    predicted = sum(one.predicted for one in compared)
    matched = sum(one.matched for one in compared)
    precision = matched / predicted if predicted else 0.0
    recall = matched / gold if gold else 0.0
    return {
        "rows": rows,
        "parse_rate": sum(not one.codes for one in compared) / rows,
        "step_count_agreement": sum(one.gold == one.predicted for one in compared) / rows,
        "step_precision": precision,
        "step_recall": recall,
        "step_f1": 2 * precision * recall / (precision + recall) if matched else 0.0,
        "final_answer_accuracy": sum(one.final_answer for one in compared) / rows,
        "meta_reasoning_exact": sum(one.same_meta for one in compared) / gold if gold else 0.0,
        "sub_problem_exact": sum(one.same_questions for one in compared) / gold if gold else 0.0,
        **{f"code:{code}": count for code, count in Counter(c for one in compared for c in set(one.codes)).items()},
    }


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], *, max_tokens: int, batch: int
) -> list[tuple[str, bool]]:
    """Greedy completions of tokenised prompts, in their order, and whether each came to its end within `max_tokens`.
    Long and short prompts go in batches of their own kind, padded on the left."""
    import torch

    from rlkd_data.run.progress import tally

    device = next(model.parameters()).device
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    replies = [("", False)] * len(prompts)
    was_training = model.training
    model.eval()
    with torch.inference_mode(), tally("held-out rows", len(prompts)) as progress:
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            width = max(len(prompts[i]) for i in chosen)
            ids = torch.full((len(chosen), width), pad, dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, i in enumerate(chosen):
                ids[row, width - len(prompts[i]) :] = torch.tensor(prompts[i])
                mask[row, width - len(prompts[i]) :] = 1
            made = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=max_tokens,
                do_sample=False,
                pad_token_id=pad,
                eos_token_id=tokenizer.eos_token_id,
            )
            for i, tokens in zip(chosen, made[:, width:].tolist(), strict=True):
                ended = tokenizer.eos_token_id in tokens
                replies[i] = (tokenizer.decode(tokens, skip_special_tokens=True), ended)
            progress.advance(count=len(chosen))
    model.train(was_training)
    return replies
