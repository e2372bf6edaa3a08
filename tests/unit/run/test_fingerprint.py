"""What a stage's output is named by: folders that were made before are known again, whatever settings came since."""

from pathlib import Path

import pytest

from rlkd_data.config import CollectSettings, DecomposeSettings, Settings
from rlkd_data.run.fingerprint import fingerprint, input_paths, settings_identity, tells
from rlkd_data.schema import content_hash
from rlkd_train.config import CompareSettings, GrpoSettings


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (CollectSettings(source="no-such-file.jsonl"), "dba413e415251eaf96e636138650b5f2"),
        (DecomposeSettings(annotator="openai:m"), "eb622363507532d46c55bf7146a705ed"),
    ],
)
def test_settings_at_their_defaults_have_the_name_that_they_had(settings: Settings, name: str) -> None:
    assert content_hash(settings_identity(settings)) == name


def test_runs_that_are_named_by_arm_are_inputs(tmp_path: Path) -> None:
    """A comparison of a grid that was evaluated again had nothing to do."""
    runs = [tmp_path / "a", tmp_path / "b"]
    for run in runs:
        run.mkdir()
        (run / "figures.json").write_text("1")
    settings = CompareSettings(arms={"A": (runs[0],), "B": (runs[1],)})
    assert list(input_paths(settings)) == runs
    before = fingerprint("compare", (), settings)
    (runs[1] / "figures.json").write_text("2")
    assert fingerprint("compare", (), settings) != before


def test_a_word_in_a_mapping_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "problem").write_text("a file of this name")
    monkeypatch.chdir(tmp_path)
    assert list(input_paths(CollectSettings(source="gone.jsonl", map={"question": "problem"}))) == []


def test_settings_that_differ_are_named_where_they_can_change_what_was_trained() -> None:
    """A run begun before `reuse` came was refused for `structure.judge.reuse`, which nobody had given."""
    settings = GrpoSettings(model="m", traces=(Path("t"),), decompositions=(Path("d"),))
    assert tells(settings, "steps") and tells(settings, "structure.judge.kind")
    assert tells(settings, "structure.judge.errs"), "back at its default it is another setting all the same"
    assert not tells(settings, "structure.reuse") and not tells(settings, "structure.judge.reuse")
