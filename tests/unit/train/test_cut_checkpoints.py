"""Checkpoints that lost the end of a file after they were saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rlkd_train.run_folder import last_checkpoint


def checkpoint(folder: Path, step: int) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    save_file({"weight": torch.zeros(64)}, path / "model.safetensors")
    for name in ("optimizer.pt", "rng_state.pth"):
        torch.save({"state": torch.zeros(64)}, path / name)
    (path / "trainer_state.json").write_text("{}", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "rng_state.pth"])
@pytest.mark.parametrize("left", [0, -1])
def test_the_one_before_is_taken_and_nothing_is_removed(
    tmp_path: Path, name: str, left: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before, newest = checkpoint(tmp_path, 2), checkpoint(tmp_path, 4)
    assert last_checkpoint(tmp_path) == newest
    whole = (newest / name).read_bytes()
    (newest / name).write_bytes(whole[:left])
    assert last_checkpoint(tmp_path) == before
    assert newest.is_dir()
    assert f"{name} was cut short" in "".join(capsys.readouterr())
