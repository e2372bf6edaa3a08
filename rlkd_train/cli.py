"""`rlkd-train`: one verb per training stage. Parses, imports the stage, calls it; no logic.

Flags that are settings are declared as the table of a page of help; their meanings stand in `config/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlkd_data.run.command import from_file, run_app, start
from rlkd_data.run.flags import (
    FOLDER,
    MODEL,
    MONEY,
    SAMPLING,
    SERVER,
    Estimate,
    EstimateSample,
    Flag,
    Panel,
    judges_server,
)
from rlkd_data.run.headings import WIDEST_PAGE, Headed, Verbs
from rlkd_data.run.verbs import verb
from rlkd_train.verbs import allowing, folder, launched, needs, train

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="rlkd-train",
    cls=Verbs,
    help="Train a student with the structure of its teacher's reasoning, and judge it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": WIDEST_PAGE},
)

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="any setting by its key, above file and flags [repeatable]"),
]
Out = Annotated[Path | None, typer.Option("--out", metavar=FOLDER, help="folder of the run; default: the file's out")]
_FILE = typer.Option("--config", metavar="FILE", help="YAML file with the settings")
_RECIPE = typer.Option("--config", metavar="FILE", help="YAML file with the settings, or the name of a recipe")
Config = Annotated[Path, _RECIPE]
ConfigOrFlags = Annotated[Path | None, _FILE]
OtherAnnotator = Annotated[
    bool,
    typer.Option(
        "--allow-other-annotator", help="compare with teachers whom another annotator than the GSRM decomposed"
    ),
]
InitFrom = Annotated[
    Path | None,
    typer.Option("--init-from", metavar="RUN", help="start from the weights of this run, in place of `model`"),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="tell the settings, the steps and the memory that the run would take, and end"),
]
FILE = Panel("Settings file", "--config", "--set")


@app.command(cls=Headed)
def init(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="grpo, sft, gsrm, distill or eval")],
) -> None:
    """A settings file to begin with: every setting of a stage with its default and meaning.

    rlkd-train init grpo > grpo.yaml
    """
    from rlkd_train.settings_file import settings_file

    print(settings_file(stage), end="")


@app.command(cls=Headed)
def sft(config: Config, set_: Set = None, out: Out = None, init_from: InitFrom = None, dry_run: DryRun = False) -> None:
    """Fine-tune a student on its teacher's traces.

    `rlkd-train init sft` writes a settings file to begin with.
    """
    from rlkd_train.stages import SFT

    train(SFT, config, set_, out, init_from, dry_run)


@app.command(cls=Headed)
def gsrm(
    config: Config, set_: Set = None, out: Out = None, init_from: InitFrom = None, dry_run: DryRun = False
) -> None:
    """Teach a local model to decompose (the GSRM).

    `rlkd-train init gsrm` writes a settings file to begin with.
    """
    from rlkd_train.stages import GSRM

    train(GSRM, config, set_, out, init_from, dry_run)


@app.command(cls=Headed)
def grpo(
    config: Config,
    set_: Set = None,
    out: Out = None,
    init_from: InitFrom = None,
    dry_run: DryRun = False,
    allow_other_annotator: OtherAnnotator = False,
) -> None:
    """GRPO on a student with the structure reward.

    `rlkd-train init grpo` writes a settings file to begin with.
    """
    from rlkd_train.stages import GRPO

    train(GRPO, config, allowing(set_, allow_other_annotator), out, init_from, dry_run)


@app.command(cls=Headed)
def launch(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="grpo, sft, gsrm or distill")],
    config: Config,
    processes: Annotated[int, typer.Option(metavar="N", help="processes, one a card", min=1)],
    accelerate: Annotated[
        str, typer.Option(metavar="HOW", help="how they share the model: ddp, fsdp2 or zero3")
    ] = "ddp",
    set_: Set = None,
    out: Out = None,
    init_from: InitFrom = None,
    dry_run: DryRun = False,
    allow_other_annotator: OtherAnnotator = False,
) -> None:
    """A training stage in several processes of this machine.

    A step is of the same sequences whatever their number. On several machines: accelerate launch -m rlkd_train STAGE ….
    """
    overrides = allowing(set_, allow_other_annotator)
    raise typer.Exit(launched(stage, config, overrides, out, init_from, processes, accelerate, dry_run))


@app.command(cls=Headed)
def distill(
    config: Config, set_: Set = None, out: Out = None, init_from: InitFrom = None, dry_run: DryRun = False
) -> None:
    """On-policy distillation: a teacher says how likely it finds each token of the student's own completions.

    `rlkd-train init distill` writes a settings file to begin with.
    """
    from rlkd_train.stages import DISTILL

    train(DISTILL, config, set_, out, init_from, dry_run)


@verb(
    app,
    "rlkd_train.config:EvalSettings",
    Panel(
        "Model and problems",
        Flag("model", value=MODEL),
        Flag("data", value=FOLDER),
        Flag("benchmark", value="NAME"),
        "suite",
        "--out",
        Flag("k", "-k"),
        "limit",
        "run_code",
        "model_version",
        "reuse",
    ),
    Panel("Structure", Flag("decompositions", value=FOLDER), "--allow-other-annotator"),
    Panel("Sampling", *SAMPLING),
    SERVER,
    MONEY,
    FILE,
    name="eval",
    required=False,
)
def evaluate(
    values: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(metavar=FOLDER, help="folder for the samples table and figures [required, or in the file]"),
    ] = None,
    estimate: Estimate = False,
    estimate_sample: EstimateSample = 5,
    allow_other_annotator: OtherAnnotator = False,
    config: ConfigOrFlags = None,
    set_: Set = None,
) -> None:
    """Sample a model on problems and measure accuracy, length and structure alignment.

    Settings may stand in a file, under the flags: `rlkd-train init eval` writes one to begin with.
    """
    from rlkd_train.stages import EVAL

    if "decompositions" in values:
        values["structure"] = {}
    values = from_file(config, values, allowing(set_, allow_other_annotator))
    needs(values, "model")
    where = str(config or "eval")
    start(EVAL, values, folder(values, out, where), where, estimate=estimate_sample if estimate else None)


@app.command(cls=Headed)
def compare(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="folders of evaluations, or of training runs, whose last one counts"),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RUN,RUN", help="an arm by a name of yours, of one run or several seeds [repeatable]"
        ),
    ] = None,
    seeds: Annotated[
        bool,
        typer.Option("--seeds", help="folders whose names end in a seed (grpo-seed1, grpo-s2, grpo-3) are one arm"),
    ] = False,
    paired: Annotated[
        bool,
        typer.Option("--paired", help="the n-th runs of all arms have one training seed, and start, in common"),
    ] = False,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="the arm that the others are compared with; default: the first")
    ] = None,
    figure: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="only this figure, as pass@1 [repeatable]")
    ] = None,
    level: Annotated[float, typer.Option(metavar="X", help="chance of a finding where there is none")] = 0.05,
    seed: Annotated[int, typer.Option(metavar="N", help="seed of the bootstrap")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar=FOLDER, help="write compare.md, compare.json, and plots there")
    ] = None,
) -> None:
    """Arms side by side: figures with intervals, paired differences, and whether they may be chance."""
    from rich.console import Console

    from rlkd_data.errors import InputError
    from rlkd_data.report.arms import named_arms
    from rlkd_train.compare.arms import arms
    from rlkd_train.compare.folder import write
    from rlkd_train.compare.run import compare as compared
    from rlkd_train.compare.written import print_comparison

    if not 0 < level < 1:
        raise InputError(f"--level {level}: give a chance above 0 and below 1, as 0.05")
    chosen = arms(runs or [], named_arms(arm or ()), seeds=seeds)
    found = compared(chosen, baseline, figure or (), level, seed, paired=paired)
    print_comparison(found, Console())
    if out is not None:
        for path in write(found, out):
            print(path)


@app.command(cls=Headed)
def publish(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="folder of a finished training run")],
    repo_id: Annotated[str, typer.Option(metavar="ORG/NAME", help="the Hub model")],
    license_: Annotated[str | None, typer.Option("--license", metavar="LICENCE", help="the model's licence")] = None,
    base_model: Annotated[str | None, typer.Option(metavar="ORG/NAME", help="the base model's name on the Hub")] = None,
    eval_: Annotated[
        list[Path] | None,
        typer.Option("--eval", metavar=FOLDER, help="folder of an evaluation, for the card [repeatable]"),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="make the model private where it is new")] = False,
    revision: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="branch to push to; made where there is none")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write the folder that would be pushed to --out")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar=FOLDER, help="folder of a dry run")] = None,
) -> None:
    """A run's model to the Hub, with its card. --dry-run shows what would be pushed."""
    from rlkd_data.errors import InputError
    from rlkd_train.publish.run import Publication
    from rlkd_train.publish.run import publish as push

    if dry_run != (out is not None):
        raise InputError("--dry-run and --out FOLDER go together: a dry run writes the folder that would be pushed")
    print(push(run, Publication(repo_id, license_, private, revision, base_model, tuple(eval_ or ()), out)))


