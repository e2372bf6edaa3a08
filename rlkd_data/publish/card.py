"""The data card: YAML for the Hub, then what a careful reader asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlkd_data.config import Settings
from rlkd_data.prompts import GSRM, decompose_prompt_id, prompt_id
from rlkd_data.publish import content
from rlkd_data.publish.columns import described
from rlkd_data.publish.content import Survey
from rlkd_data.publish.plan import Config, metadata_configs
from rlkd_data.publish.recipe import as_pipeline, in_words, told_settings
from rlkd_data.publish.render import cell, code, fence, fragment, render
from rlkd_data.publish.svg import bars
from rlkd_data.report.histogram import histogram
from rlkd_data.schema import DOMAINS


def charts(survey: Survey) -> dict[str, tuple[str, str]]:
    """{path in the data set: (what it shows, SVG)}."""
    traces, steps = survey.of("traces"), survey.of("decompositions")
    found = {}
    if lengths := histogram(traces.lengths):
        said = f"Length of the reasoning of {traces.rows:,} traces"
        found["figures/reasoning_length.svg"] = (said, bars(lengths, said, "characters"))
    if numbers := histogram(steps.steps, whole=True):
        said = f"Steps of {steps.rows:,} decompositions"
        found["figures/steps.svg"] = (said, bars(numbers, said, "steps"))
    return found


def card(
    repo_id: str,
    configs: Sequence[Config],
    survey: Survey,
    *,
    languages: Sequence[str],
    kinds: Mapping[str, type[Settings]],
    pipelines: Mapping[str, str],
    kept: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The text of `README.md`. `kinds` are the settings of every stage, `pipelines` the YAML of those that made the
    tables, `kept` the configurations that the data set has already."""
    title = repo_id.rpartition("/")[2]
    usable, every = survey.usable(), survey.everything()
    rejected = content.rejections(survey)
    listed, more = content.origins(every)
    entries = metadata_configs(configs, kept)
    body = render(
        "card.md.j2",
        title=title,
        repo_id=repo_id,
        summary=_summary(survey),
        configs=[_config(config, survey, any(c.name == "traces" for c in configs)) for config in configs],
        others=[str(e["config_name"]) for e in entries if e["config_name"] not in {c.name for c in configs}],
        stages=[
            {"title": folder.name, "text": in_words(made_by, told_settings(made_by, kinds))}
            for folder, made_by in content.stages(survey)
        ],
        versions=_versions(survey),
        prompt_ids=[(name, _prompt(name), n) for name, n in every.values.get("prompt_id", {}).items() if name],
        origins=listed,
        more_origins=more,
        licence_note=_licence_note(survey),
        rejected=rejected,
        figures=content.figures(survey),
        issues=usable.issues.most_common(),
        charts=[{"path": path, "alt": said} for path, (said, _) in charts(survey).items()],
        decontamination=content.decontamination(survey),
        cost=content.cost(survey),
        limits=content.limits(survey, languages),
        recipes=_recipes(title, survey, kinds, pipelines),
    )
    return f"---\n{metadata(title, survey, entries, languages)}\n---\n\n{body}"


def metadata(title: str, survey: Survey, entries: list[dict[str, Any]], languages: Sequence[str]) -> str:
    """The card's YAML."""
    from huggingface_hub import DatasetCardData

    every, usable = survey.everything(), survey.usable()
    licences = content.hub_licences(every)
    given = sorted({licence for _, licence in every.origins if licence})
    more: dict[str, Any] = {"license_name": ", ".join(given)} if licences == ["other"] else {}
    data = DatasetCardData(
        language=list(languages),
        license=licences[0] if len(licences) == 1 else licences,
        pretty_name=title,
        size_categories=[content.size_category(usable.rows)],
        task_categories=["text-generation", "question-answering"],
        annotations_creators=["machine-generated"] if usable.steps else None,
        tags=["rlkd", "reasoning", "chain-of-thought", "distillation", *content.names(usable.values.get("domain"))],
        configs=entries,
        **more,
    )
    return str(data.to_yaml(line_break="\n"))


