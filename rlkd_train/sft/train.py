"""`rlkd-train sft` and `rlkd-train gsrm`: one supervised path, two builders of examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.models import resolve
from rlkd_data.run.progress import say
from rlkd_data.run.stage import StageResult
from rlkd_train.config import GsrmSettings, SftSettings
from rlkd_train.fits import positions, unused_card
from rlkd_train.launch.ranks import begin, is_main, processes
from rlkd_train.plan.needs import needs_of
from rlkd_train.sft.begun import Begun
from rlkd_train.sft.examples import Example, longest, write_examples

EXAMPLES = "examples.arrow"


def train_sft(settings: SftSettings, out: Path) -> StageResult:
    """Train a student on traces. `out` gets model/, log.jsonl, checkpoints/ and the tokenised examples."""
    build, title = builder(settings)
    result, _, _ = _train(settings, out, build, title=title)
    return result


def train_gsrm(settings: GsrmSettings, out: Path) -> StageResult:
    """Train a GSRM, measure it on the held-out rows, and write its card. `out` gets what `train_sft` writes, and
    model/gsrm.json, model/README.md, held_out.jsonl (the measured replies)."""
    from rlkd_data.prompts import GSRM, prompt_id
    from rlkd_train.gsrm.card import write_card
    from rlkd_train.gsrm.data import held_out_texts, load_sources
    from rlkd_train.gsrm.measure import REPLIES, measure

    sources = load_sources(settings)
    build, title = builder(settings, sources)
    result, model, tokenizer = _train(settings, out, build, title=title)
    held_out = sources.held_out[: settings.measure] if settings.measure is not None else sources.held_out
    figures = dict(result.figures)
    if held_out:
        if settings.lora.r:
            model = model.merge_and_unload()  # as `decompose` uses it
        (out / REPLIES).unlink(missing_ok=True)
        for name, texts in held_out_texts(settings, held_out).items():
            figures[name] = measure(
                model, tokenizer, texts, max_tokens=settings.measure_tokens, batch=settings.measure_batch, out=out
            )
    write_card(settings, out / "model", {**figures, "examples": result.counts}, sources, prompt_id(*GSRM))
    return StageResult(result.counts, figures)


Build = Callable[[Any, dict[str, int]], Iterable[Example]]
"""Makes the examples, of the tokenizer, and a dict in which it counts the rows that it leaves out, by reason."""


def builder(settings: SftSettings | GsrmSettings, sources: Any = None) -> tuple[Build, str]:
    """(what makes the examples of a run, their name). `sources` are a GSRM's, where they have been loaded."""
    if isinstance(settings, SftSettings):
        from rlkd_train.on_the_way.run import check, problem_ids
        from rlkd_train.sft.data import student_examples

        check(settings.evaluation, problem_ids(settings.traces))
        chosen = settings
        return lambda tokenizer, left_out: student_examples(chosen, tokenizer, left_out), "student examples"
    from rlkd_train.gsrm.data import example, load_sources, targets

    loaded = sources or load_sources(settings)
    gsrm = settings
    return lambda *_: (example(target) for target in targets(gsrm, loaded)), "GSRM examples"


def _train(
    settings: SftSettings | GsrmSettings,
    out: Path,
    build: Build,
    *,
    title: str,
) -> tuple[StageResult, Any, Any]:
    """Examples, training, weights: each is kept when finished, so that a killed run goes on where it was. Returns
    the result, the trained model and its tokenizer."""
    from rlkd_train.run_folder import CHECKPOINTS, check_not_beyond, last_checkpoint
    from rlkd_train.sft.arguments import arguments
    from rlkd_train.watch.hub import pushing

    if processes() == 1:  # several make them together, once they have begun
        arguments(settings, out / CHECKPOINTS)
    examples, counts, tokens = examples_of(settings, out, build, title, processes())
    checkpointing = needs_of(settings, longest(examples), processes()).checkpointing
    checkpoint = last_checkpoint(out / CHECKPOINTS)
    check_not_beyond(checkpoint, settings.max_steps, "max_steps")
    with pushing(settings.hub, out / CHECKPOINTS) as pushers:
        begun = begin(Begun(examples, checkpoint, checkpointing))
        figures, model, tokenizer = _trained(settings, out, begun, pushers)
    return StageResult(counts, {"tokens_per_epoch": tokens, **figures}), model, tokenizer


def examples_of(
    settings: SftSettings | GsrmSettings,
    out: Path,
    build: Build,
    title: str,
    count: int,
) -> tuple[Path, dict[str, int], int]:
    """(the tokenised examples of a run in `count` processes, in a file in `out`, their counts, the tokens of those that
    are learned from); what is there is kept. Raises InputError where such a run could not train: nothing but tables and
    a tokenizer has been loaded then."""
    from rlkd_train.sft.arguments import shared
    from rlkd_train.tokenizer import open_tokenizer

    max_length = settings.max_length
    out.mkdir(parents=True, exist_ok=True)
    shared(settings, count)
    found = resolve(settings.model.removeprefix("local:"))
    if (told := unused_card()) is not None:
        say(told)
    if (most := positions(found.base.path if found.base else found.path)) is not None and most < max_length:
        say(f"{settings.model} has {most:,} positions: longer examples are left out (max_length {max_length:,})")
        max_length = most
    examples, counted = out / EXAMPLES, out / "examples.json"
    if not (examples.exists() and counted.exists()):
        tokenizer = open_tokenizer(settings, found)
        left_out: dict[str, int] = {}
        counts, tokens = write_examples(tokenizer, build(tokenizer, left_out), examples, max_length, title)
        counts |= {f"rejected:{reason}": count for reason, count in left_out.items()}
        counted.write_text(json.dumps({"counts": counts, "tokens": tokens}), encoding="utf-8")
    known = json.loads(counted.read_text(encoding="utf-8"))
    return examples, known["counts"], known["tokens"]


def follow_sft(settings: SftSettings | GsrmSettings, out: Path, begun: Begun) -> None:
    """Train with the main process, in another one."""
    _trained(settings, out, begun)


def _trained(
    settings: SftSettings | GsrmSettings, out: Path, begun: Begun, watchers: Sequence[Any] = ()
) -> tuple[dict[str, Any], Any, Any]:
    """(figures, the trained model, its tokenizer); the main process saves the weights."""
    from rlkd_train.run_folder import save_model
    from rlkd_train.sft.run import run_sft
    from rlkd_train.student import load_student

    model, tokenizer = load_student(settings)
    figures, whole = run_sft(settings, begun, model=model, tokenizer=tokenizer, out=out, watchers=watchers)
    if is_main():
        save_model(model, tokenizer, out, settings.model, whole)
    return figures, model, tokenizer
