"""Replies by problem, and what a folder holds already."""

import asyncio
from dataclasses import replace

import pytest

from rlkd_data.chat.types import Rejected, Reply, Retryable
from rlkd_data.collect.rows import sampling_of
from rlkd_data.collect.sample import Asked, Background, Groups, written
from rlkd_data.config import CollectSettings
from rlkd_data.schema import Problem, Sampling, Usage
from tests.support.report_rows import NOW, trace, write_traces

REPLY = Reply("b", "a", "stop", Usage(), "m", NOW)


def asked(name, index):
    return Asked(Problem(name, "?", "math", "1", "s", None), Sampling(sample_index=index))


def test_a_problem_comes_whole_and_in_order():
    groups = Groups(3)
    assert groups.take(asked("p", 2), REPLY) is None
    assert groups.take(asked("q", 0), REPLY) is None
    assert groups.take(asked("p", 0), Rejected("no", reason="too_long")) is None
    found = groups.take(asked("p", 1), REPLY)
    assert [pair[0].sampling.sample_index for pair in found] == [0, 1, 2]


def test_a_problem_with_a_failure_does_not_come_and_is_not_held():
    groups = Groups(2)
    failure = Retryable("down", reason="server_error")
    assert groups.take(asked("p", 0), REPLY) is groups.take(asked("p", 1), failure) is None
    assert groups.take(asked("q", 0), failure) is groups.take(asked("q", 1), REPLY) is None
    assert groups.failed == 2 and groups.last_failure is failure and not groups._waiting


def test_samples_have_seeds_of_their_own():
    settings = CollectSettings(source="s", sampling={"seed": 7})
    assert [(s.seed, s.sample_index) for s in (sampling_of(settings, i) for i in range(3))] == [(7, 0), (8, 1), (9, 2)]
    assert sampling_of(CollectSettings(source="s", sampling={"seed": None}), 4).seed is None


def test_what_a_folder_holds(tmp_path):
    def row(name, index):
        return replace(trace(name), problem_id=name[0], sampling=Sampling(sample_index=index))

    assert not written(tmp_path).has("p", 0)
    write_traces(
        tmp_path,
        [row("p0", 0), row("p2", 2), row("q0", 0)],
        [(row("p1", 1), "truncated"), (row("r", 0), "repeated"), (row("r", 0), "repeated")],
    )
    found = written(tmp_path)
    assert found.has_all("p", 3) and not found.has_all("p", 4) and found.has_all("q", 1) and not found.has("q", 1)
    assert not found.has("r", 0) and found.repetitions == {"r": 2}


async def test_background_work_is_bounded_and_its_failure_is_seen():
    now = most = 0

    async def work(fails=False):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        if fails:
            raise KeyError("x")

    background = Background(3)
    for _ in range(20):
        await background.start(work())
    await background.finish()
    assert most == 3 and now == 0
    with pytest.raises(KeyError):
        await background.start(work(fails=True))
        await background.finish()
