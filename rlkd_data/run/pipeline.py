"""Runs a pipelines/*.yaml: stages in order, each skipped when nothing that it depends on has changed.

    name: quickstart
    workdir: runs/quickstart
    defaults: {store: "{workdir}/responses.sqlite"}     # taken by every stage that has such a setting
    stages:
      traces: {verb: collect, source: gsm8k-quickstart}
      steps:  {verb: decompose, traces: ["@traces"], annotator: "local:gsrm-smollm2"}

    closing: What came of it, and what to do next.         # printed at the end

`@name` is the folder of an earlier stage; `{workdir}` the pipeline's folder, `{shipped}` the folder of rlkd's own
files. A stage may stand for several: `for: {seed: [0, 1, 2]}` (`repeated.py`).
"""

from __future__ import annotations

import fnmatch
import re
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from rich.markup import escape

from rlkd_data import unshown
from rlkd_data.chat.backends.kept import keeping
from rlkd_data.config import Settings
from rlkd_data.config.base import groups
from rlkd_data.errors import InputError, nearest
from rlkd_data.files import sweep, write_whole
from rlkd_data.run import repeated, yaml_text
from rlkd_data.run.lock import locked
from rlkd_data.run.progress import console
from rlkd_data.run.resources import resource
from rlkd_data.run.stage import StageResult, StageSpec, registry, run_stage

PIPELINE_FILE = "pipeline.yaml"
_STAGE_NAME = r"(?!\.+$)[\w.-]+"
_TOP_KEYS = ("name", "workdir", "description", "defaults", "stages", "closing")


@dataclass(frozen=True)
class PlannedStage:
    """One stage of a pipeline with its settings checked and its references resolved."""

    name: str
    spec: StageSpec
    settings: Settings
    out: Path


@dataclass(frozen=True)
class Pipeline:
    name: str
    workdir: Path
    stages: tuple[PlannedStage, ...]
    text: str = ""
    """The YAML that it was read from, with the overrides as comments before it, and no header's value."""
    closing: str = ""
    """What the file says (`closing`) to the person who has run it: what came of it, and what to do next."""


@dataclass(frozen=True)
class StageOutcome:
    """What running one stage came to. `seconds` is wall time; `ran` is False where it was done before."""

    stage: PlannedStage
    result: StageResult
    ran: bool
    seconds: float


def find(name: str) -> Path:
    """A pipeline's file: a path, or the name of one that is shipped (`quickstart`, `pipelines/quickstart.yaml`)."""
    path = Path(name)
    if path.is_file():
        return path
    shipped = resource("pipelines")
    candidate = shipped / f"{path.stem}.yaml"
    if candidate.is_file() and str(path.parent) in (".", "pipelines"):
        return candidate
    names = ", ".join(sorted(p.stem for p in shipped.glob("*.yaml")))
    raise InputError(f"no pipeline {name!r}: neither a file nor one of those shipped ({names})")


