"""Teachers and students are decomposed by one annotator, or it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rlkd_data.errors import InputError
from rlkd_data.prompts import GSRM, prompt_id
from rlkd_data.schema import DECOMPOSITIONS, Decomposition
from rlkd_data.tables import TableWriter
from rlkd_train.annotators import check, same_model
from rlkd_train.config import RewardServerSettings
from rlkd_train.reward.server import serve
from rlkd_train.reward.structure import StructureReward
from tests.support.scoring_fakes import decomposition

OWN = prompt_id(*GSRM)


def made(annotator: str, prompt: str = OWN) -> Decomposition:
    return replace(decomposition("t1", "p1", ["mqa"]), annotator=annotator, prompt_id=prompt)


@pytest.mark.parametrize(
    ("annotator", "prompt", "gsrm", "said"),
    [
        ("local:gsrm-smollm2", OWN, "local:gsrm-smollm2", None),
        ("vllm:org/gsrm", OWN, "openai:org/gsrm", None),
        ("openai:gpt-4o", OWN, "local:gsrm-smollm2", "by openai:gpt-4o, while students are decomposed by local:gsrm"),
        ("openai:gpt-4o", "few-shot", "openai:gpt-4o", "openai:gpt-4o with another prompt"),
        ("openai:gsrm-smollm2", OWN, "local:gsrm-smollm2", "1 of 1 decompositions"),
    ],
)
def test_another_annotator_is_refused_with_the_remedy_unless_allowed(
    annotator: str, prompt: str, gsrm: str, said: str | None
) -> None:
    teachers = {"p1": [made(annotator, prompt)]}
    check(teachers, gsrm, allowed=True)
    if said is None:
        check(teachers, gsrm, allowed=False)
        return
    with pytest.raises(InputError, match=said) as refused:
        check(teachers, gsrm, allowed=False)
    line = str(refused.value)
    assert "--allow-other-annotator" in line and f"--annotator {gsrm}" in line and "\n" not in line


def test_a_local_model_is_known_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert same_model(f"local:{tmp_path}", f"local:{tmp_path}/../{tmp_path.name}")
    assert not same_model(f"local:{tmp_path}", "local:gsrm-smollm2")


def test_the_server_and_a_trainer_of_ones_own_refuse_before_any_model_is_opened(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "steps", DECOMPOSITIONS) as table:
        table.add(made("openai:gpt-4o", "few-shot"))
    with pytest.raises(InputError, match="openai:gpt-4o"):
        serve(RewardServerSettings(decompositions=(tmp_path / "steps",)))
    with pytest.raises(InputError, match="openai:gpt-4o"):
        StructureReward.open([tmp_path / "steps"])
