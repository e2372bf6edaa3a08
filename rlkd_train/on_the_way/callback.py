"""When a trainer evaluates: right after a checkpoint of the same step, so that an evaluation is never done twice.

A step that is due is saved first. A run that was killed in its evaluation goes on from that checkpoint, and begins with
the evaluation; one whose line is there is left alone. What evaluating draws of random numbers, training does not miss.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from rlkd_data.errors import RlkdError
from rlkd_data.run.progress import console
from rlkd_train.config.on_the_way import EvaluationSettings
from rlkd_train.launch.ranks import OtherEnded, from_main
from rlkd_train.on_the_way import ledger
from rlkd_train.on_the_way.best import keep
from rlkd_train.stopping import random_state, set_random_state

Measure = Callable[[int, Any, Any], dict[str, Any]]
"""(step, model, tokenizer) to the figures, with `intervals`; the samples are in the step's folder then."""


class Evaluating(TrainerCallback):  # type: ignore[misc]
    """Evaluates before the first step, every `every` steps and after the last one; in the main process, while the
    others wait. `base` is what an adapter's weights stand on."""

    def __init__(self, settings: EvaluationSettings, out: Path, base: str, measure: Measure) -> None:
        self._settings, self._out, self._base, self._measure = settings, out, base, measure
        self._choice = ledger.Choice(settings.best, settings.patience, settings.least_gain)
        self._lines: list[ledger.Line] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.is_world_process_zero:
            self._lines = ledger.drop_after(self._out, state.global_step)
        self._evaluate(state, control, more)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._due(state):
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._evaluate(state, control, more)

    def _due(self, state: Any) -> bool:
        step = state.global_step
        if step == 0:
            return self._settings.at_start
        return bool(step % self._settings.every == 0 or step >= state.max_steps)

    def _evaluate(self, state: Any, control: Any, more: dict[str, Any]) -> None:
        if not self._due(state):
            return
        ended, problem = False, None
        if state.is_world_process_zero:
            try:
                ended = self._in_main(state.global_step, more["model"], more["processing_class"])
            except RlkdError as raised:
                problem = raised
        ended, failed = from_main((ended, problem is not None))
        if problem is not None:
            raise problem
        if failed:
            raise OtherEnded("the main process could not evaluate; its own line says why")
        if ended:
            control.should_training_stop = True

    def _in_main(self, step: int, model: Any, tokenizer: Any) -> bool:
        if all(line["step"] != step for line in self._lines):
            before = random_state()
            figures = self._measure(step, model, tokenizer)
            set_random_state(before)
            line = ledger.line_of(step, figures, self._settings.figures)
            if self._settings.best is not None and self._settings.best not in line:
                ledger.line_of(step, figures, (self._settings.best,))
                line[self._settings.best] = figures[self._settings.best]
            lines = [*self._lines, line]
            if self._choice.best is not None and self._choice.best_of(lines) is line:
                keep(model, tokenizer, self._out / ledger.BEST, self._base, line)
            self._lines = lines
            ledger.write(self._out, lines)
            console.print(_told(line), markup=False)
        if not self._choice.ends(self._lines):
            return False
        best = self._choice.best_of(self._lines)
        assert best is not None
        console.print(
            f"no better {self._choice.best} for {self._choice.patience} evaluations (best: step {best['step']}): "
            f"training ends at step {step}",
            markup=False,
        )
        return True


def _told(line: ledger.Line) -> str:
    shown = ("pass@1", "completion tokens", "truncated", "structure")
    parts = [f"{name} {line[name]:.3g}" for name in shown if name in line]
    return f"evaluation at step {line['step']}: {', '.join(parts)}"
