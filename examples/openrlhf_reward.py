"""The structure reward in OpenRLHF: --remote_rm_url openrlhf_reward.py --label_key problem_id

A query is the prompt followed by the completion; RLKD_REWARD_URL says where `rlkd-train reward-server` is.
"""

import torch

from rlkd_train.reward.remote import RemoteReward


def reward_func(queries, prompts, labels, **_):
    completions = [query[len(prompt) :] for query, prompt in zip(queries, prompts, strict=True)]
    return {"rewards": torch.tensor(RemoteReward().filled(completions, labels))}