def load(path: Path, overrides: Sequence[str] = ()) -> Pipeline:
    """Read and check a whole pipeline before anything runs. Raises InputError naming the file and the key."""
    document = read_yaml(path)
    _known(document, _TOP_KEYS, f"{path}")
    stages = {
        str(k): _mapping(v, f"{path}: stage {k}")
        for k, v in _mapping(document.get("stages"), f"{path}: stages").items()
    }
    stages = repeated.expand(stages, str(path))
    workdir = Path(str(document.get("workdir") or f"runs/{path.stem}"))
    for override in overrides:
        workdir = _apply(stages, workdir, override)
    specs = registry()
    defaults = _mapping(document.get("defaults") or {}, f"{path}: defaults")
    unused = set(defaults)
    planned: dict[str, PlannedStage] = {}
    for name, raw in stages.items():
        where = f"{path}: stage {name}"
        if not re.fullmatch(_STAGE_NAME, name) or name == PIPELINE_FILE:
            raise InputError(
                f"{path}: stage {name[:80]!r}: a stage's name is its folder's: letters, digits, _, - and . alone"
            )
        verb = raw.get("verb", name)
        if verb not in specs:
            raise InputError(f"{where}: unknown verb {verb!r}{_nearest(str(verb), specs)}")
        spec = specs[verb]
        given = {k: v for k, v in raw.items() if k != "verb"}
        values = _with_defaults(spec.settings, given, defaults, unused)
        resolved = _resolve(values, planned, workdir, where)
        planned[name] = PlannedStage(name, spec, check_settings(spec.settings, resolved, where), workdir / name)
    if unused:
        raise InputError(f"{path}: defaults: no stage has a setting {sorted(unused)[0]!r}")
    shown = map(unshown.override, overrides)
    told = "".join(f"# run with --set {shlex.quote(override)}\n" for override in shown if "\n" not in override)
    text = told + unshown.document(path.read_text(encoding="utf-8"))
    name, closing = str(document.get("name") or path.stem), str(document.get("closing") or "").strip()
    return Pipeline(name, workdir, tuple(planned.values()), text, closing)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping. Raises InputError naming the file, and the place where it is broken."""
    try:
        document = yaml_text.read(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from None
    except (yaml_text.Unreadable, UnicodeDecodeError) as problem:
        raise InputError(f"{path} is not valid YAML: {_one_line(problem)}") from None
    return _mapping(document, str(path))


def run(pipeline: Pipeline, only: Sequence[str] = ()) -> list[StageOutcome]:
    """Run what is not done. A stage's outcome is in its folder before the next one starts.

    `only`: the stages of these names, or of names that fit a pattern (`grpo-*`), whose inputs are there already.
    Several processes may run parts of one pipeline at once, each stage by one of them. Raises InputError for a name
    that no stage has, and where another process runs the whole pipeline in the same folder.
    """
    chosen = _chosen(pipeline, only)
    outcomes: list[StageOutcome] = []
    with nullcontext() if only else locked(pipeline.workdir), keeping():
        pipeline.workdir.mkdir(parents=True, exist_ok=True)
        sweep(pipeline.workdir)
        write_whole(pipeline.workdir / PIPELINE_FILE, pipeline.text)  # for the card of what is published
        for number, stage in enumerate(pipeline.stages, 1):
            if stage.name not in chosen:
                continue
            started = time.monotonic()
            console.print(
                f"[bold]{number}/{len(pipeline.stages)} {stage.name}[/] ({stage.spec.name}) → {escape(str(stage.out))}"
            )
            result, ran = run_stage(stage.spec, stage.settings, stage.out, replace=True)
            seconds = time.monotonic() - started
            console.print(
                f"    {f'done in {seconds:.1f} s' if ran else 'done before'}  {counts_line(result.counts)}".rstrip(),
                markup=False,
            )
            outcomes.append(StageOutcome(stage, result, ran, seconds))
    return outcomes


def _chosen(pipeline: Pipeline, only: Sequence[str]) -> set[str]:
    names = [stage.name for stage in pipeline.stages]
    chosen: set[str] = set()
    for pattern in only:
        found = fnmatch.filter(names, pattern)
        if not found:
            raise InputError(f"--only {pattern}: pipeline {pipeline.name} has no such stage{_nearest(pattern, names)}")
        chosen.update(found)
    return chosen if only else set(names)


def counts_line(counts: Mapping[str, int]) -> str:
    """Counts as one line: `ok 40  rejected:truncated 2`."""
    return "  ".join(f"{name} {count:,}" for name, count in counts.items())


def check_settings(model: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """Settings from plain values. Raises InputError naming the key, with the nearest right name for an unknown one."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as problem:
        first = problem.errors()[0]
        key = unshown.setting(first["loc"])
        if first["type"] == "extra_forbidden":
            names = _fields_at(model, first["loc"][:-1])
            raise InputError(f"{where}: unknown setting {key!r}{_nearest(str(first['loc'][-1]), names)}") from None
        if first["type"] == "missing":
            raise InputError(f"{where}: setting {key!r} is missing") from None
        said = _one_line(first["msg"]).removeprefix("Value error, ")
        # Settings that do not go together: which, the message says. An address may hold a password, a header a key.
        hidden = first["type"] == "web_address" or unshown.FIELD in first["loc"]
        if hidden or isinstance(first["input"], Mapping):
            raise InputError(f"{where}: {f'{key}: ' if key else ''}{said}") from None
        raise InputError(f"{where}: {key}: {said} (got {first['input']!r})") from None


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set `a.b=value` in nested settings; the value is read as YAML."""
    dotted, sep, text = override.partition("=")
    if not sep or not dotted:
        raise InputError(f"--set {unshown.override(override)!r}: write it as key=value")
    try:
        value = yaml_text.read(text)
    except yaml_text.Unreadable:
        value = text
    *parents, last = dotted.strip().split(".")
    target = values
    for parent in parents:
        target = target.setdefault(parent, {})
        if not isinstance(target, dict):
            raise InputError(f"--set {unshown.override(override)!r}: {parent!r} has no settings below it")
    target[last] = value


def _apply(stages: dict[str, dict[str, Any]], workdir: Path, override: str) -> Path:
    stage, dot, _ = override.partition("=")[0].partition(".")
    if stage == "workdir" and not dot:
        return Path(override.partition("=")[2])
    if not dot:
        raise InputError(f"--set {unshown.override(override)!r}: write it as stage.key=value (or workdir=FOLDER)")
    if stage not in stages:
        raise InputError(f"--set {unshown.override(override)!r}: no stage {stage!r}{_nearest(stage, stages)}")
    apply_override(stages[stage], override[len(stage) + 1 :])
    return workdir


def _resolve(value: Any, planned: Mapping[str, PlannedStage], workdir: Path, where: str) -> Any:
    if isinstance(value, dict):
        return {k: v if k == unshown.FIELD else _resolve(v, planned, workdir, where) for k, v in value.items()}
    if isinstance(value, list):
        every = [name for one in value for name in repeated.all_of(one, planned, where)]
        return [_resolve(one, planned, workdir, where) for one in every]
    if not isinstance(value, str):
        return value
    if reference := re.fullmatch(r"((?:[a-z]+:)?)@([\w.-]+)((?:/[\w./-]+)?)", value):
        prefix, name, rest = reference.groups()
        if name not in planned:
            raise InputError(f"{where}: {value!r} names no earlier stage{_nearest(name, planned)}")
        return f"{prefix}{planned[name].out}{rest}"
    if "{workdir}" in value or "{shipped}" in value:
        return value.replace("{workdir}", str(workdir)).replace("{shipped}", str(resource("pipelines").parent))
    return value


def _with_defaults(
    model: type[BaseModel], given: dict[str, Any], defaults: Mapping[str, Any], unused: set[str]
) -> dict[str, Any]:
    """Values with the pipeline's defaults where the settings, or a group of them that is in use, have such a field."""
    filled = dict(given)
    for name, info in model.model_fields.items():
        if name in defaults:
            unused.discard(name)
            filled.setdefault(name, defaults[name])
        for group in groups(info.annotation):
            if isinstance(given.get(name), dict) or (name not in given and isinstance(info.default, group)):
                nested = _with_defaults(group, given.get(name) or {}, defaults, unused)
                if nested:
                    filled[name] = nested
    return filled


def _fields_at(model: type[BaseModel], location: Iterable[Any]) -> list[str]:
    """The setting names of the (nested) model that an error location points into."""
    for part in location:
        info = model.model_fields.get(str(part))
        nested = groups(info.annotation) if info else []
        if not nested:
            break
        model = nested[0]
    return list(model.model_fields)


def _nearest(name: str, names: Iterable[str]) -> str:
    known = list(names)
    close = nearest(name, known)
    return f": did you mean {close!r}?" if close else f" (there are: {', '.join(known)})"


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} must be a mapping of names to values")
    return value


def _known(document: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    for key in document:
        if key not in names:
            raise InputError(f"{where}: unknown key {key!r}{_nearest(str(key), names)}")


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split())
