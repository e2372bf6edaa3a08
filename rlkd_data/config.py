"""The settings of every data stage: what `pipelines/*.yaml` and the command line's flags load into.

A field marked `runtime()` changes how fast or where a stage works, never what comes out, so it is left out of the
stage's fingerprint. Descriptions and examples are what the pages of help, docs/settings.md and the files of
`rlkd-train init` say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from rlkd_data import web_address
from rlkd_data.domains import Domain
from rlkd_data.structure.names import CODES, LEAST_COVERAGE, LONGEST_GAP, LONGEST_STRETCH, REJECTING, Issue, WholeName
from rlkd_data.world.names import OPERATIONS, Operation, Style

if TYPE_CHECKING:
    from rlkd_data.answers.verify import CodeRuns


def runtime(default: Any, **more: Any) -> Any:
    """A setting that cannot change a stage's output."""
    return Field(default, json_schema_extra={"runtime": True}, **more)


class Settings(BaseModel):
    """Base of all settings: an unknown key is an error, and nothing changes after loading.

    A nested group that is given in part keeps the owner's defaults for the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    @classmethod
    def usual(cls, **values: Any) -> Self:
        """An instance to stand as a field's default. It is not validated (a test does that): a validator takes longer
        to build than a page of help may take."""
        return cast(Self, cls.model_construct(**values))

    @model_validator(mode="before")
    @classmethod
    def _fill_groups(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = {"yes" if name is True else name: value for name, value in values.items()}  # YAML's bare `yes`
        groups = {name: info.default for name, info in cls.model_fields.items() if isinstance(info.default, BaseModel)}
        return {
            name: groups[name].model_dump() | value if name in groups and isinstance(value, dict) else value
            for name, value in values.items()
        }


class BatchSettings(Settings):
    """How a provider's batches are made and watched (`mode: batch`)."""

    poll: float = Field(
        15.0, gt=0, description="seconds between the first looks at a batch; they grow to 20 times that"
    )
    settle: float = Field(60.0, ge=0, description="seconds after which a batch that is not listed was not created")
    requests: PositiveInt | None = Field(None, description="most requests in one batch; default: the provider's limit")
    together: PositiveInt = Field(4, description="batches that one run has open; bounds its memory")
    attempts: PositiveInt = Field(3, description="batches that a request may be in, when they expire or are cancelled")


def later(default: Any, **more: Any) -> Any:
    """A setting that came when there were runs already: while it stands at its default it is no part of a stage's
    fingerprint."""
    return Field(default, json_schema_extra={"later": True}, **more)


class ModelControls(Settings):
    """What a model is told beside how replies are drawn. What is null is not sent."""

    reasoning_effort: str | None = later(
        None, description="how much a model thinks: low, medium, high, or its own word"
    )
    thinking_budget: PositiveInt | None = later(None, description="tokens that a model may think with")
    chat_template_kwargs: dict[str, Any] = later(
        {}, description="switches of the model's chat template, as enable_thinking (vLLM, SGLang)"
    )
    top_k: int | None = later(None, description="draw from so many of the likeliest tokens")
    min_p: float | None = later(
        None, ge=0, le=1, description="least probability of a token, as a share of the likeliest"
    )
    presence_penalty: float | None = later(None, ge=-2, le=2, description="against tokens that were there")
    frequency_penalty: float | None = later(None, ge=-2, le=2, description="against tokens that were there often")
    extra_body: dict[str, Any] = later({}, description="further fields of every request, over all others")
    extra_headers: dict[str, SecretStr] = runtime(
        {}, description="further headers of every request; never recorded; ${NAME} is read from the environment"
    )
    engine: dict[str, Any] = later(
        {}, description="arguments of vLLM's engine, as tensor_parallel_size, max_model_len, quantization (vllm: alone)"
    )

    @field_validator("reasoning_effort", "chat_template_kwargs", "extra_body")
    @classmethod
    def _can_be_sent(cls, value: Any) -> Any:
        """What goes into a request as it is must be JSON, and in UTF-8."""
        try:
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError(
                "holds half of a surrogate pair, which no request can: write the whole character"
            ) from None
        except (TypeError, ValueError, RecursionError) as problem:
            raise ValueError(f"cannot be sent as JSON: {problem}") from None
        return value


