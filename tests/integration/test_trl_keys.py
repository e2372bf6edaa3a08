"""TRL's own keys in whole runs of a tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlkd_data.schema import TRACES
from rlkd_data.tables import TableWriter
from rlkd_train.config import SftSettings
from rlkd_train.run_folder import read_log
from rlkd_train.sft.train import train_sft
from tests.support.tiny_model import save_tiny_model
from tests.support.training_rows import trace


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traces")
    with TableWriter(folder / "traces", TRACES) as table:
        for number in range(8):
            table.add(trace(f"t{number}", f"{number} and {number}.", "\\boxed{12}"))
    save_tiny_model(folder / "tiny")
    return folder


@pytest.mark.parametrize(
    ("keys", "steps"),
    [({}, 4), ({"loss_type": "dft"}, 4), ({"packing": True}, 1), ({"optim": "sgd", "neftune_noise_alpha": 5.0}, 4)],
)
def test_sft_trains_with_them(traces: Path, tmp_path: Path, keys: dict[str, Any], steps: int) -> None:
    settings = SftSettings.model_validate(
        {
            "model": str(traces / "tiny"),
            "traces": [str(traces / "traces")],
            "precision": "float32",
            "max_length": 2048,
            "lora": {"r": 0},
            "optim": {"micro_batch": 2, "accumulate": 1, "learning_rate": 1e-2, "schedule": "constant"},
            "trl": keys,
        }
    )
    train_sft(settings, tmp_path)
    log = read_log(tmp_path)
    assert len(log) == steps  # packed, eight examples are two rows
    assert all(line["loss"] > 0 for line in log)
    assert (tmp_path / "model" / "model.safetensors").exists()
