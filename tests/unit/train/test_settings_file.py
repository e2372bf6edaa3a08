"""`rlkd-train init`: the file that it writes is the stage's defaults, and loads."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from rlkd_data.run.described import describe, walk
from rlkd_data.run.pipeline import check_settings, read_yaml
from rlkd_train.config import StructureSettings
from rlkd_train.settings_file import STAGES, settings_file
from tests.support.command_line import run_here

REQUIRED: dict[str, dict[str, Any]] = {
    "grpo": {"model": "m", "traces": ["t"], "decompositions": ["d"]},
    "sft": {"model": "m", "traces": ["t"]},
    "gsrm": {"model": "m"},
    "distill": {"model": "m", "traces": ["t"], "teacher": "n"},
    "eval": {"model": "local:m"},
}


@pytest.mark.parametrize("stage", STAGES)
def test_filled_in_it_loads_as_the_defaults(stage: str, tmp_path: Any) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(settings_file(stage), "utf-8")
    values = read_yaml(path)
    assert values.pop("out") == f"runs/{stage}"
    check_settings(STAGES[stage], values, stage)  # as it is, before anything is filled in
    assert check_settings(STAGES[stage], values | REQUIRED[stage], stage) == STAGES[stage](**REQUIRED[stage])


@pytest.mark.parametrize("stage", STAGES)
def test_every_setting_stands_in_it_with_its_meaning(stage: str) -> None:
    text = settings_file(stage)
    words = " ".join(text.replace("#", " ").split())
    for place, setting in walk(describe(STAGES[stage])):
        assert re.search(rf"^[# ]*'?{setting.name}'?:", text, re.MULTILINE), place
        assert " ".join(setting.told.replace("#", " ").split()) in words, place
        assert setting.meaning, place
    required = [line.partition(":")[0] for line in text.splitlines() if "# REQUIRED" in line and line[0] != "#"]
    assert sorted(required) == sorted({*REQUIRED[stage], "out"} - {"decompositions"})  # which structure alone needs
    assert all(len(line.replace("# ", "", line.count("# ") - 1)) <= 122 for line in text.splitlines())


def test_a_group_behind_a_comment_loads_once_the_comment_is_gone() -> None:
    lines = settings_file("eval").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("# structure:"))
    for number in range(first, len(lines)):
        if not lines[number].startswith("# "):
            break
        lines[number] = lines[number][2:]
    values = yaml.safe_load("\n".join(lines))
    values.pop("out")
    settings: Any = check_settings(STAGES["eval"], values, "eval")
    assert settings.structure == StructureSettings()


@pytest.mark.parametrize(("stage", "hint"), [("grop", "did you mean 'grpo'?"), ("rescore", "there are grpo, sft")])
def test_a_stage_without_a_file_is_one_line(
    stage: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run_here("rlkd-train", "init", stage, monkeypatch=monkeypatch, capsys=capsys)
    assert ended.status == 2 and ended.out == ""
    assert ended.err.count("\n") == 1 and hint in ended.err


def test_the_command_prints_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ended = run_here("rlkd-train", "init", "sft", monkeypatch=monkeypatch, capsys=capsys)
    assert (ended.status, ended.out) == (0, settings_file("sft"))