@verb(
    app,
    "rlkd_train.config:JudgeEvalSettings",
    Panel("Pairs and output", Flag("pairs", "PAIRS"), "--out", "limit"),
    Panel(
        "Judge",
        "judge.kind",
        Flag("judge.model", value=MODEL),
        "judge.threshold",
        *judges_server("judge"),
        "judge.model_version",
        "reuse",
    ),
    name="judge-eval",
)
def judge_eval(
    values: dict[str, Any],
    out: Annotated[Path, typer.Option(metavar=FOLDER, help="folder for the judged pairs and figures")],
    set_: Set = None,
) -> None:
    """Measure how far a judge agrees with labelled pairs."""
    from rlkd_train.stages import JUDGE_EVAL

    start(JUDGE_EVAL, from_file(None, values, set_), out, "judge-eval")


@app.command(cls=Headed)
def rescore(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="folder of a GRPO run")],
    config: Annotated[Path, _FILE],
    out: Annotated[
        Path | None, typer.Option("--out", metavar=FOLDER, help="folder of the new scores; default: RUN-rescored")
    ] = None,
    set_: Set = None,
) -> None:
    """Another reward over a run's saved completions, without generating, and how it differs."""
    from rlkd_train.reward.rescore import given_or_the_runs
    from rlkd_train.stages import RESCORE

    values = given_or_the_runs(run, from_file(config, overrides=set_))
    start(RESCORE, values, out or run.with_name(f"{run.name}-rescored"), str(config))


@verb(
    app,
    "rlkd_train.config:RewardServerSettings",
    Panel(
        "Teachers and address",
        Flag("decompositions", value=FOLDER),
        "--allow-other-annotator",
        "host",
        "port",
        "token_env",
    ),
    FILE,
    name="reward-server",
    required=False,
)
def reward_server(
    values: dict[str, Any],
    allow_other_annotator: OtherAnnotator = False,
    config: ConfigOrFlags = None,
    set_: Set = None,
) -> None:
    """Serve the structure reward over HTTP, for any trainer."""
    from rlkd_data.run.pipeline import check_settings
    from rlkd_train.config import RewardServerSettings
    from rlkd_train.reward.server import serve

    values = from_file(config, values, allowing(set_, allow_other_annotator))
    needs(values, "decompositions")
    settings = check_settings(RewardServerSettings, values, str(config or "reward-server"))
    assert isinstance(settings, RewardServerSettings)
    serve(settings)


def main() -> None:
    run_app(app)
