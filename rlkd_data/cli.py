"""`rlkd-data`: one verb per stage of the data. Parses, imports the stage, calls it; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlkd_data.run import flags as chat_flags
from rlkd_data.run.command import given, pairs, run_app, start

app = typer.Typer(
    name="rlkd-data",
    help="Collect reasoning traces, take them apart into steps, and look at what came out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", help="Folder for the table; an interrupted run continues in it.")]
BaseUrl = Annotated[str | None, typer.Option(help="Server to ask instead of the provider's own.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Requests in flight.")]
Store = Annotated[Path | None, typer.Option(help="Response store (default: RLKD_STORE, or your data folder).")]
Mode = Annotated[str | None, typer.Option(help="online, or batch: half the price, within a day.")]
BatchPoll = Annotated[float | None, typer.Option(help="Seconds between the first looks at a batch.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Take this many rows.")]
Temperature = Annotated[float | None, typer.Option(min=0.0)]
TopP = Annotated[float | None, typer.Option(min=0.0, max=1.0)]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Longest reply, in tokens.")]
Seed = Annotated[int | None, typer.Option()]
Domain = Annotated[str | None, typer.Option(help="math, code, science or puzzle.")]


@app.command()
def collect(
    source: Annotated[str, typer.Argument(help="Hub data set, local file or folder, or a known set's short name.")],
    out: Out,
    teacher: Annotated[str | None, typer.Option(help="backend:model that generates the traces.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Traces a problem.")] = None,
    keep: Annotated[str | None, typer.Option(help="all, correct or best of a problem's traces.")] = None,
    min_pass_rate: Annotated[float | None, typer.Option(help="Leave out problems solved less often (0 to 1).")] = None,
    max_pass_rate: Annotated[float | None, typer.Option(help="Leave out problems solved more often (0 to 1).")] = None,
    limit: Limit = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Skip this many problems first.")] = None,
    adapter: Annotated[str | None, typer.Option(help="How to read the source's columns.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="COLUMN=FIELD: what a column holds (problem, answer, …).")
    ] = None,
    config: Annotated[str | None, typer.Option(help="The Hub data set's configuration.")] = None,
    split: Annotated[str | None, typer.Option(help="The Hub data set's split.")] = None,
    revision: Annotated[str | None, typer.Option(help="The Hub data set's revision.")] = None,
    domain: Domain = None,
    license_: Annotated[str | None, typer.Option("--license", help="Licence, where the rows do not say.")] = None,
    run_code: Annotated[bool | None, typer.Option("--run-code", help="Run code on its tests, in a sandbox.")] = None,
    dedupe: Annotated[str | None, typer.Option(help="Duplicate problems to leave out: exact, near or off.")] = None,
    near_threshold: Annotated[float | None, typer.Option(help="Likeness of near duplicates, 0 to 1.")] = None,
    decontaminate: Annotated[
        list[str] | None, typer.Option(help="Benchmark to keep clear of: short name, Hub id or file. Repeatable.")
    ] = None,
    ngram: Annotated[int | None, typer.Option(min=1, help="Words in a row shared with a benchmark that tell.")] = None,
    base_url: BaseUrl = None,
    concurrency: Concurrency = None,
    store: Store = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
    rpm: chat_flags.Rpm = None,
    tpm: chat_flags.Tpm = None,
    timeout: chat_flags.Timeout = None,
    budget: chat_flags.Budget = None,
    input_price: chat_flags.InputPrice = None,
    output_price: chat_flags.OutputPrice = None,
    cached_price: chat_flags.CachedPrice = None,
    retry_truncated: chat_flags.RetryTruncated = None,
    mode: Mode = None,
    batch_poll: BatchPoll = None,
    estimate: chat_flags.EstimateFlag = False,
    estimate_sample: chat_flags.EstimateSample = 5,
) -> None:
    """Teacher traces: from a data set, or generated for its problems by a model."""
    from rlkd_data.run.stages import COLLECT

    values = given(
        source=source,
        teacher=teacher,
        samples=samples,
        keep=keep,
        min_pass_rate=min_pass_rate,
        max_pass_rate=max_pass_rate,
        limit=limit,
        offset=offset,
        adapter=adapter,
        map=pairs(map_, "--map", "COLUMN=FIELD"),
        config=config,
        split=split,
        revision=revision,
        domain=domain,
        license=license_,
        run_code=run_code,
        dedupe=dedupe,
        near_threshold=near_threshold,
        decontaminate=decontaminate or None,
        ngram=ngram,
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
        mode=mode,
        batch=given(poll=batch_poll) or None,
    )
    if sampling := given(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed):
        values["sampling"] = sampling
    start(COLLECT, values, out, "collect", estimate=estimate_sample if estimate else None)


@app.command()
def decompose(
    out: Out,
    traces: Annotated[list[Path] | None, typer.Argument(help="Folders of traces tables.")] = None,
    annotator: Annotated[str | None, typer.Option(help="backend:model that takes the traces apart.")] = None,
    from_reference: Annotated[
        Path | None, typer.Option(help="Import a file of the reference implementation instead of asking.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="few-shot or zero-shot.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="tagged or json.")] = None,
    repairs: Annotated[int | None, typer.Option(min=0, help="Times a rejected reply is asked for again.")] = None,
    window: Annotated[int | None, typer.Option(min=1, help="The annotator's context in tokens.")] = None,
    reject: Annotated[list[str] | None, typer.Option(help="Checks that reject, instead of the usual ones.")] = None,
    agreement: Annotated[
        int | None, typer.Option(min=2, help="Annotate a sample so many times, and measure how far they agree.")
    ] = None,
    agreement_sample: Annotated[int | None, typer.Option(min=1, help="Traces of that sample (default: 50).")] = None,
    agreement_annotator: Annotated[
        str | None, typer.Option(help="backend:model of the further annotations (default: the same, other seeds).")
    ] = None,
    judge_kind: chat_flags.JudgeKind = None,
    judge: chat_flags.JudgeModel = None,
    threshold: chat_flags.Threshold = None,
    domain: Domain = None,
    limit: Limit = None,
    base_url: BaseUrl = None,
    concurrency: Concurrency = None,
    store: Store = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
    rpm: chat_flags.Rpm = None,
    tpm: chat_flags.Tpm = None,
    timeout: chat_flags.Timeout = None,
    budget: chat_flags.Budget = None,
    input_price: chat_flags.InputPrice = None,
    output_price: chat_flags.OutputPrice = None,
    cached_price: chat_flags.CachedPrice = None,
    retry_truncated: chat_flags.RetryTruncated = None,
    mode: Mode = None,
    batch_poll: BatchPoll = None,
    estimate: chat_flags.EstimateFlag = False,
    estimate_sample: chat_flags.EstimateSample = 5,
) -> None:
    """Traces to steps of meta-reasoning, sub-problem and answer."""
    from rlkd_data.run.stages import DECOMPOSE

    values = given(
        traces=traces,
        annotator=annotator,
        from_reference=from_reference,
        prompt=prompt,
        format=format_,
        repairs=repairs,
        window=window,
        reject=reject or None,
        agreement=agreement,
        agreement_sample=agreement_sample,
        agreement_annotator=agreement_annotator,
        agreement_judge=given(kind=judge_kind, model=judge, threshold=threshold) or None,
        domain=domain,
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
        mode=mode,
        batch=given(poll=batch_poll) or None,
    )
    if sampling := given(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed):
        values["sampling"] = sampling
    start(DECOMPOSE, values, out, "decompose", estimate=estimate_sample if estimate else None)


@app.command()
def branches(
    decompositions: Annotated[list[Path], typer.Argument(help="Folders of decompositions tables.")],
    out: Out,
    same: Annotated[
        list[str] | None,
        typer.Option(help="Parts of two steps that must match: sub_problem (default), meta, answer. Repeatable."),
    ] = None,
    judge_kind: chat_flags.JudgeKind = None,
    judge: chat_flags.JudgeModel = None,
    threshold: chat_flags.Threshold = None,
    base_url: BaseUrl = None,
    concurrency: Concurrency = None,
    store: Store = None,
) -> None:
    """Several traces of one problem as one tree: the same steps are one node, alternatives are branches."""
    from rlkd_data.run.stages import BRANCHES

    values = given(decompositions=decompositions, same=same or None)
    values["judge"] = given(
        kind=judge_kind, model=judge, threshold=threshold, base_url=base_url, concurrency=concurrency, store=store
    )
    start(BRANCHES, values, out, "branches")


@app.command()
def score(
    decompositions: Annotated[Path, typer.Argument(help="Folder of a decompositions table.")],
    gold: Annotated[Path, typer.Option(help="JSON Lines with id, problem, answer and steps, as GSM8K-socratic's.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the scores (default: score, inside the table's).")
    ] = None,
    judge_kind: chat_flags.JudgeKind = None,
    judge: chat_flags.JudgeModel = None,
    threshold: chat_flags.Threshold = None,
    base_url: BaseUrl = None,
    concurrency: Concurrency = None,
    store: Store = None,
) -> None:
    """How good decompositions are: against gold ones of the same problems."""
    from rlkd_data.measure.score import PLACE
    from rlkd_data.run.stages import SCORE

    values = given(decompositions=decompositions, gold=gold)
    values["judge"] = given(
        kind=judge_kind, model=judge, threshold=threshold, base_url=base_url, concurrency=concurrency, store=store
    )
    start(SCORE, values, out or decompositions / PLACE, "score", replace=out is None)


@app.command()
def inspect(table: Annotated[Path, typer.Argument(help="Folder of a table.")]) -> None:
    """A table at a glance: schema, counts, rejections, and a row laid out as steps."""
    from rich.console import Console

    from rlkd_data.report.terminal import inspect_table

    inspect_table(table, Console())


@app.command()
def report(
    tables: Annotated[list[Path], typer.Argument(help="Folders of tables and runs.")],
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")],
    title: Annotated[str, typer.Option(help="The page's title.")] = "rlkd report",
) -> None:
    """Tables and runs as one self-contained HTML page."""
    from rlkd_data.report.build import write_page

    write_page(tables, out, title)
    print(out)


@app.command()
def publish(
    folders: Annotated[list[Path], typer.Argument(help="Folders of tables, or the folder of a pipeline's run.")],
    repo_id: Annotated[str, typer.Option(help="ORG/NAME of the Hub data set.")],
    private: Annotated[bool, typer.Option("--private", help="Make the data set private where it is new.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to push to; made where there is none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the folder that would be pushed to --out.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of a dry run.")] = None,
    split: Annotated[list[str] | None, typer.Option(help="NAME=FOLDER: that folder's rows are split NAME.")] = None,
    allow_licence: Annotated[list[str] | None, typer.Option(help="Publish rows under it all the same.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Language of the rows (default: en).")] = None,
) -> None:
    """Tables to a data set on the Hub, with its card. --dry-run shows what would be pushed."""
    from rlkd_data.errors import InputError
    from rlkd_data.publish.run import Publication
    from rlkd_data.publish.run import publish as push

    if dry_run != (out is not None):
        raise InputError("--dry-run and --out FOLDER go together: a dry run writes the folder that would be pushed")
    how = Publication(
        repo_id,
        private,
        revision,
        tuple(allow_licence or ()),
        tuple(split or ()),
        tuple(language or ("en",)),
        out,
    )
    print(push(folders, how))


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="A pipeline's YAML file, or the name of a shipped one.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="stage.key=value, or workdir=FOLDER.")] = None,
) -> None:
    """Run a pipeline; stages whose settings and inputs have not changed are left alone."""
    from rlkd_data.run import pipeline as pipelines
    from rlkd_data.run.summary import print_summary

    planned = pipelines.load(pipelines.find(pipeline), set_ or ())
    print_summary(planned, pipelines.run(planned))


def main() -> None:
    run_app(app)
