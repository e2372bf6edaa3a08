"""YAML that would take memory, time or another's folder, and YAML that says two things at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rlkd_data.errors import InputError
from rlkd_data.run import pipeline, yaml_text

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "more than 100,000 values, with what its aliases repeat, at line 5"),
        ("a: &x {b: *x}", "*x at line 1 stands for what it is part of"),
        ("a: &x [*x]", "*x at line 1 stands for what it is part of"),
        ("a: &x\n  <<: *x", "*x at line 2 stands for what it is part of"),
        ("a: " + "[" * 20_000 + "]" * 20_000, "values stand more than 40 deep at line 1"),
        ("a: " + "[" * 20_000, "values stand more than 40 deep at line 1"),
        ("- " * 20_000, "values stand more than 40 deep"),
        ("a:\n  b: 1\n  c: 2\n  b: 3", "'b' stands twice in one mapping, at line 4"),
        ("{a: 1, 'a': 2}", "'a' stands twice in one mapping, at line 1"),
        ("a: 2026-13-01", "month must be in 1..12"),
        ("a: " + "9" * 6000, "Exceeds the limit"),
        ("a: *nobody", "found undefined alias"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("{[a]: 1}", "found unhashable key"),
        ("a: [", "expected the node content"),
        ("\x00", "special characters are not allowed"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(yaml_text.Unreadable) as refused:
        yaml_text.read(text)
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}",
        "a: {a: {a: 1}}\nb: [{a: 1}, {a: 2}]",
        "a: &s x\n*s : 1\nb: *s",
        "",
        "2",
        "a: [[1, 2], [3]]",
    ],
)
def test_what_is_read_as_ever(text: str) -> None:
    assert yaml_text.read(text) == yaml.safe_load(text)


def test_every_shipped_pipeline_can_be_read() -> None:
    for path in Path("pipelines").glob("*.yaml"):
        assert yaml_text.read(path.read_text("utf-8")) == yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "name", ["../esc", "/abs", "a/b", "..", ".", "", "a b", "a\\b", "pipeline.yaml", "a\x00", "a\n"]
)
def test_no_stage_is_named_out_of_its_pipelines_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump({"workdir": str(tmp_path / "work"), "stages": {name: {"verb": "collect"}}}))
    with pytest.raises(InputError, match="a stage's name is its folder's: letters") as refused:
        pipeline.load(path)
    assert len(str(refused.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_bomb_in_a_flag_is_but_a_text() -> None:
    values: dict[str, object] = {}
    pipeline.apply_override(values, "a=" + "[" * 20_000)
    assert values == {"a": "[" * 20_000}
