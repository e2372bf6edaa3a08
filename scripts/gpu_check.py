"""GRPO on a GPU, as a short check: SmolLM2-135M in bfloat16, with an adapter and with all weights, 10 steps each.

    python scripts/gpu_check.py [--out FOLDER] [--model smollm2-135m] [--steps 10] [--prompts 4] [--completion 256]

Each run stops after half of its steps and is taken up again. Prints the seconds of generation, reward and update, and
the peak of the card's memory, as a table for docs/running.md; leaves with status 1 where a step is missing or twice.
Under 8 minutes on one card; with `--model world-student --source world` it runs on a CPU as well, without a peak.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

from rlkd_data.config import CollectSettings
from rlkd_data.run.stage import registry, run_stage
from rlkd_train.config import GrpoSettings
from rlkd_train.run_folder import read_log

PARTS = ("generation", "reward", "update")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--source", default="gsm8k-quickstart")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--completion", type=int, default=256)
    given = parser.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{device}, torch {torch.__version__}, {given.model}, {given.prompts} x 4 completions of {given.completion}")
    print("| weights | s/step | generation | reward | update | peak GiB | resumed at |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.out or Path(scratch)
        stages = registry()
        run_stage(stages["collect"], CollectSettings(source=given.source, limit=40), folder / "traces")
        for name, rank in (("LoRA, r 16", 16), ("all", 0)):
            print(check(given, folder, name, rank), flush=True)


def check(given: argparse.Namespace, folder: Path, name: str, rank: int) -> str:
    """A run in two halves; its line of the table."""
    out = folder / f"grpo-{rank}"
    values = {
        "model": given.model,
        "traces": [folder / "traces"],
        "prompts_per_step": given.prompts,
        "generations": 4,
        "max_completion": given.completion,
        "temperature": 1.0,
        "precision": "bfloat16" if torch.cuda.is_available() else "auto",
        "lora": {"r": rank},
        "optim": {"micro_batch": 4, "save_steps": 100},
        "weights": {"structure": 0, "accuracy": 1},
    }
    half = given.steps // 2
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    began = time.monotonic()
    for steps in (half, given.steps):
        run_stage(registry()["grpo"], GrpoSettings.model_validate(values | {"steps": steps}), out)
    log = read_log(out)
    if [line["step"] for line in log] != list(range(1, given.steps + 1)):
        sys.exit(f"{name}: the log has the steps {[line['step'] for line in log]}")
    means = [sum(line.get(f"seconds/{part}", 0.0) for line in log) / len(log) for part in PARTS]
    peak = f"{torch.cuda.max_memory_allocated() / 2**30:.2f}" if torch.cuda.is_available() else "-"
    shown = " | ".join(f"{mean:.2f}" for mean in means)
    return f"| {name} | {(time.monotonic() - began) / given.steps:.2f} | {shown} | {peak} | {half} |"


if __name__ == "__main__":
    main()
