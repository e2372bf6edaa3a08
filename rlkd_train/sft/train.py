"""`rlkd-train sft` and `rlkd-train gsrm`: one supervised path, two builders of examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rlkd_data.run.stage import StageResult
from rlkd_train.config import GsrmSettings, SftSettings, TrainSettings
from rlkd_train.sft.examples import Example, write_examples

EXAMPLES = "examples.arrow"


def train_sft(settings: SftSettings, out: Path) -> StageResult:
    """Train a student on traces. `out` gets model/, log.jsonl, checkpoints/ and the tokenised examples."""
    from rlkd_train.sft.data import student_examples

    result, _, _ = _train(
        settings,
        out,
        lambda tokenizer, left_out: student_examples(settings, tokenizer, left_out),
        title="student examples",
        epochs=settings.epochs,
        max_steps=settings.max_steps,
        max_length=settings.max_length,
    )
    return result


def train_gsrm(settings: GsrmSettings, out: Path) -> StageResult:
    """Train a GSRM, measure it on the held-out rows, and write its card. `out` gets what `train_sft` writes, and
    model/gsrm.json, model/README.md, held_out.jsonl (the measured replies)."""
    from rlkd_data.prompts import GSRM, prompt_id
    from rlkd_train.gsrm.card import write_card
    from rlkd_train.gsrm.data import example, held_out_texts, load_sources, targets
    from rlkd_train.gsrm.measure import REPLIES, measure

    sources = load_sources(settings)
    result, model, tokenizer = _train(
        settings,
        out,
        lambda *_: (example(target) for target in targets(settings, sources)),
        title="GSRM examples",
        epochs=settings.epochs,
        max_steps=settings.max_steps,
        max_length=settings.max_length,
    )
    held_out = sources.held_out[: settings.measure] if settings.measure is not None else sources.held_out
    figures = dict(result.figures)
    if held_out:
        if settings.lora.r:
            model = model.merge_and_unload()  # as `decompose` uses it
        (out / REPLIES).unlink(missing_ok=True)
        for name, texts in held_out_texts(settings, held_out).items():
            figures[name] = measure(
                model, tokenizer, texts, max_tokens=settings.measure_tokens, batch=settings.measure_batch, out=out
            )
    write_card(settings, out / "model", {**figures, "examples": result.counts}, sources, prompt_id(*GSRM))
    return StageResult(result.counts, figures)


def _train(
    settings: TrainSettings,
    out: Path,
    build: Callable[[Any, dict[str, int]], Iterable[Example]],
    *,
    title: str,
    epochs: float,
    max_steps: int,
    max_length: int,
) -> tuple[StageResult, Any, Any]:
    """Examples, training, weights: each is kept when finished, so that a killed run goes on where it was. `build` takes
    the tokenizer, and a dict in which it counts the rows that it leaves out, by reason. Returns the result, the trained
    model and its tokenizer."""
    from rlkd_train.run_folder import save_model
    from rlkd_train.sft.run import run_sft
    from rlkd_train.student import load_student

    out.mkdir(parents=True, exist_ok=True)
    model, tokenizer = load_student(settings)
    examples, counted = out / EXAMPLES, out / "examples.json"
    if not (examples.exists() and counted.exists()):
        left_out: dict[str, int] = {}
        counts, tokens = write_examples(tokenizer, build(tokenizer, left_out), examples, max_length, title)
        counts |= {f"rejected:{reason}": count for reason, count in left_out.items()}
        counted.write_text(json.dumps({"counts": counts, "tokens": tokens}), encoding="utf-8")
    known = json.loads(counted.read_text(encoding="utf-8"))
    figures = run_sft(
        settings,
        model=model,
        tokenizer=tokenizer,
        examples=examples,
        out=out,
        epochs=epochs,
        max_steps=max_steps,
        max_length=max_length,
    )
    save_model(model, tokenizer, out, settings.model)
    return StageResult(known["counts"], {"tokens_per_epoch": known["tokens"], **figures}), model, tokenizer
