"""The data card's sections as plain values, from facts and plan. Pure; `card.py` puts them into words and YAML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.publish.facts import Facts
from rlkd_data.publish.found import made_when, scores
from rlkd_data.publish.licences import hub_name
from rlkd_data.publish.plan import Config, Part
from rlkd_data.publish.render import cell, code

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_SOURCES = 20
"""Sources that a card lists by name."""
_COUNTED_HERE = {"right", "wrong", "unverified", "steps_mean", "grounded", "coverage_mean"}
"""Figures of stages that the card works out itself, over all of its rows."""
_BILL = {"tries", "prompt tokens", "cached tokens", "completion tokens", "dollars", "prices"}
"""Figures of stages that are about money."""


@dataclass(frozen=True)
class Survey:
    """The facts of every part of a publication, in its order."""

    parts: tuple[tuple[Part, Facts], ...]

    def of(self, table: str, rejected: bool = False) -> Facts:
        """The facts of a table over all splits and folders."""
        whole = Facts()
        for part, facts in self.parts:
            if part.table.name == table and part.table.rejected == rejected:
                whole.merge(facts)
        return whole

    def usable(self) -> Facts:
        whole = Facts()
        for part, facts in self.parts:
            if not part.table.rejected:
                whole.merge(facts)
        return whole

    def everything(self) -> Facts:
        whole = Facts()
        for _, facts in self.parts:
            whole.merge(facts)
        return whole

    def rows(self, config: Config, split: str) -> int:
        chosen = {id(part) for part in config.parts if part.split == split}
        return sum(facts.rows for part, facts in self.parts if id(part) in chosen)


def names(counter: Mapping[str | None, int] | None) -> list[str]:
    """The values of a counter that are given, the most frequent first."""
    return [value for value, _ in Counter(counter or {}).most_common() if value]


def models(survey: Survey) -> list[str]:
    """The teachers that are not people."""
    return [name for name in names(survey.of("traces").values.get("teacher")) if not name.startswith("human:")]


def size_category(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "n>10M" if rows >= 10**8 else "10M<n<100M")


def human_size(size: int) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def origins(facts: Facts) -> tuple[list[dict[str, Any]], int]:
    """Sources with their revision and licence, the largest first; and how many more there are."""
    found = [
        {"source": source_of(source), "revision": revision_of(source), "licence": licence, "rows": rows}
        for (source, licence), rows in facts.origins.most_common()
    ]
    return found[:_SOURCES], max(0, len(found) - _SOURCES)


def source_of(source: str | None) -> str:
    return (source or "not named").rpartition("@")[0] or source or "not named"


def revision_of(source: str | None) -> str:
    before, at, after = (source or "").rpartition("@")
    return after if before and at else "not recorded"


def hub_licences(facts: Facts) -> list[str]:
    """The Hub's names of the licences of all rows."""
    return sorted({hub_name(licence) for _, licence in facts.origins if licence})


def share(part: int, whole: int) -> str:
    """`38 of 40 (95.0 %)`."""
    return f"{part:,} of {whole:,} ({part / whole:.1%})".replace("%)", " %)") if whole else "none"


def rejections(survey: Survey) -> list[dict[str, Any]]:
    return [
        {"stage": part.table.folder.resolve().name, "reason": reason or "not given", "rows": rows}
        for part, facts in survey.parts
        if part.table.rejected
        for reason, rows in facts.values.get("reason", Counter()).most_common()
    ]


def figures(survey: Survey) -> list[dict[str, str]]:
    """What was counted over all rows, then what the stages measured."""
    found: list[tuple[str, str]] = []
    traces, steps = survey.of("traces"), survey.of("decompositions")
    judged = traces.values.get("is_correct", Counter())
    if traces.rows:
        right, wrong = judged["true"], judged["false"]
        if right + wrong:
            found.append(
                ("traces whose final answer is right, of those that could be judged", share(right, right + wrong))
            )
        if traces.rows - right - wrong:
            found.append(("traces whose answer could not be judged", share(traces.rows - right - wrong, traces.rows)))
        found.append(("mean length of the reasoning", f"{sum(traces.lengths) / traces.rows:,.0f} characters"))
    if steps.rows:
        refused = survey.of("decompositions", rejected=True).rows
        found.append(("annotator's replies that parse and pass the checks", share(steps.rows, steps.rows + refused)))
        found.append(("mean number of steps", f"{sum(steps.steps) / steps.rows:.2f}"))
        found.append(("steps found again in the reasoning (spans)", share(steps.grounded, sum(steps.steps))))
        if steps.coverages:
            found.append(("mean share of a trace that its steps cover", f"{steps.covered / steps.coverages:.1%}"))
    for folder, made_by in [*stages(survey), *scores([part.table for part, _ in survey.parts])]:
        for figure, value in _flat((made_by.get("result") or {}).get("figures") or {}):
            if figure not in _COUNTED_HERE | _BILL:
                found.append((f"{folder.name}: {figure.replace('_', ' ')}", value))
    return [{"name": name, "value": value} for name, value in found]


