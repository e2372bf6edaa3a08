"""Evaluations on the way as `rlkd-train eval` does them: the same prompts, sampling, verdicts, figures and tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.kept import keeping
from rlkd_data.config import GradingSettings
from rlkd_data.errors import InputError
from rlkd_data.schema import TRACES
from rlkd_data.tables import read_table
from rlkd_train.config import (
    EvalSettings,
    EvaluationSettings,
    GrpoSettings,
    SftSettings,
    StructureSettings,
    TrainSettings,
)
from rlkd_train.evaluate.run import FIGURES, evaluate
from rlkd_train.on_the_way.ledger import FOLDER
from rlkd_train.problems import NAMED, load_tasks

NOT_SPREAD = (
    "evaluation: no process holds the whole model under FSDP or ZeRO: evaluate the checkpoints afterwards with "
    "`rlkd-train eval`, or launch with data parallelism alone (ddp)"
)
_SHARDED = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")


def check(settings: EvaluationSettings | None, trained_on: Iterable[str]) -> None:
    """Raises InputError, before anything is loaded, where a held-out problem is among those that are `trained_on`,
    where there is none, and where no process holds the whole model."""
    if settings is None:
        return
    if any(os.environ.get(name, "").lower() == "true" for name in _SHARDED):
        raise InputError(NOT_SPREAD)
    tasks = load_tasks(settings.problems, settings.limit)
    if not tasks:
        raise InputError(f"evaluation: no problems in {', '.join(map(str, settings.problems))}")
    held_out = {task.problem_id for task in tasks}
    trained = held_out.intersection(trained_on)
    if trained:
        named = ", ".join(name[:12] for name in sorted(trained)[:NAMED])
        raise InputError(
            f"evaluation.problems: {len(trained)} of {len(held_out)} are trained on (problem_id {named}"
            f"{', …' if len(trained) > NAMED else ''}): take others, or leave these out of `traces`"
        )


def problem_ids(tables: Iterable[Path]) -> Iterator[str]:
    """The problems of traces tables, as often as they have rows."""
    for folder in tables:
        for batch in read_table(folder, TRACES, ["problem_id"]):
            yield from batch.column("problem_id").to_pylist()


@contextmanager
def evaluating(run: TrainSettings, out: Path) -> Iterator[list[Any]]:
    """The callbacks that evaluate a run, in each of its processes; none where its settings do not ask for it."""
    if not isinstance(run, (SftSettings, GrpoSettings)) or run.evaluation is None:
        yield []
        return
    settings, scored = run.evaluation, None
    if settings.decompositions:
        own = run.structure if isinstance(run, GrpoSettings) else StructureSettings.model_validate({})
        scored = settings.structure or own

    def measure(step: int, student: Any, tokenizer: Any) -> dict[str, Any]:
        from rlkd_data.chat.backends.lent import NAME, lending

        place = out / FOLDER / f"step-{step}"
        store = place.with_name(f".{place.name}.sqlite")
        wanted = EvalSettings(
            model=f"{NAME}:{out.resolve().name} at step {step}",
            data=settings.problems,
            decompositions=settings.decompositions,
            k=settings.k,
            limit=settings.limit,
            sampling=settings.sampling,
            structure=scored,
            paths=settings.paths,
            store=store,
            system_prompt=run.system_prompt,
            **{name: getattr(settings, name) for name in GradingSettings.model_fields},
        )
        place.mkdir(parents=True, exist_ok=True)
        with lending(student, tokenizer):
            evaluate(wanted, place)
        for path in place.parent.glob(f"{store.name}*"):  # the samples are in the table now
            path.unlink()
        return dict(json.loads((place / FIGURES).read_text(encoding="utf-8")))

    from rlkd_train.on_the_way.callback import Evaluating

    with keeping():  # a GSRM on the CPU is loaded once for all evaluations, and for the reward
        yield [Evaluating(settings, out, run.model, measure)]