class ChatSettings(ModelControls):
    """How to talk to a model; shared by every stage that does."""

    base_url: str | None = Field(
        None, description="server to ask, or a pool of them, the first of which names requests; default: the provider's"
    )
    model_version: str | None = later(
        None,
        description="which weights a server has under the model's name; replies of another version do not count",
    )
    concurrency: PositiveInt | None = runtime(None, description="requests in flight; default: the backend's own")
    max_retries: int = runtime(8, ge=0, description="tries after the first, of a request whose failure may pass")
    breaker: int = runtime(
        20, ge=0, description="requests that fail alike, before any is answered, which end the run; 0: never"
    )
    longest_wait: float = runtime(
        900.0,
        gt=0,
        description="seconds a server may ask to wait; where it asks for more, the run ends and says until when",
    )
    timeout: float = runtime(600.0, gt=0, description="seconds one request may take")
    store: Path | None = runtime(None, description="the response store; default: RLKD_STORE, or your data folder")
    rpm: float | None = runtime(None, gt=0, description="requests a minute; default: the server's limit")
    tpm: float | None = runtime(None, gt=0, description="tokens in and out a minute; default: the server's limit")
    budget: float | None = runtime(None, ge=0, description="dollars the output may cost in all runs: a hard cap")
    input_price: float | None = runtime(
        None, ge=0, description="dollars a million prompt tokens, for a model without a known price"
    )
    output_price: float | None = runtime(None, ge=0, description="dollars a million completion tokens")
    cached_price: float | None = runtime(
        None, ge=0, description="dollars a million cached prompt tokens; default: as others"
    )
    retry_truncated: PositiveInt | None = Field(
        None, description="ask again, with this many tokens at most, where a reply was cut off at fewer"
    )

    @field_validator("base_url", mode="before")
    @classmethod
    def _servers_are_one_text(cls, value: Any) -> Any:
        """A list of addresses as one text: addresses hold no blanks."""
        return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    mode: Literal["online", "batch"] = runtime(
        "online", description="batch: at half the price, within a day; for collect and decompose alone"
    )
    batch: BatchSettings = runtime(BatchSettings.usual(), description="how batches are made and watched")

    @field_validator("base_url")
    @classmethod
    def _no_secret_in_the_address(cls, url: str | None) -> str | None:
        for one in (url or "").split():  # several are a pool
            if (why := web_address.wrong(one)) is not None:
                raise PydanticCustomError("web_address", "{why}", {"why": why})
        return url


_WIDEST = 1 << 62
"""A table holds numbers of 64 bits; a seed has the sample's index added."""


class SamplingSettings(Settings):
    """How replies are drawn. What is null (as a flag: none) is left to the server."""

    temperature: float | None = Field(None, ge=0, description="how freely tokens are drawn; 0: the likeliest each time")
    top_p: float | None = Field(None, gt=0, le=1, description="probability of the likeliest tokens that are drawn from")
    max_tokens: PositiveInt | None = Field(None, description="longest reply, in tokens")
    seed: int | None = Field(0, description="seed of a problem's first reply; others count on")

    @field_validator("max_tokens", "seed")
    @classmethod
    def _a_table_holds_it(cls, value: int | None) -> int | None:
        if value is not None and abs(value) > _WIDEST:
            raise ValueError("is more than a table can hold: give a smaller number")
        return value

    @model_validator(mode="before")
    @classmethod
    def _none_is_null(cls, values: Any) -> Any:
        """A flag takes a setting away by the word: `--temperature none`."""
        if not isinstance(values, dict):
            return values
        return {name: None if value in ("none", "null") else value for name, value in values.items()}


