"""From settings to a judge."""

from __future__ import annotations

from pathlib import Path

from rlkd_data.chat.client import Client
from rlkd_data.config import JudgeSettings
from rlkd_data.judges.base import Judge
from rlkd_data.judges.equal import EqualFirst
from rlkd_data.judges.erring import Erring
from rlkd_data.judges.found import FoundFirst
from rlkd_data.judges.same_step import EqualSteps, SameStep


def open_judge(settings: JudgeSettings, folder: Path | None = None) -> EqualFirst:
    """The judge that the settings name, behind what is free and right (`equal`, `found`). Raises InputError where its
    model cannot be opened. A chat model's client is `EqualFirst.client`; `folder` is the output that it is asked for
    (`chat.open.open_client`)."""
    if settings.kind == "equal":
        return _behind(EqualSteps(), settings)
    judge: Judge
    if settings.kind in ("embedding", "same_step"):
        from rlkd_data.judges.embedding import EmbeddingJudge

        judge = EmbeddingJudge(settings.model, settings.threshold)
        if settings.kind == "same_step":
            judge = SameStep(judge, settings.step_threshold, settings.step_agree)
        return _behind(FoundFirst(judge), settings)
    from rlkd_data.chat.open import open_client
    from rlkd_data.judges.llm import LlmJudge
    from rlkd_data.judges.llm_batched import LlmBatchedJudge

    client = open_client(settings.model, settings, folder)
    try:
        judge = LlmJudge(client, settings.yes) if settings.kind == "llm" else LlmBatchedJudge(client)
    except BaseException:
        client.store.close()
        raise
    return _behind(FoundFirst(judge), settings, client)


def _behind(judge: Judge, settings: JudgeSettings, client: Client | None = None) -> EqualFirst:
    if settings.errs:
        return Erring(judge, settings.errs, client=client)
    return EqualFirst(judge, client=client)


def judge_name(settings: JudgeSettings) -> str:
    """For a table or a card: who judges, and from when on it says yes."""
    errs = f", {settings.errs:.0%} turned round" if settings.errs else ""
    if settings.kind == "equal":
        return f"equal text, answers by math-verify{errs}"
    least = {
        "embedding": f", cosine {settings.threshold:g} or more",
        "same_step": f", question and answer {settings.step_threshold:g} or more, {settings.step_agree:g} where the "
        f"answers agree; a part {settings.threshold:g} or more",
        "llm": f", yes at {settings.yes:g} or more",
    }
    return f"{settings.kind} {settings.model}{least.get(settings.kind, '')}{errs}"
