"""What a stage's output is named by: folders that were made before are known again, whatever settings came since."""

import pytest

from rlkd_data.config import CollectSettings, DecomposeSettings, Settings
from rlkd_data.run.fingerprint import settings_identity
from rlkd_data.schema import content_hash


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (CollectSettings(source="no-such-file.jsonl"), "dba413e415251eaf96e636138650b5f2"),
        (DecomposeSettings(annotator="openai:m"), "eb622363507532d46c55bf7146a705ed"),
    ],
)
def test_settings_at_their_defaults_have_the_name_that_they_had(settings: Settings, name: str) -> None:
    assert content_hash(settings_identity(settings)) == name
