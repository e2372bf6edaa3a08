"""The structure reward in plain TRL, on tables of rlkd-data: trl_structure_reward.py MODEL TRACES STEPS OUT"""

import sys

from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer

from rlkd_train.reward.structure import StructureReward


def boxed(completions, **_):  # any reward of your own beside it
    return [float("\\boxed" in completion) for completion in completions]


model, traces, steps, out = sys.argv[1:]
problems = load_dataset("parquet", data_files=f"{traces}/part-*.parquet", split="train")
problems = problems.select_columns(["problem", "problem_id"]).rename_column("problem", "prompt")
settings = GRPOConfig(out, max_steps=2, max_completion_length=32, logging_steps=1, bf16=False)
with StructureReward.open([steps], gsrm="local:gsrm-smollm2", max_tokens=48) as reward:
    GRPOTrainer(model, reward.alongside(boxed), settings, train_dataset=problems).train()  # saved as out/checkpoint-2