class GradingSettings(Settings):
    """How answers are judged; shared by every stage that says which are right."""

    verify_timeout: float = Field(
        10.0, gt=0, description="seconds that verifying an answer, or a test of code, may take"
    )
    run_code: bool = Field(False, description="run code on its tests, in a sandbox (Linux)")
    code_timeout: float = Field(120.0, gt=0, description="seconds all tests of one code answer may take")
    code_memory: PositiveInt = Field(1 << 30, description="bytes of address space a code answer may take")

    def code_runs(self) -> CodeRuns | None:
        """What a graded program may take; None where none is run."""
        from rlkd_data.answers.verify import CodeRuns

        return CodeRuns(self.verify_timeout, self.code_timeout, self.code_memory) if self.run_code else None


class WorldSettings(Settings):
    """Problems of rlkd's own world, in which the truth of every step is known (`source: world`)."""

    size: PositiveInt = Field(1000, description="problems that are made")
    seed: int = Field(0, description="another seed, other problems")
    styles: tuple[Style, ...] = Field(
        ("first",),
        min_length=1,
        description="in which order a teacher works: a thing's first part before its second, the other way round, by "
        "chance, or upward from what is known; of several, one after the other for a problem's traces",
    )
    needed: tuple[int, int] = Field((4, 6), description="steps that a problem takes, from and to")
    distractors: tuple[int, int] = Field((1, 2), description="things that could be worked out as well, for nothing")
    things: int = Field(12, ge=4, le=12, description="things of a problem, at most")
    modulus: int = Field(
        35, ge=2, le=199, description="where the scale starts again: a guess is right 1 in so many times"
    )
    operations: tuple[Operation, ...] = Field(
        OPERATIONS, min_length=1, description="what a thing can do with its second part"
    )

    @model_validator(mode="after")
    def _there_is_room(self) -> WorldSettings:
        for name, (low, high), least in (("needed", self.needed, 1), ("distractors", self.distractors, 0)):
            if not least <= low <= high:
                raise ValueError(
                    f"{name} is from {low} to {high}: give two numbers, the smaller first, from {least} on"
                )
        if self.needed[1] + self.distractors[1] + 2 > self.things:
            raise ValueError(
                f"needed {self.needed[1]} and distractors {self.distractors[1]} leave fewer than two of {self.things} "
                "things whose weight is given: make fewer of them"
            )
        return self


class CollectSettings(GradingSettings, ChatSettings):
    """`rlkd-data collect`: problems or traces from a source, or traces generated by a teacher."""

    source: str = Field(
        description="Hub data set, local file or folder, or a known set's short name", examples=["gsm8k"]
    )
    adapter: str | None = Field(None, description="how to read the columns; default: told by them")
    config: str | None = Field(None, description="configuration of the Hub data set")
    map: dict[str, str] = Field({}, description="what a column holds (problem, answer, …)")
    split: str | None = Field(None, description="split of the Hub data set; default: the known set's own, or train")
    revision: str | None = Field(None, description="revision of the Hub data set")
    domain: Domain | None = Field(None, description="domain of the rows, where the source does not say")
    license: str | None = Field(None, description="licence of the rows, where the source does not say")
    limit: PositiveInt | None = Field(None, description="take this many problems")
    offset: int = Field(0, ge=0, description="skip this many problems first")
    shuffle: int | None = later(None, description="seed of a random order; the source is read whole first")
    sample: PositiveInt | None = later(
        None, description="take this many rows at random, by the seed of shuffle or 0; the source is read whole first"
    )
    world: WorldSettings | None = later(None, description="of the source world: which problems, and how solved")
    strict: bool = later(False, description="stop at a line that holds no row, instead of keeping it in rejected")
    teacher: str | None = Field(None, description="backend:model that writes traces; default: the source's own")
    system_prompt: str | None = later(None, description="what the teacher is told before all else")
    prompt_file: Path | None = later(
        None, description="template (Jinja) of the teacher's question, of problem, domain and choices; default: rlkd's"
    )
    samples: PositiveInt = Field(1, description="traces a problem: the teacher's, or of a source with several")
    keep: Literal["all", "correct", "best", "structure"] = Field(
        "all", description="of a problem's traces: all, those found right, the shortest of these, or the best built"
    )
    min_pass_rate: float | None = Field(None, ge=0, le=1, description="leave out problems solved less often")
    max_pass_rate: float | None = Field(None, ge=0, le=1, description="leave out problems solved more often")
    sampling: SamplingSettings = Field(
        SamplingSettings.usual(temperature=0.6, top_p=0.95, max_tokens=16384),
        description="how the teacher's traces are drawn",
    )
    verify_workers: PositiveInt | None = runtime(
        None, description="processes that verify answers; default: one a core, 8 at most"
    )
    dedupe: Literal["exact", "near", "off"] = Field("exact", description="duplicate problems to leave out")
    near_threshold: float = Field(0.9, gt=0, le=1, description="likeness of near duplicates, by word 5-grams")
    decontaminate: tuple[str, ...] = Field((), description="benchmarks to keep clear of: short name, Hub id or file")
    ngram: PositiveInt = Field(8, description="words in a row, shared with a benchmark, that give a problem away")


