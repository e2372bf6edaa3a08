"""The card of a trained model, from its run's folder. Pure but for reading what the run left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rlkd_data.config import Settings
from rlkd_data.publish.recipe import sampling as sampling_in_words
from rlkd_data.publish.recipe import told_settings
from rlkd_data.publish.render import cell, fence, render
from rlkd_data.publish.svg import curve

_CURVES = {
    "loss": "Loss",
    "reward": "Reward",
    "rewards/structure/mean": "Structure alignment",
    "rewards/accuracy/mean": "Accuracy",
    "completions/mean_length": "Completion length (tokens)",
}
"""What is drawn of a run's log, by the name that it is logged under."""
_SUMMARY = {
    "sft": "was fine-tuned on a teacher's reasoning traces (SFT)",
    "gsrm": "was trained to take reasoning apart into steps of meta-reasoning, sub-problem and answer (a GSRM)",
    "grpo": "was trained with GRPO on the structure of its teacher's reasoning (RLKD)",
    "distill": "was distilled on its own completions, of which a teacher judged each token",
}
_OUTCOME = "was trained with GRPO on the outcome of its completions, without structure"


@dataclass(frozen=True)
class Run:
    """What a training run left: its `stage.json`, its log, the tables it read, and evaluations of it."""

    name: str
    made_by: Mapping[str, Any]
    log: Sequence[Mapping[str, float]]
    adapter: bool
    tables: Sequence[tuple[str, int, Mapping[tuple[str | None, str | None], int]]]
    """(name, rows, rows by source and licence)"""
    evaluations: Sequence[tuple[str, Mapping[str, Any]]] = ()
    """(name, `stage.json`)"""

    @property
    def verb(self) -> str:
        return str(self.made_by["stage"])


def charts(log: Sequence[Mapping[str, float]]) -> dict[str, tuple[str, str]]:
    """{path: (what it shows, SVG)} of what was logged at two steps or more."""
    found = {}
    for key, said in _CURVES.items():
        points = [(line["step"], line[key]) for line in log if key in line and line[key] == line[key]]
        if len(points) > 1:
            found[f"figures/{key.replace('/', '_')}.svg"] = (f"{said} over training", curve(points, said, "step"))
    return found


def card(repo_id: str, run: Run, base: str | None, licence: str) -> str:
    """The text of `README.md`. `base` is the Hub's name of the model that was trained, None where it has none."""
    from huggingface_hub import ModelCardData

    from rlkd_data.publish.licences import hub_name
    from rlkd_train.config import DistillSettings, GrpoSettings, GsrmSettings, SftSettings

    kinds: dict[str, type[Settings]] = {
        "sft": SftSettings,
        "gsrm": GsrmSettings,
        "grpo": GrpoSettings,
        "distill": DistillSettings,
    }
    told, every = told_settings(run.made_by, kinds), told_settings(run.made_by, kinds, whole=True)
    name = hub_name(licence)
    more: dict[str, Any] = {"license_name": licence} if name == "other" else {}
    header = ModelCardData(
        base_model=base,
        library_name="peft" if run.adapter else "transformers",
        license=name,
        language="en",
        pipeline_tag="text-generation",
        tags=["rlkd", run.verb, "reasoning", "distillation"],
        **more,
    )
    figures = (run.made_by.get("result") or {}).get("figures") or {}
    title = repo_id.rpartition("/")[2]
    base_name = base or str((run.made_by.get("settings") or {}).get("model"))
    recipe = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120).rstrip()
    body = render(
        "model.md.j2",
        title=title,
        summary=f"`{base_name}` {_summary(run)} with `rlkd-train {run.verb}`. "
        + ("These are the weights of an adapter on it." if run.adapter else "These are whole weights."),
        loading=_loading(repo_id, run.adapter),
        data=_data(run, told),
        settings=_flat({k: v for k, v in every.items() if k not in ("traces", "decompositions")}),
        versions=", ".join(f"{name} {version}" for name, version in (run.made_by.get("versions") or {}).items()),
        change=_change(figures),
        figures=_numbers({name: value for name, value in figures.items() if name not in ("first", "last")}),
        evaluations=[_evaluation(name, made_by) for name, made_by in run.evaluations],
        charts=[{"path": path, "alt": said} for path, (said, _) in charts(run.log).items()],
        licence=f"{licence}, as its publisher states. The terms of the base model hold too.",
        limits=_limits(run, figures),
        verb=run.verb,
        recipe=recipe,
        fence=fence(recipe),
    )
    return f"---\n{header.to_yaml(line_break=chr(10))}\n---\n\n{body}"


def _summary(run: Run) -> str:
    weights = (run.made_by.get("settings") or {}).get("weights") or {}
    if run.verb == "grpo" and weights.get("structure") == 0 and weights.get("alpha") is None:
        return _OUTCOME
    return _SUMMARY[run.verb]


def _loading(repo_id: str, adapter: bool) -> str:
    kind, package = ("AutoPeftModelForCausalLM", "peft") if adapter else ("AutoModelForCausalLM", "transformers")
    return (
        f"from {package} import {kind}\nfrom transformers import AutoTokenizer\n\n"
        f'model = {kind}.from_pretrained("{repo_id}")\ntokenizer = AutoTokenizer.from_pretrained("{repo_id}")'
    )


def _data(run: Run, told: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, rows, origins in run.tables:
        where = "; ".join(
            f"{cell(source or 'a source without a name')} ({cell(licence or 'no licence given')}"
            + (f", {count:,} rows)" if len(origins) > 1 else ")")
            for (source, licence), count in list(origins.items())[:10]
        )
        lines.append(
            f"- `{name}`: {rows:,} rows"
            + (f"; from {where}" if len(origins) > 1 else f" from {where}" if where else "")
        )
    if socratic := told.get("socratic"):
        lines.append(f"- GSM8K-socratic (`{socratic}`), whose sub-problems and answers are gold.")
    named = [*(told.get("traces") or ()), *(told.get("decompositions") or ())]
    if not lines:
        lines.append(
            f"The run read {', '.join(f'`{Path(str(path)).name}`' for path in named)}; the tables were no longer there "
            "when this was published."
            if named
            else "The run's settings name no table."
        )
    return ["\n".join(lines)]


def _change(figures: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    first, last = figures.get("first"), figures.get("last")
    if not isinstance(first, Mapping) or not isinstance(last, Mapping):
        return []
    return [(name, _shown(value), _shown(last.get(name))) for name, value in first.items()]


def _evaluation(name: str, made_by: Mapping[str, Any]) -> dict[str, Any]:
    settings, result = made_by.get("settings") or {}, made_by.get("result") or {}
    data = ", ".join(Path(str(path)).name for path in settings.get("data") or ())
    sampling = settings.get("sampling") or {}
    k = settings.get("k", 1)
    how = f"on {data}, {k} completion{'s' if k != 1 else ''} of each problem, {sampling_in_words(sampling)}"
    return {"name": name, "how": how, "figures": _numbers(result.get("figures") or {})}


def _limits(run: Run, figures: Mapping[str, Any]) -> list[str]:
    found = ["What it says is a model's: check an answer before you rely on it."]
    steps = figures.get("steps")
    if isinstance(steps, int) and steps < 50:
        found.append(f"It was trained for {steps} optimiser steps: enough to try the method out, not to learn much.")
    if not run.evaluations:
        found.append("Its quality on problems that it was not trained on is not known from this page.")
    return found


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif value is not None:
            found.append((prefix + name, value))
    return found


def _numbers(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _shown(value)) for name, value in _flat(figures) if _is_number(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
