"""The structure reward in ms-swift: --external_plugins swift_reward.py --reward_funcs rlkd_structure

The data set has a column `problem_id`; RLKD_REWARD_URL says where `rlkd-train reward-server` is.
"""

from swift.rewards import ORM, orms

from rlkd_train.reward.remote import RemoteReward


class Structure(ORM):
    def __call__(self, completions, problem_id, **_):
        return RemoteReward().filled(completions, problem_id)


orms["rlkd_structure"] = Structure