PATIENT = 12
"""Tries after the first that a reward waits for a server: together about three minutes, so that a restart passes."""


class JudgeSettings(ChatSettings):
    """Who says whether two steps, or two parts of them, match. `equal` (normalised text, math-verify for answers) is
    always tried first. `same_step` looks at question and answer together, which tells steps best without a chat
    model."""

    kind: Literal["equal", "embedding", "same_step", "llm", "llm-batched"] = Field(
        "same_step", description="who says that two texts match; llm asks once a pair, llm-batched once a completion"
    )
    model: str = Field("minilm", description="a sentence embedder, or backend:model of an llm judge")
    threshold: float = Field(0.7, gt=0, le=1, description="cosine from which two texts match, of an embedder")
    step_threshold: float = Field(
        0.8, gt=0, le=1, description="same_step: cosine of question and answer from which two steps are the same"
    )
    step_agree: float = Field(0.3, gt=0, le=1, description="same_step: the same, where the answers agree")
    yes: float = Field(0.5, gt=0, lt=1, description="probability of yes from which two texts match, of an llm judge")
    max_retries: int = runtime(PATIENT, ge=0, description="tries after the first, of a request whose failure may pass")
    breaker: int = runtime(
        0, ge=0, description="requests that fail alike, before any is answered, which end the run; 0: never"
    )

    @model_validator(mode="after")
    def _a_chat_model_is_named(self) -> JudgeSettings:
        if self.kind.startswith("llm") and ":" not in self.model:
            raise ValueError(f"a judge of kind {self.kind} asks a chat model: name it as model: backend:model")
        return self


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


class BranchSettings(Settings):
    """`rlkd-data branches`: several traces of one problem to one branching structure."""

    decompositions: tuple[Path, ...] = Field(description="folders of decompositions tables", examples=[["runs/steps"]])
    judge: JudgeSettings = Field(JudgeSettings.usual(), description="who says whether two steps are the same")
    same: tuple[WholeName, ...] = Field(
        ("step",), min_length=1, description="what of two steps must match for them to be one node; step: both together"
    )


class ScoreSettings(Settings):
    """`rlkd-data score`: decompositions against gold ones."""

    decompositions: Path = Field(description="folder of a decompositions table", examples=["runs/steps"])
    gold: Path = Field(
        description="JSON Lines with id, problem, answer and steps, as GSM8K-socratic's", examples=["gold.jsonl"]
    )
    judge: JudgeSettings = Field(JudgeSettings.usual(), description="who says whether two steps are the same")
    same: tuple[WholeName, ...] = Field(
        ("step",), min_length=1, description="what of two steps must match; step: question and answer together"
    )


class ReportSettings(Settings):
    """`rlkd-data report`: tables and runs to one HTML page."""

    tables: tuple[Path, ...] = Field(description="folders of tables and runs", examples=[["runs/quickstart"]])
    title: str = Field("rlkd report", description="the page's title")
