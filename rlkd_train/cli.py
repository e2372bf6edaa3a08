"""`rlkd-train`: one verb per training stage. Parses, imports the stage, calls it; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlkd_data.run import flags as chat_flags
from rlkd_data.run.command import given, run_app, start

app = typer.Typer(
    name="rlkd-train",
    help="Train a student with the structure of its teacher's reasoning, and judge it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Config = Annotated[Path, typer.Option("--config", help="YAML file with the settings.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value, over the file's.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run (default: the file's `out`).")]


@app.command()
def sft(config: Config, set_: Set = None, out: Out = None) -> None:
    """Fine-tune a student on its teacher's traces."""
    from rlkd_train.stages import SFT

    _train(SFT, config, set_, out)


@app.command()
def gsrm(config: Config, set_: Set = None, out: Out = None) -> None:
    """Teach a local model to decompose (the GSRM)."""
    from rlkd_train.stages import GSRM

    _train(GSRM, config, set_, out)


@app.command()
def grpo(config: Config, set_: Set = None, out: Out = None) -> None:
    """GRPO on a student with the structure reward."""
    from rlkd_train.stages import GRPO

    _train(GRPO, config, set_, out)


@app.command(name="eval")
def evaluate(
    model: Annotated[str, typer.Option(help="backend:model to judge.")],
    data: Annotated[list[Path], typer.Option(help="Tables with the problems.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the samples table and figures.")],
    k: Annotated[int | None, typer.Option("-k", min=1, help="Completions a problem.")] = None,
    decompositions: Annotated[list[Path] | None, typer.Option(help="The teacher's, to measure structure.")] = None,
    limit: Annotated[int | None, typer.Option(min=1)] = None,
    base_url: Annotated[str | None, typer.Option()] = None,
    concurrency: Annotated[int | None, typer.Option(min=1)] = None,
    store: Annotated[Path | None, typer.Option()] = None,
    rpm: chat_flags.Rpm = None,
    tpm: chat_flags.Tpm = None,
    timeout: chat_flags.Timeout = None,
    budget: chat_flags.Budget = None,
    input_price: chat_flags.InputPrice = None,
    output_price: chat_flags.OutputPrice = None,
    cached_price: chat_flags.CachedPrice = None,
    retry_truncated: chat_flags.RetryTruncated = None,
    estimate: chat_flags.EstimateFlag = False,
    estimate_sample: chat_flags.EstimateSample = 5,
    set_: Set = None,
) -> None:
    """Sample a model on problems and measure accuracy, length and structure alignment."""
    from rlkd_data.run.pipeline import apply_override
    from rlkd_train.stages import EVAL

    values: dict[str, Any] = given(
        model=model,
        data=data,
        k=k,
        decompositions=decompositions or None,
        limit=limit,
        base_url=base_url,
        concurrency=concurrency,
        store=store,
        rpm=rpm,
        tpm=tpm,
        timeout=timeout,
        budget=budget,
        input_price=input_price,
        output_price=output_price,
        cached_price=cached_price,
        retry_truncated=retry_truncated,
    )
    if decompositions:
        values["structure"] = {}
    for override in set_ or ():
        apply_override(values, override)
    start(EVAL, values, out, "eval", estimate=estimate_sample if estimate else None)


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.")],
    repo_id: Annotated[str, typer.Option(help="ORG/NAME of the Hub model.")],
    license_: Annotated[str | None, typer.Option("--license", help="The model's licence.")] = None,
    base_model: Annotated[str | None, typer.Option(help="The base model's name on the Hub.")] = None,
    eval_: Annotated[list[Path] | None, typer.Option("--eval", help="Folder of an evaluation, for the card.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make the model private where it is new.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to push to; made where there is none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the folder that would be pushed to --out.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of a dry run.")] = None,
) -> None:
    """A run's model to the Hub, with its card. --dry-run shows what would be pushed."""
    from rlkd_data.errors import InputError
    from rlkd_train.publish.run import Publication
    from rlkd_train.publish.run import publish as push

    if dry_run != (out is not None):
        raise InputError("--dry-run and --out FOLDER go together: a dry run writes the folder that would be pushed")
    print(push(run, Publication(repo_id, license_, private, revision, base_model, tuple(eval_ or ()), out)))


@app.command(name="judge-eval")
def judge_eval(
    pairs: Annotated[list[Path], typer.Argument(help="JSONL files of labelled pairs.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the judged pairs and figures.")],
    kind: Annotated[str | None, typer.Option(help="equal, embedding, llm or llm-batched.")] = None,
    model: Annotated[str | None, typer.Option(help="Sentence embedder, or backend:model.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="A sample of so many pairs of each part.")] = None,
    base_url: Annotated[str | None, typer.Option()] = None,
    store: Annotated[Path | None, typer.Option()] = None,
    set_: Set = None,
) -> None:
    """Measure how far a judge agrees with labelled pairs."""
    from rlkd_data.run.pipeline import apply_override
    from rlkd_train.stages import JUDGE_EVAL

    judge = given(kind=kind, model=model, base_url=base_url, store=store)
    values: dict[str, Any] = given(pairs=pairs, limit=limit, judge=judge)
    for override in set_ or ():
        apply_override(values, override)
    start(JUDGE_EVAL, values, out, "judge-eval")


@app.command()
def rescore(
    run: Annotated[Path, typer.Argument(help="Folder of a GRPO run.")],
    config: Config,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the new scores (default: RUN-rescored).")] = None,
    set_: Set = None,
) -> None:
    """Another reward over a run's saved completions, without generating, and how it differs."""
    from rlkd_data.run.pipeline import apply_override, read_yaml
    from rlkd_train.reward.rescore import given_or_the_runs
    from rlkd_train.stages import RESCORE

    values = read_yaml(config)
    for override in set_ or ():
        apply_override(values, override)
    start(RESCORE, given_or_the_runs(run, values), out or run.with_name(f"{run.name}-rescored"), str(config))


@app.command(name="reward-server")
def reward_server(
    config: Annotated[Path | None, typer.Option("--config", help="YAML file with the settings.")] = None,
    decompositions: Annotated[list[Path] | None, typer.Option(help="Tables of the teachers' decompositions.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Default: 8900; 0: one that is free.")] = None,
    set_: Set = None,
) -> None:
    """Serve the structure reward over HTTP, for any trainer."""
    from rlkd_data.run.pipeline import apply_override, check_settings, read_yaml
    from rlkd_train.config import RewardServerSettings
    from rlkd_train.reward.server import serve

    values = read_yaml(config) if config else {}
    values |= given(decompositions=decompositions or None, host=host, port=port)
    for override in set_ or ():
        apply_override(values, override)
    settings = check_settings(RewardServerSettings, values, str(config or "reward-server"))
    assert isinstance(settings, RewardServerSettings)
    serve(settings)


def _train(spec: Any, config: Path, overrides: list[str] | None, out: Path | None) -> None:
    from rlkd_data.errors import InputError
    from rlkd_data.run.pipeline import apply_override, read_yaml

    values = read_yaml(config)
    for override in overrides or ():
        apply_override(values, override)
    folder = out or values.get("out")
    values.pop("out", None)
    if folder is None:
        raise InputError(f"{config} says no `out` folder: add one, or give --out DIR")
    start(spec, values, Path(folder), str(config))


def main() -> None:
    run_app(app)
