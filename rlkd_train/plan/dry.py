"""`--dry-run`: what a run would do and need, without starting it."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rlkd_data.errors import InputError
from rlkd_train.config import DistillSettings, GrpoSettings, GsrmSettings, SftSettings
from rlkd_train.on_the_way.run import NOT_SPREAD
from rlkd_train.plan.needs import Needs, check_fits, needs_of

_SPREAD = ("fsdp2", "zero3")
_GIB = 2**30
Trained = SftSettings | GsrmSettings | GrpoSettings | DistillSettings
_WIDTH = 120
"""Of what is printed into a file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. `longest` are the tokens of its longest prompt (GRPO, distillation) or row."""

    steps: int
    epochs: float
    longest: int
    lines: dict[str, str] = field(default_factory=dict)


def dry_run(
    settings: Trained,
    shown: Sequence[tuple[str, Any, str]],
    count: int = 1,
    accelerate: str = "ddp",
) -> Needs:
    """Print the settings with where each came from, and what the run in `count` processes would do and need. Raises
    InputError where it could not start, or has no room."""
    if accelerate in _SPREAD and getattr(settings, "evaluation", None) is not None:
        raise InputError(NOT_SPREAD)
    plan = _planned(settings, count)
    shards = count if accelerate in _SPREAD else 1
    needs = needs_of(settings, plan.longest, count, shards)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, emoji=False, markup=False, highlight=False)
    for table in (_settings(shown), _plan(plan), _memory(needs, count)):
        console.print(table)
    _check_arguments(settings, count, needs.checkpointing)
    check_fits(settings, plan.longest, count, shards)
    return needs


def _planned(settings: Trained, count: int) -> Plan:
    if isinstance(settings, GrpoSettings):
        return plan_grpo(settings, count)
    return plan_distill(settings, count) if isinstance(settings, DistillSettings) else plan_sft(settings, count)


def _check_arguments(settings: Trained, count: int, checkpointing: bool) -> None:
    """Raises InputError for what TRL would refuse, or this machine cannot do."""
    from rlkd_train.distill.arguments import arguments as of_distill
    from rlkd_train.grpo.arguments import arguments as of_grpo
    from rlkd_train.sft.arguments import arguments as of_sft

    nowhere = Path("checkpoints")
    if isinstance(settings, GrpoSettings):
        of_grpo(settings, nowhere, processes=count, checkpointing=checkpointing)
    elif isinstance(settings, DistillSettings):
        of_distill(settings, nowhere, processes=count, checkpointing=checkpointing)
    else:
        of_sft(settings, nowhere, processes=count, checkpointing=checkpointing)


def plan_grpo(settings: GrpoSettings, count: int) -> Plan:
    from rlkd_train.grpo.arguments import shared
    from rlkd_train.grpo.run import problems_of

    tasks, _, longest = problems_of(settings, count)
    each_step = settings.prompts_per_step * settings.generations
    micro_batch, accumulate = shared(settings, count)
    again = int(settings.trl.get("num_iterations", 1))
    drawn = math.ceil(settings.steps * each_step / (settings.drawn_at_once * again)) * settings.drawn_at_once
    at_once = settings.drawn_at_once // settings.generations
    return Plan(
        settings.steps,
        drawn / settings.generations / (len(tasks) // at_once * at_once),
        longest,
        {
            "problems": f"{len(tasks):,}, the longest prompt has {longest:,} tokens",
            "a step": f"{each_step:,} completions of {settings.prompts_per_step:,} problems"
            f" ({count} × {accumulate} × {micro_batch})",
            "completions": f"{drawn:,}, at most {drawn * settings.max_completion:,} tokens drawn",
            "tokens learned from": f"at most {settings.steps * each_step * (longest + settings.max_completion):,}",
        },
    )


def plan_distill(settings: DistillSettings, count: int) -> Plan:
    from rlkd_train.distill.arguments import shared
    from rlkd_train.distill.run import problems_of

    tasks, longest = problems_of(settings, count)
    each_step = settings.prompts_per_step
    micro_batch, accumulate = shared(settings, count)
    completions = settings.steps * each_step
    return Plan(
        settings.steps,
        settings.steps / (len(tasks) // each_step),
        longest,
        {
            "problems": f"{len(tasks):,}, the longest prompt has {longest:,} tokens",
            "a step": f"{each_step:,} completions of {each_step:,} problems ({count} × {accumulate} × {micro_batch})",
            "completions": f"{completions:,}, at most {completions * settings.max_completion:,} tokens drawn",
            "the teacher": f"{settings.teacher}, {settings.teacher_url or 'beside the student'}",
        },
    )


def plan_sft(settings: SftSettings | GsrmSettings, count: int) -> Plan:
    from rlkd_train.sft.arguments import shared
    from rlkd_train.sft.examples import longest as longest_row
    from rlkd_train.sft.train import builder, examples_of

    with tempfile.TemporaryDirectory(prefix="rlkd-dry-run-") as scratch:
        examples, counts, tokens = examples_of(settings, Path(scratch), *builder(settings), count)
        longest = longest_row(examples)
    micro_batch, accumulate = shared(settings, count)
    each_step = micro_batch * accumulate * count
    in_epoch = math.ceil(counts["ok"] / each_step)
    steps = settings.max_steps if settings.max_steps > 0 else math.ceil(in_epoch * settings.epochs)
    left_out = {name: number for name, number in counts.items() if name != "ok" and number}
    return Plan(
        steps,
        steps / in_epoch,
        longest,
        {
            "rows": f"{counts['ok']:,}, the longest has {longest:,} tokens",
            "left out": ", ".join(f"{number:,} {name.removeprefix('rejected:')}" for name, number in left_out.items())
            or "none",
            "a step": f"{each_step:,} rows ({count} × {accumulate} × {micro_batch})",
            "tokens": f"{tokens:,} an epoch, {int(tokens * steps / in_epoch):,} in all",
        },
    )


def _settings(shown: Sequence[tuple[str, Any, str]]) -> Table:
    table = Table("setting", "value", "from", title="Settings", title_justify="left")
    table.columns[0].no_wrap = True
    for name, value, source in shown:
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(name, said if value is not None else "none", source, style="dim" if source == "default" else "")
    return table


def _plan(plan: Plan) -> Table:
    table = Table(title="What would be done", title_justify="left", show_header=False)
    table.add_row("steps", f"{plan.steps:,}")
    table.add_row("epochs", f"{plan.epochs:,.2f}")
    for name, told in plan.lines.items():
        table.add_row(name, told)
    return table


def _memory(needs: Needs, count: int) -> Table:
    table = Table("part", "GiB", title="Memory of each device, estimated", title_justify="left")
    table.columns[1].justify = "right"
    for name, size in needs.parts.items():
        again = " (computed again)" if name == "activations" and needs.checkpointing else ""
        table.add_row(f"{name.replace('_', ' ')}{again}", f"{size / _GIB:,.3g}")
    table.add_section()
    table.add_row("needed", f"{sum(needs.parts.values()) / _GIB:,.3g}")
    table.add_row(f"free on {needs.device}{f', of each of {count}' if count > 1 else ''}", f"{needs.room / _GIB:,.3g}")
    return table
