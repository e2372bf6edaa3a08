"""The structure reward in an environment of verifiers (and prime-rl): the tasks are the problems of a traces table.

`load` reads it from RLKD_TRACES; RLKD_REWARD_URL says where `rlkd-train reward-server` is.
"""

import asyncio
import os
from pathlib import Path

import verifiers.v1 as vf

from rlkd_data.prompts import student_messages
from rlkd_train.problems import load_tasks
from rlkd_train.reward.remote import RemoteReward


class ProblemData(vf.TaskData):
    problem_id: str


class ProblemTask(vf.Task[ProblemData]):
    @vf.reward(weight=1.0)
    async def structure(self, trace: vf.Trace) -> float:
        (score,), (why,) = await asyncio.to_thread(RemoteReward().score, [trace.last_reply], [self.data.problem_id])
        if score is None:  # an error leaves the rollout out; a 0 would punish it
            raise RuntimeError(f"structure could not be scored: {why}")
        return score


class ProblemsConfig(vf.TasksetConfig):
    pass


class ProblemsTaskset(vf.Taskset[ProblemTask, ProblemsConfig]):
    def load(self) -> list[ProblemTask]:
        tasks = load_tasks([Path(os.environ["RLKD_TRACES"])])
        return [
            ProblemTask(
                ProblemData(prompt=student_messages(task.problem)[-1].content, problem_id=task.problem_id),
                self.config.task,
            )
            for task in tasks
        ]
