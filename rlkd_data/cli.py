"""`rlkd-data`: one verb per stage of the data. Parses, imports the stage, calls it; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlkd_data.cli_support import given, run_app, start

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
    samples: Annotated[int | None, typer.Option(min=1, help="Traces a problem, with a teacher.")] = None,
    limit: Limit = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Skip this many problems first.")] = None,
    adapter: Annotated[str | None, typer.Option(help="How to read the source's columns.")] = None,
    config: Annotated[str | None, typer.Option(help="The Hub data set's configuration.")] = None,
    split: Annotated[str | None, typer.Option(help="The Hub data set's split.")] = None,
    revision: Annotated[str | None, typer.Option(help="The Hub data set's revision.")] = None,
    domain: Domain = None,
    license_: Annotated[str | None, typer.Option("--license", help="Licence, where the rows do not say.")] = None,
    base_url: BaseUrl = None,
    concurrency: Concurrency = None,
    store: Store = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
) -> None:
    """Teacher traces: from a data set, or generated for its problems by a model."""
    from rlkd_data.stages import COLLECT

    values = given(
        source=source,
        teacher=teacher,
        samples=samples,
        limit=limit,
        offset=offset,
        adapter=adapter,
        config=config,
        split=split,
        revision=revision,
        domain=domain,
        license=license_,
        base_url=base_url,
        concurrency=concurrency,
        store=store,
    )
    if sampling := given(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed):
        values["sampling"] = sampling
    start(COLLECT, values, out, "collect")


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
    domain: Domain = None,
    limit: Limit = None,
    base_url: BaseUrl = None,
    concurrency: Concurrency = None,
    store: Store = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
) -> None:
    """Traces to steps of meta-reasoning, sub-problem and answer."""
    from rlkd_data.stages import DECOMPOSE

    values = given(
        traces=traces,
        annotator=annotator,
        from_reference=from_reference,
        prompt=prompt,
        format=format_,
        repairs=repairs,
        window=window,
        reject=reject or None,
        domain=domain,
        limit=limit,
        base_url=base_url,
        concurrency=concurrency,
        store=store,
    )
    if sampling := given(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed):
        values["sampling"] = sampling
    start(DECOMPOSE, values, out, "decompose")


@app.command()
def inspect(table: Annotated[Path, typer.Argument(help="Folder of a table.")]) -> None:
    """A table at a glance: schema, counts, rejections, and a row laid out as steps."""
    from rich.console import Console

    from rlkd_data.inspect import inspect_table

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
def run(
    pipeline: Annotated[str, typer.Argument(help="A pipeline's YAML file, or the name of a shipped one.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="stage.key=value, or workdir=FOLDER.")] = None,
) -> None:
    """Run a pipeline; stages whose settings and inputs have not changed are left alone."""
    from rlkd_data import pipeline as pipelines
    from rlkd_data.summary import print_summary

    planned = pipelines.load(pipelines.find(pipeline), set_ or ())
    print_summary(planned, pipelines.run(planned))


def main() -> None:
    run_app(app)
