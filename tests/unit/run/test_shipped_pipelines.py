"""Every pipeline that is shipped loads, and says what its comments promise."""

from __future__ import annotations

import pytest

from rlkd_data.run import pipeline
from rlkd_data.run.resources import resource
from rlkd_train.config import COMPONENTS, GrpoSettings

NAMES = sorted(path.stem for path in resource("pipelines").glob("*.yaml"))


def grpo_of(name: str) -> GrpoSettings:
    (settings,) = [s.settings for s in pipeline.load(pipeline.find(name)).stages if s.spec.name == "grpo"]
    assert isinstance(settings, GrpoSettings)
    return settings


@pytest.mark.parametrize("name", NAMES)
def test_it_loads(name: str) -> None:
    assert pipeline.load(pipeline.find(name)).stages


def test_the_papers_total_and_the_references_weights_are_shipped() -> None:
    assert {"gsm8k", "rlkd-zero"} <= set(NAMES)
    paper = grpo_of("gsm8k").weights
    assert [paper.of(name) for name in COMPONENTS] == [0.5, 0.5, 0.0, 0.0, 1.0]
    reference = grpo_of("rlkd-zero")
    assert [reference.weights.of(name) for name in COMPONENTS] == [15, 15, 10, 10, 1.0]
    assert reference.structure.normalise == "sum"
