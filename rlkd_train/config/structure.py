"""How structure is scored: the settings that training, evaluation and the reward server share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from rlkd_data.config import PATIENT, ChatSettings, JudgeSettings, later, runtime


class StructureSettings(ChatSettings):
    """The structure score: who decomposes a completion, who compares it, and how steps add up."""

    gsrm: str = Field("local:gsrm-smollm2", description="backend:model that decomposes completions")
    allow_other_annotator: bool = runtime(
        False, description="compare with teachers whom another annotator than the GSRM decomposed"
    )
    max_tokens: PositiveInt = Field(2048, description="longest decomposition, in tokens")
    judge: JudgeSettings = Field(
        JudgeSettings.usual(), description="who says whether a step's parts match the teacher's"
    )
    align: Literal["positional", "sequence"] = Field(
        "positional", description="positional: the paper's, i-th with i-th; sequence: in order, wherever they stand"
    )
    gate: Literal["auto", "meta", "step", "none"] = Field(
        "auto",
        description="what must match for later steps to count: meta, the paper's; step, the whole step; none, with "
        "sequence alone; auto: meta with an llm judge, step with a free one, none in sequence",
    )
    normalise: Literal["teacher_steps", "sum"] = Field(
        "teacher_steps", description="the sum of the steps' scores as it is, or over the number of the teacher's"
    )
    several: Literal["best", "mean"] = Field("best", description="the score where a problem has several teachers")
    grounded: bool = Field(True, description="an answer of a step that the completion does not state counts as none")
    mending: bool = later(
        False,
        description="of steps that ask the same again, in the same words, the last alone counts: to find a fault and "
        "do the step again costs nothing",
    )
    lookahead: PositiveInt = runtime(2, description="steps judged before it is known whether the gate closed earlier")
    reuse: bool = runtime(
        False,
        description="take what is stored of a server of one's own, though its weights may be others by now",
    )
    max_retries: int = runtime(PATIENT, ge=0, description="tries after the first, of a request whose failure may pass")
    breaker: int = runtime(
        0, ge=0, description="requests that fail alike, before any is answered, which end the run; 0: never"
    )

    @property
    def gate_asked(self) -> Literal["meta", "step", "none"]:
        """What the gate asks, with `auto` resolved."""
        if self.gate != "auto":
            return self.gate
        if self.align == "sequence":
            return "none"
        return "meta" if self.judge.kind.startswith("llm") else "step"

    @property
    def told(self) -> str:
        """How structure is scored, for a log."""
        mending = ", mending" if self.mending else ""
        return f"structure: align {self.align}, gate {self.gate_asked}{mending}, judge {self.judge.kind}"

    @model_validator(mode="after")
    def _gate_and_sum_fit_the_alignment(self) -> StructureSettings:
        if self.align == "positional" and self.gate == "none":
            raise ValueError("gate: none is for align: sequence; the positional alignment is one behind a gate")
        if self.align == "sequence" and self.gate == "meta":
            raise ValueError("align: sequence compares whole steps: its gate is none or step")
        if self.align == "sequence" and self.normalise == "sum":
            raise ValueError("align: sequence gives an F-score, which normalise: sum does not go with")
        return self
