"""Stages that stand for several."""

from __future__ import annotations

import pytest

from rlkd_data.errors import InputError
from rlkd_data.run.pipeline import load
from rlkd_data.run.repeated import all_of, expand


def test_a_stage_is_repeated_where_it_stood():
    stages = {
        "a": {"x": 1},
        "b": {"for": {"arm": ["p", "q"], "seed": [0, 1]}, "seed": "{seed}", "from": ["@a", "local:@{arm}-{seed}"]},
        "c": {"of": ["@b-*"]},
    }
    found = expand(stages, "file")
    assert list(found) == ["a", "b-p-0", "b-p-1", "b-q-0", "b-q-1", "c"]
    assert found["b-q-1"] == {"verb": "b", "seed": 1, "from": ["@a", "local:@q-1"]}
    assert all_of("@b-q-*", found, "file") == ["@b-q-0", "@b-q-1"]
    assert all_of("local:@b-p-*", found, "file") == ["local:@b-p-0", "local:@b-p-1"]
    assert all_of("@a", found, "file") == ["@a"] and all_of(3, found, "file") == [3]


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ({"for": []}, "it names lists of values"),
        ({"for": {"seed": 3}}, "seed has to be a list"),
        ({"for": {"seed": []}}, "seed has to be a list"),
        ({"for": {"seed": ["../x"]}}, "seed has to be a list"),
        ({"for": {"seed": [1, "1"]}}, "seed holds a value twice"),
        ({"for": {"seed": [0]}}, "two stages 'a-0'"),
    ],
)
def test_what_cannot_be_repeated_is_one_line(stage, said):
    with pytest.raises(InputError, match=said):
        expand({"a-0": {}, "a": stage}, "file")


def test_a_pipeline_takes_them(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(
        "workdir: w\nstages:\n"
        "  t: {verb: collect, for: {seed: [3, 4]}, source: world, world: {size: 2, seed: '{seed}'}}\n"
        "  s: {verb: decompose, traces: ['@t-*'], annotator: 'local:world-gsrm'}\n"
    )
    pipeline = load(file, ["t-4.limit=1"])
    assert [stage.name for stage in pipeline.stages] == ["t-3", "t-4", "s"]
    assert [stage.settings.world.seed for stage in pipeline.stages[:2]] == [3, 4]
    assert pipeline.stages[1].settings.limit == 1
    assert [path.name for path in pipeline.stages[2].settings.traces] == ["t-3", "t-4"]
    file.write_text(file.read_text().replace("@t-*", "@u-*"))
    with pytest.raises(InputError, match="names no earlier stage"):
        load(file)


def test_a_repeated_stage_without_a_verb_has_that_of_its_name():
    assert expand({"grpo": {"for": {"seed": [0]}}}, "x.yaml") == {"grpo-0": {"verb": "grpo"}}
