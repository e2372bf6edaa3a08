"""From settings to a judge."""

from __future__ import annotations

from rlkd_train.config import JudgeSettings
from rlkd_train.judges.base import Judge
from rlkd_train.judges.equal import EqualFirst


def open_judge(settings: JudgeSettings) -> EqualFirst:
    """The judge that the settings name, behind `equal`, which is free and right. Raises InputError where its model
    cannot be opened."""
    judge: Judge | None = None
    if settings.kind == "embedding":
        from rlkd_train.judges.embedding import EmbeddingJudge

        judge = EmbeddingJudge(settings.model, settings.threshold)
    elif settings.kind == "llm":
        from rlkd_data.chat.open import open_client
        from rlkd_train.judges.llm import LlmJudge

        judge = LlmJudge(open_client(settings.model, settings))
    return EqualFirst(judge)