def _summary(survey: Survey) -> str:
    traces, steps, usable = survey.of("traces"), survey.of("decompositions"), survey.usable()
    parts = []
    if steps.rows:
        by = _list(content.names(steps.values.get("annotator")))
        parts.append(
            f"{steps.rows:,} decompositions of reasoning into steps of meta-reasoning, sub-problem and answer, by {by}"
        )
    if traces.rows:
        parts.append(f"{traces.rows:,} traces of reasoning by {_list(content.names(traces.values.get('teacher')))}")
    others = dict.fromkeys(p.table.name for p, _ in survey.parts if p.table.name not in ("traces", "decompositions"))
    parts += [f"{survey.of(name).rows:,} {name}" for name in others if survey.of(name).rows]
    domains = ", ".join(content.names(usable.values.get("domain")))
    what = "; ".join(parts) if parts else "Rejected rows alone"
    made = "Made with rlkd, software for distilling the structure of reasoning."
    return f"{what}{f'. Domain: {domains}' if domains else ''}. {made}"


def _list(values: Sequence[str]) -> str:
    shown = [code(value) for value in values[:5]]
    if len(values) > 5:
        shown.append(f"{len(values) - 5} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else (shown or ["nobody named"])[0]


def _config(config: Config, survey: Survey, has_traces: bool) -> dict[str, Any]:
    table = config.parts[0].table
    splits = []
    for split in config.splits:
        files = [file for part in config.parts if part.split == split for _, file in part.files()]
        size = content.human_size(sum(file.stat().st_size for file in files))
        splits.append({"name": split, "rows": survey.rows(config, split), "files": len(files), "size": size})
    if table.rejected:
        about = fragment("rejected", of=table.name)
        columns = [c for c in described(table.name, config.schema) if c.name in ("reason", "detail")]
    else:
        about = fragment(table.name, has_traces=has_traces) or f"The rows of rlkd's table `{table.name}`."
        columns = described(table.name, config.schema)
    return {"name": config.name, "splits": splits, "about": about, "columns": columns}


def _versions(survey: Survey) -> str:
    found: dict[str, dict[str, None]] = {}
    for _, made_by in content.stages(survey):
        for package, version in (made_by.get("versions") or {}).items():
            found.setdefault(str(package), {})[str(version)] = None
    return ", ".join(f"{package} {' and '.join(versions)}" for package, versions in found.items())


def _prompt(prompt: str) -> str:
    """Which of this version's prompts has the id."""
    known = {prompt_id(*GSRM): "zero-shot, "} | {decompose_prompt_id(d): f"few-shot for {d}, " for d in DOMAINS}
    return known.get(prompt, "")


def _licence_note(survey: Survey) -> str:
    licences = sorted({licence for _, licence in survey.everything().origins if licence})
    besides = " What a model wrote may stand under its provider's terms besides." if content.models(survey) else ""
    if len(licences) > 1:
        which = "the column `license` of a trace says which, for it and its steps"
        return f"The sources give more than one licence: {which}.{besides}"
    return f"The source gives all rows under {cell(licences[0])}; decompositions follow their trace.{besides}"


def _recipes(
    title: str, survey: Survey, kinds: Mapping[str, type[Settings]], pipelines: Mapping[str, str]
) -> list[dict[str, str]]:
    found = [
        _recipe(
            f"The pipeline that made it (`pipelines/{name}.yaml` here). Run it with `rlkd-data run {name}.yaml`:", text
        )
        for name, text in pipelines.items()
    ]
    lone = [
        (folder, made_by, told_settings(made_by, kinds))
        for folder, made_by in content.stages(survey)
        if folder.parent.name not in pipelines
    ]
    if lone:
        text = (
            "The settings of the commands that made it, as a pipeline. Save it as a file and run `rlkd-data run FILE`; "
            "a local file that it names must lie beside you:"
        )
        found.append(_recipe(text, as_pipeline(lone, title)))
    return found


def _recipe(text: str, yaml: str) -> dict[str, str]:
    return {"text": text, "code": yaml.rstrip(), "fence": fence(yaml), "language": "yaml"}
