"""What stands beside a trained GSRM: `gsrm.json`, by which `decompose` knows it, and its card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlkd_train.config import GsrmSettings
from rlkd_train.gsrm.data import Sources
from rlkd_train.gsrm.solution_styles import RECIPE

GSRM_FILE = "gsrm.json"
"""Beside a GSRM's weights: says that the model learned to decompose, and with which prompt."""

_ROWS = {
    "parse_rate": "replies that parse, with no check that rejects",
    "step_precision": "step precision (a step matches where its answer arrives at the same number)",
    "step_recall": "step recall",
    "step_f1": "step F1",
    "step_count_agreement": "same number of steps",
    "final_answer_accuracy": "final answer as gold",
    "meta_reasoning_exact": "meta-reasoning line word for word as the rule writes it",
    "sub_problem_exact": "sub-problem word for word as gold",
}
_SHARES = ("cut", "wrong", "layout", "preamble", "ending", "marks")


def write_card(
    settings: GsrmSettings, folder: Path, figures: Mapping[str, Any], sources: Sources, prompt_id: str
) -> None:
    """Write `gsrm.json` and `README.md` into the model's folder."""
    record = {"prompt_id": prompt_id, "base": settings.model, "figures": dict(figures)}
    (folder / GSRM_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(settings, figures, sources, prompt_id), encoding="utf-8")


def card(settings: GsrmSettings, figures: Mapping[str, Any], sources: Sources, prompt_id: str) -> str:
    """The card's text (Markdown with the Hub's YAML header)."""
    from huggingface_hub import ModelCardData

    header = ModelCardData(
        base_model=_hub_name(settings.model),
        library_name="peft" if settings.lora.r else "transformers",
        license="apache-2.0",
        language="en",
        datasets=["openai/gsm8k"] if sources.train else None,
        tags=["rlkd", "gsrm"],
        pipeline_tag="text-generation",
    )
    parts = [
        f"---\n{header.to_yaml()}\n---",
        f"# A GSRM on {Path(settings.model).name}",
        "It takes a solution apart into steps of meta-reasoning, sub-problem and answer. It was trained by "
        f"`rlkd-train gsrm` and reads the zero-shot prompt `{prompt_id}` (`gsrm.json` names it).",
        "## What it learned from",
        *_data(settings, sources, figures),
        "## How",
        _training(settings, figures),
        "## Measured",
        _measured(figures),
    ]
    return "\n\n".join(parts) + "\n"


def _data(settings: GsrmSettings, sources: Sources, figures: Mapping[str, Any]) -> list[str]:
    parts = []
    if sources.train:
        parts.append(
            f"{len(sources.train)} problems of GSM8K-socratic (openai/grade-school-math, MIT): sub-problems and "
            "answers are its gold; the solution to decompose is the answers put together. **The meta-reasoning "
            "lines are written by rule**, from the calculator marks: which quantities the step takes up, whether the "
            "problem gives them or an earlier step found them, the operation, and what is sought."
        )
        variants = settings.augment.variants
        lines = [f"Each row once as it is and {variants} times rewritten, by rules drawn with these shares:"]
        lines += [f"- `{name}` {getattr(settings.augment, name):g}: {RECIPE[name]}" for name in _SHARES]
        parts.append("\n".join(lines))
    if settings.decompositions:
        parts.append(f"The ok rows of {len(settings.decompositions)} decompositions table(s).")
    counts = figures.get("examples", {})
    parts.append(f"Examples: {counts.get('ok', 0):,}; left out as too long: {counts.get('rejected:too_long', 0):,}.")
    return parts


def _training(settings: GsrmSettings, figures: Mapping[str, Any]) -> str:
    optim, lora = settings.optim, settings.lora
    what = f"LoRA r={lora.r}, alpha={lora.alpha} on every linear layer" if lora.r else "all weights"
    return (
        f"{what}; {figures.get('steps')} steps of {optim.micro_batch * optim.accumulate} sequences "
        f"({settings.epochs:g} epochs), learning rate {optim.learning_rate:g} ({optim.schedule}), seed "
        f"{settings.seed}; loss on the completion alone: {figures['loss_first']:.3f} at first, "
        f"{figures['loss_last']:.3f} at last; {figures['seconds']} s."
    )


def _measured(figures: Mapping[str, Any]) -> str:
    held_out, rewritten = figures.get("held_out"), figures.get("held_out_rewritten")
    if not held_out or not rewritten:
        return "Nothing was held out, so nothing was measured."
    lines = [
        f"On {held_out['rows']} held-out rows that were not trained on, decoded greedily; as they are, and each "
        "rewritten once by the rules above:",
        "",
        "| figure | as they are | rewritten |",
        "|---|---|---|",
    ]
    lines += [f"| {text} | {held_out[name]:.3f} | {rewritten[name]:.3f} |" for name, text in _ROWS.items()]
    for name, found in (("as they are", held_out), ("rewritten", rewritten)):
        codes = {code.removeprefix("code:"): count for code, count in found.items() if code.startswith("code:")}
        if codes:
            lines += ["", f"Rejected, {name}: " + ", ".join(f"{c} {n}" for c, n in sorted(codes.items())) + "."]
    lines += ["", "These are short solutions in the style of the training rows. A student's own text is harder."]
    return "\n".join(lines)


def _hub_name(model: str) -> str | None:
    from rlkd_data.chat.backends.models import KNOWN

    if model in KNOWN:
        return KNOWN[model].hub
    return model if model.count("/") == 1 and not Path(model).exists() else None
