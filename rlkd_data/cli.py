"""`rlkd-data`: one verb per stage of the data. Parses, imports the stage, calls it; no logic.

Flags that are settings are declared as the table of a page of help; their meanings stand in `config/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlkd_data.run.command import run_app, start
from rlkd_data.run.flags import (
    CONTROLS,
    FOLDER,
    MODEL,
    MONEY,
    PROMPTS,
    SAMPLING,
    SERVER_AND_BATCHES,
    Estimate,
    EstimateSample,
    Flag,
    Out,
    Panel,
    judge,
    judges_server,
)
from rlkd_data.run.headings import WIDEST_PAGE, Headed, Verbs
from rlkd_data.run.verbs import verb

app = typer.Typer(
    name="rlkd-data",
    cls=Verbs,
    help="Collect reasoning traces, take them apart into steps, and look at what came out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": WIDEST_PAGE},
)


@verb(
    app,
    "rlkd_data.config:CollectSettings",
    Panel("Source and output", Flag("source", "SOURCE"), "--out", "limit", "offset", "shuffle", "sample"),
    Panel("Teacher and sampling", Flag("teacher", value=MODEL), "samples", *SAMPLING, *PROMPTS),
    Panel("Answers", "keep", "min_pass_rate", "max_pass_rate", "run_code"),
    Panel("Cleaning", "dedupe", "near_threshold", "decontaminate", "ngram"),
    Panel(
        "Reading the source",
        *("config", "split", "revision", "adapter", Flag("map", value="COLUMN=FIELD"), "domain", "license", "strict"),
    ),
    Panel(
        "The source world",
        *("world.size", Flag("world.seed", "--world-seed"), "world.styles", "world.needed", "world.distractors"),
        *("world.things", "world.modulus", "world.operations"),
    ),
    SERVER_AND_BATCHES,
    MONEY,
    CONTROLS,
)
def collect(values: dict[str, Any], out: Out, estimate: Estimate = False, estimate_sample: EstimateSample = 5) -> None:
    """Teacher traces: from a data set, or generated for its problems by a model."""
    from rlkd_data.run.stages import COLLECT

    start(COLLECT, values, out, "collect", estimate=estimate_sample if estimate else None)


@verb(
    app,
    "rlkd_data.config:DecomposeSettings",
    Panel("Traces and output", Flag("traces", "TRACES"), "--out", "limit", "from_reference"),
    Panel(
        "Annotator and sampling",
        *(Flag("annotator", value=MODEL), "prompt", "format", "domain", "window", *SAMPLING, *PROMPTS),
    ),
    Panel("Checks", Flag("reject", value="CODE"), "repairs"),
    Panel(
        "Agreement",
        *("agreement", "agreement_sample", Flag("agreement_annotator", value=MODEL), *judge("agreement_judge")),
    ),
    Panel("Which weights it has", "model_version", "reuse"),
    SERVER_AND_BATCHES,
    MONEY,
    CONTROLS,
)
def decompose(
    values: dict[str, Any], out: Out, estimate: Estimate = False, estimate_sample: EstimateSample = 5
) -> None:
    """Traces to steps of meta-reasoning, sub-problem and answer."""
    from rlkd_data.run.stages import DECOMPOSE

    start(DECOMPOSE, values, out, "decompose", estimate=estimate_sample if estimate else None)


@verb(
    app,
    "rlkd_data.config:BranchSettings",
    Panel("Steps and output", Flag("decompositions", "STEPS"), "--out"),
    Panel("Judge", "same", *judge("judge"), *judges_server("judge"), "judge.model_version"),
)
def branches(values: dict[str, Any], out: Out) -> None:
    """Several traces of one problem as one tree: the same steps are one node, alternatives are branches."""
    from rlkd_data.run.stages import BRANCHES

    start(BRANCHES, values, out, "branches")


@verb(
    app,
    "rlkd_data.config:ScoreSettings",
    Panel("Steps and output", Flag("decompositions", "STEPS"), Flag("gold", value="FILE"), "--out"),
    Panel("Judge", "same", *judge("judge"), *judges_server("judge"), "judge.model_version"),
)
def score(
    values: dict[str, Any],
    out: Annotated[
        Path | None, typer.Option(metavar=FOLDER, help="where scores are written; default: score, in the table's own")
    ] = None,
) -> None:
    """How good decompositions are: against gold ones of the same problems."""
    from rlkd_data.measure.score import PLACE
    from rlkd_data.run.stages import SCORE

    start(SCORE, values, out or Path(values["decompositions"]) / PLACE, "score", replace=out is None)


@app.command(cls=Headed)
def inspect(table: Annotated[Path, typer.Argument(metavar="TABLE", help="folder of a table")]) -> None:
    """A table at a glance: schema, counts, rejections, and a row laid out as steps."""
    from rich.console import Console

    from rlkd_data.report.terminal import inspect_table

    inspect_table(table, Console())


@app.command(cls=Headed)
def report(
    tables: Annotated[list[Path], typer.Argument(metavar="TABLES", help="folders of tables and runs")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="the HTML file to write")],
    title: Annotated[str, typer.Option(metavar="TEXT", help="the page's title")] = "rlkd report",
    arm: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=RUN,RUN", help="runs that are seeds of one arm, drawn as their mean [repeatable]"),
    ] = None,
    seeds: Annotated[
        bool,
        typer.Option("--seeds", help="runs whose names end in a seed (grpo-seed1, grpo-s2, grpo-3) are one arm"),
    ] = False,
    megabytes: Annotated[
        float | None,
        typer.Option(
            "--megabytes",
            metavar="MB",
            min=0.1,
            help="the most that its texts may take, for a page to send [default: 44]",
        ),
    ] = None,
) -> None:
    """Tables and runs as one self-contained HTML page."""
    from rlkd_data.report.arms import named_arms
    from rlkd_data.report.build import write_page

    write_page(tables, out, title, named_arms(arm or ()), seeds=seeds, megabytes=megabytes)
    print(out)


@app.command(cls=Headed)
def export(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="folder of traces or of decompositions")],
    shape: Annotated[
        str,
        typer.Option("--as", metavar="SHAPE", help="messages|sharegpt|alpaca|prompt-completion|verl"),
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help=".jsonl, .jsonl.gz, .jsonl.zst, .json, .parquet; or an address")
    ],
    thought: Annotated[
        str, typer.Option(metavar="tags|beside|none", help="a trace's reasoning: in the reply, beside it, or left out")
    ] = "tags",
    prompt: Annotated[
        str, typer.Option(metavar="problem|student", help="ask the problem alone, or as rlkd asks a student")
    ] = "problem",
    only_correct: Annotated[
        bool,
        typer.Option("--only-correct", help="traces found right, no others; of decompositions with --traces alone"),
    ] = False,
    traces: Annotated[
        Path | None, typer.Option(metavar=FOLDER, help="the traces that were decomposed: learn to decompose them")
    ] = None,
) -> None:
    """A table as a file that any trainer reads, here or at an address (s3://…, hf://…)."""
    from rlkd_data.errors import InputError
    from rlkd_data.export.examples import Choice
    from rlkd_data.export.run import export as write

    for flag, given, known in (
        ("--thought", thought, ("tags", "beside", "none")),
        ("--prompt", prompt, ("problem", "student")),
    ):
        if given not in known:
            raise InputError(f"{flag} {given}: choose one of {', '.join(known)}")
    print(write(table, shape, out, Choice(only_correct, thought, prompt, traces)))  # type: ignore[arg-type]
    print(out)


@app.command(cls=Headed)
def publish(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDERS", help="folders of tables, or the folder of a pipeline's run")
    ],
    repo_id: Annotated[str, typer.Option(metavar="ORG/NAME", help="the Hub data set")],
    private: Annotated[bool, typer.Option("--private", help="make the data set private where it is new")] = False,
    revision: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="branch to push to; made where there is none")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write the folder that would be pushed to --out")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar=FOLDER, help="folder of a dry run")] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="that folder's rows are split NAME [repeatable]"),
    ] = None,
    allow_licence: Annotated[
        list[str] | None, typer.Option(metavar="LICENCE", help="publish rows under it all the same [repeatable]")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="language of the rows; default: en [repeatable]")
    ] = None,
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


@app.command(cls=Headed)
def run(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="a pipeline's YAML file, or the name of a shipped one")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="STAGE.KEY=VALUE", help="over the file's; also workdir=FOLDER [repeatable]"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="STAGE", help="run this stage alone; a pattern like 'grpo-*' fits several [repeatable]"),
    ] = None,
) -> None:
    """Run a pipeline; stages whose settings and inputs have not changed are left alone."""
    from rlkd_data.run import pipeline as pipelines
    from rlkd_data.run.summary import print_summary

    planned = pipelines.load(pipelines.find(pipeline), set_ or ())
    print_summary(planned, pipelines.run(planned, only or ()))


def main() -> None:
    run_app(app)
