"""How traces are taken apart, and what rejects a decomposition."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from rlkd_data.config.base import later, runtime
from rlkd_data.config.chat import ChatSettings, SamplingSettings
from rlkd_data.config.judge import JudgeSettings
from rlkd_data.structure.names import CODES, LEAST_COVERAGE, LONGEST_GAP, LONGEST_STRETCH, REJECTING, Issue


class DecomposeSettings(ChatSettings):
    """`rlkd-data decompose`: traces to steps of meta-reasoning, sub-problem and answer."""

    traces: tuple[Path, ...] = Field((), description="folders of traces tables")
    annotator: str | None = Field(None, description="backend:model that takes the traces apart")
    from_reference: Path | None = Field(
        None, description="file of the reference implementation's decompositions, to import instead of asking"
    )
    prompt: Literal["few-shot", "zero-shot"] | None = Field(
        None, description="with examples or without; default: zero-shot for a local GSRM, few-shot for others"
    )
    prompt_file: Path | None = later(
        None,
        description="template (Jinja) of the annotator's question, of problem, reasoning, part and domain; no examples",
    )
    system_prompt: str | None = later(None, description="what the annotator is told before it; goes with prompt_file")
    format: Literal["tagged", "json"] = Field(
        "tagged", description="form of the reply; json: from servers that hold a model to a schema"
    )
    domain: Literal["auto", "math", "code", "science", "puzzle"] = Field(
        "auto", description="whose examples the prompt shows; auto: the trace's own"
    )
    sampling: SamplingSettings = Field(
        SamplingSettings.usual(temperature=0.0, max_tokens=8192), description="how the annotator's replies are drawn"
    )
    limit: PositiveInt | None = Field(None, description="take this many traces")
    reuse: bool = runtime(
        False,
        description="take what is stored of a server of one's own, though its weights may be others by now",
    )
    repairs: int | None = Field(
        None, ge=0, description="times a rejected reply is asked for again; default: 1, for a GSRM 0"
    )
    continuations: int | None = Field(
        None, ge=0, description="times a reply that was cut off is continued; default: 3, for a GSRM 0"
    )
    window: PositiveInt | None = Field(
        None, description="annotator's context in tokens, by which traces are cut; default: a local model's own"
    )
    overlap: int = Field(800, ge=0, description="characters that two pieces of a cut trace share")
    reject: tuple[Issue, ...] = Field(
        tuple(code for code in CODES if code in REJECTING),
        description="checks that reject a decomposition; the others are told in its issues",
    )
    longest_stretch: float = Field(
        LONGEST_STRETCH, gt=0, le=1, description="share of a trace in a row without a step, from which it is uncovered"
    )
    least_coverage: float = Field(
        LEAST_COVERAGE, ge=0, le=1, description="share of a trace that its steps must cover; 0: any"
    )
    longest_gap: PositiveInt | None = Field(
        LONGEST_GAP, description="characters in no step from which a trace is uncovered; default: any number"
    )
    agreement: int | None = Field(
        None, ge=2, description="annotate a sample so many times, and measure how far they agree"
    )
    agreement_sample: PositiveInt = Field(50, description="traces of that sample")
    agreement_annotator: str | None = Field(
        None, description="backend:model of the further annotations; default: the same, other seeds"
    )
    agreement_judge: JudgeSettings = Field(
        JudgeSettings.usual(), description="who says whether steps of two annotations are the same"
    )
    verify_workers: PositiveInt | None = runtime(
        None, description="processes that compare final answers; default: one a core, 8 at most"
    )
    verify_timeout: float = Field(10.0, gt=0, description="seconds one comparison may take")

    @model_validator(mode="after")
    def _a_system_prompt_has_its_question(self) -> DecomposeSettings:
        if self.system_prompt is not None and self.prompt_file is None:
            raise ValueError("rlkd's own prompts have a system prompt: give a prompt_file (--prompt-file) with yours")
        if self.prompt is not None and self.prompt_file is not None:
            raise ValueError("give either prompt or prompt_file, not both")
        return self

    @model_validator(mode="after")
    def _agreement_is_asked_for(self) -> DecomposeSettings:
        fields = DecomposeSettings.model_fields
        given = [getattr(self, name) != fields[name].default for name in ("agreement_sample", "agreement_annotator")]
        # What a judge shares with every model, as its store, may be a pipeline's default for all stages.
        own = set(JudgeSettings.model_fields) - set(ChatSettings.model_fields)
        judge, usual = self.agreement_judge, fields["agreement_judge"].default
        given += [getattr(judge, name) != getattr(usual, name) for name in own]
        if self.agreement is None and any(given):
            raise ValueError(
                "a sample, a further annotator and a judge are for measuring agreement: say how many annotations, as "
                "agreement: 2 (--agreement 2)"
            )
        return self