def stages(survey: Survey) -> list[tuple[Path, dict[str, Any]]]:
    """(folder, `stage.json`) of every stage, once, in the order they were made."""
    found = {part.table.folder.resolve(): part.table.made_by for part, _ in survey.parts if part.table.made_by}
    return sorted(found.items(), key=lambda item: made_when(item[1], item[0]))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}, ")
        elif isinstance(value, bool) or value is None or isinstance(value, list):
            continue
        elif isinstance(value, (int, float)):
            yield prefix + name, f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
        elif isinstance(value, str):
            yield prefix + name, value


def cost(survey: Survey) -> str:
    """What the rows cost, in words; rejected ones too, as they were paid for."""
    every = survey.everything()
    tokens = billed = ""
    if every.prompt_tokens or every.completion_tokens:
        tokens = f" The models read {every.prompt_tokens:,} and wrote {every.completion_tokens:,} tokens."
    bills = [(folder.name, made_by.get("result") or {}) for folder, made_by in stages(survey)]
    sums = [f"{code(name)} ${result['cost_usd']:,.4f}" for name, result in bills if result.get("cost_usd")]
    if sums:
        billed = f" Whole stages, with requests that came to nothing: {', '.join(sums)}."
    sources = {str((result.get("figures") or {}).get("prices") or "") for _, result in bills} - {""}
    if every.priced and sources:
        billed += f" Prices: {cell('; '.join(sorted(sources)))}."
    if every.priced:
        unpriced = every.rows - every.priced
        rest = f" {unpriced:,} rows have no price: their model is free, or not in the price list." if unpriced else ""
        return f"${every.cost_usd:,.4f} for {every.priced:,} rows.{rest}{billed}{tokens}"
    if tokens:
        return f"No price is known for the models: they are free, or not in the price list.{billed}{tokens}"
    return f"Nothing that the rows tell: no model was paid for them.{billed}"


def decontamination(survey: Survey) -> str:
    """What was done so that the problems are not those of an evaluation set."""
    lines, unchecked = [], []
    for folder, made_by in stages(survey):
        if made_by.get("stage") != "collect":
            continue
        settings, result = made_by.get("settings") or {}, made_by.get("result") or {}
        benchmarks = settings.get("decontaminate")
        if not benchmarks:
            unchecked.append(code(folder.name))
            continue
        rows = (result.get("counts") or {}).get("rejected:contaminated", 0)
        listed = ", ".join(code(_last(str(name))) for name in benchmarks)
        lines.append(
            f"The problems of {code(folder.name)} were compared with {listed}: one that shares {settings.get('ngram')} "
            f"words in a row with a problem there, or is a shorter one's whole text, was left out. Rows left out, as "
            f"`contaminated`: {rows:,}" + ("; `detail` says what each has in common." if rows else ".")
        )
    if lines and unchecked:
        lines.append(f"Not compared with anything: {', '.join(unchecked)}.")
    return "\n\n".join(lines) or (
        "None was recorded: no stage compared these problems with an evaluation set. Look for a benchmark's problems "
        "among them (column `problem`) before you train on them and report that benchmark."
    )


def _last(name: str) -> str:
    """A benchmark's name, of a file the last part: a card names no machine."""
    is_path = name.startswith(("/", "~", ".")) or name.count("/") > 1
    return re.split(r"[/\\]", name)[-1] if is_path else name


def limits(survey: Survey, languages: Sequence[str]) -> list[str]:
    """What a reader must know before using the rows, from the rows themselves."""
    traces, steps, usable = survey.of("traces"), survey.of("decompositions"), survey.usable()
    found = []
    if models(survey):
        found.append("The reasoning is a model's. A right final answer does not make every line before it right.")
    judged = traces.values.get("is_correct", Counter())
    if judged["false"]:
        found.append(
            f"{judged['false']:,} usable traces end in a wrong answer. Filter by `is_correct` where that matters."
        )
    if unknown := traces.rows - judged["true"] - judged["false"]:
        found.append(f"Of {unknown:,} traces it is not known whether they are right; `verification` says why.")
    if steps.rows:
        found.append(
            "The steps are an annotator model's reading of the trace. They were checked for form, not read by people."
        )
    if lost := sum(steps.steps) - steps.grounded:
        found.append(f"{lost:,} steps were not found again in the reasoning; their spans are null.")
    if steps.rows and not traces.rows:
        found.append("The traces themselves are not part of this data set, so the spans lead nowhere in it.")
    domains = names(usable.values.get("domain"))
    if len(domains) == 1:
        found.append(f"All problems are of one domain ({domains[0]}).")
    found.append(f"The language ({', '.join(languages)}) is what the publisher states; it was not detected.")
    return found
