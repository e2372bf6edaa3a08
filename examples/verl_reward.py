"""The structure reward in verl: reward_model.reward_manager=batch custom_reward_function.path=verl_reward.py

The data set's `extra_info` holds `problem_id`; RLKD_REWARD_URL says where `rlkd-train reward-server` is.
"""

from rlkd_train.reward.remote import RemoteReward


def compute_score(data_sources, solution_strs, ground_truths, extra_infos, **_):
    return RemoteReward().filled(list(solution_strs), [info["problem_id"] for info in extra_infos])
