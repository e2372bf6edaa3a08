"""The wheel: carries prompts, pipelines and models, and runs where there is no checkout."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = out.glob("rlkd-*.whl")
    return found


def test_it_carries_what_travels_with_rlkd(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "prompts/decompose.system.j2",
        "pipelines/quickstart.yaml",
        "models/gsrm-smollm2/gsrm.json",
        "models/chat/r1.jinja",
        "pipelines/accelerate/zero3.yaml",
        "pipelines/recipes/gsrm-7b.yaml",
    ):
        assert f"rlkd_data/_bundled/{part}" in names
    assert "rlkd_data/py.typed" in names and "rlkd_train/py.typed" in names
    assert not [name for name in names if name.startswith("tests/")]


def test_it_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, which takes the dependencies from this one so that nothing is downloaded."""
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    binaries = home / ("Scripts" if os.name == "nt" else "bin")
    install = [binaries / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = home.glob("lib/python*/site-packages")
    # as a folder behind the new environment's own, and without its .pth files: the checkout stays out of sight
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command: str) -> str:
        told = [str(binaries / command[0]), *command[1:]]
        done = subprocess.run(told, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run("python", "-c", "import rlkd_data, rlkd_train; print(rlkd_data.__file__, rlkd_train.__file__)")
    assert all(path.startswith(str(home)) for path in where.split())
    assert "rlkd-train" in run("rlkd-train", "--help")
    run("rlkd-data", "collect", "gsm8k-quickstart", "--limit", "3", "--out", "traces")
    assert "3" in run("rlkd-data", "inspect", "traces")
    loads = "from rlkd_data.run.pipeline import find, load; print(len(load(find('quickstart')).stages))"
    assert int(run("python", "-c", loads)) >= 8
    told = "from rlkd_train.launch.run import accelerate_environment as e; print(e('fsdp2', 2)['FSDP_VERSION'])"
    assert run("python", "-c", told).strip() == "2"
