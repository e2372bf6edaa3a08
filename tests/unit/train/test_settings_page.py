"""docs/settings.md is what the settings say now, and the settings' defaults are settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from rlkd_data.config import ChatSettings
from rlkd_data.run.described import describe, walk
from rlkd_data.run.stage import registry
from rlkd_train.settings_page import STAGES, page

PAGE = Path(__file__).resolve().parents[3] / "docs/settings.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == page(), "stale: python -m rlkd_train.settings_page > docs/settings.md"


def test_every_stage_and_setting_stands_in_it() -> None:
    text = page()
    names = {name for name, _ in STAGES}
    assert names == set(registry()) | {"reward-server"}
    for name, model in STAGES:
        own = re.search(rf"^### {name}\n(.*?)(?=^##)", text, re.DOTALL | re.MULTILINE)
        assert own
        for setting in describe(model):
            shared = setting.name in ChatSettings.model_fields and issubclass(model, ChatSettings)
            assert f"`{setting.name}`" in own[1] or (shared and "(#asking-a-model)" in own[1]), (name, setting.name)
    for anchor in re.findall(r"\]\(#([\w-]+)\)", text):
        assert f"\n### {anchor.replace('-', ' ')}\n" in text or f"\n### {anchor}\n" in text


@pytest.mark.parametrize(("name", "model"), STAGES)
def test_a_groups_default_is_valid_and_every_setting_has_a_meaning(name: str, model: type[BaseModel]) -> None:
    """Defaults are not validated where they are declared (`Settings.usual`), so here."""
    for place, setting in walk(describe(model)):
        assert setting.meaning, (name, place)
        if isinstance(setting.default, BaseModel):
            assert type(setting.default).model_validate(setting.default.model_dump()) == setting.default, (name, place)
