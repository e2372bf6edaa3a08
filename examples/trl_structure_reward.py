"""The structure reward in a plain TRL run: python examples/trl_structure_reward.py MODEL TRACES STEPS OUT

TRACES and STEPS are the tables that `rlkd-data collect` and `rlkd-data decompose` wrote.
"""

import sys
from pathlib import Path

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from rlkd_train.problems import load_tasks
from rlkd_train.structure_reward import StructureReward

model, traces, steps, out = sys.argv[1:]


def boxed(completions, **_):  # any reward of your own beside it
    return [float("\\boxed" in completion) for completion in completions]


problems = [{"prompt": task.problem, "problem_id": task.problem_id} for task in load_tasks([Path(traces)])]
on_cpu = not torch.cuda.is_available()
settings = GRPOConfig(
    out,
    max_steps=2,
    per_device_train_batch_size=4,
    num_generations=4,
    max_completion_length=64,
    logging_steps=1,
    use_cpu=on_cpu,
)
with StructureReward.open([steps], gsrm="local:gsrm-smollm2", max_tokens=64) as reward:
    trainer = GRPOTrainer(model, reward.alongside(boxed), settings, train_dataset=Dataset.from_list(problems))
    trainer.train()
trainer.save_model(out)
