"""Replies by problem, and what a folder holds already."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from rlkd_data.chat.types import Rejected, Reply, Retryable
from rlkd_data.collect.clean import open_cleaner
from rlkd_data.collect.rows import sampling_of
from rlkd_data.collect.run import _requests
from rlkd_data.collect.sample import Asked, Background, Groups, written
from rlkd_data.collect.sources import open_source
from rlkd_data.config import CollectSettings
from rlkd_data.digests import digest
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
        [
            (row("p1", 1), "truncated"),
            (row("r", 0), "repeated"),
            (row("r", 0), "repeated"),
            (replace(row("s", 0), teacher="unknown"), "unreadable_answer"),
        ],
    )
    found = written(tmp_path)
    assert found.has_all("p", 3) and not found.has_all("p", 4) and found.has_all("q", 1) and not found.has("q", 1)
    assert not found.has("r", 0) and found.repetitions == {"r": 2}
    assert not found.has("s", 0) and digest("s") in found.not_asked and digest("r") not in found.not_asked


GOOD, OTHER, BAD = ({"problem": "2+2?", "answer": gold} for gold in ("4", "four", {"a": 1}))
BROKEN, BARE = "not json", {"x": 1}


@pytest.mark.parametrize(
    ("rows", "asks", "reasons"),
    [
        ([GOOD, BROKEN, BROKEN, BARE, BARE], 1, ["bad_line", "repeated", "no_problem", "repeated"]),
        ([BAD, GOOD], 1, ["unreadable_answer"]),
        ([GOOD, BAD, BAD], 1, ["unreadable_answer", "repeated"]),
        ([GOOD, OTHER, GOOD], 1, ["repeated", "repeated"]),
    ],
)
async def test_with_a_teacher_every_row_is_asked_or_kept(tmp_path, rows, asks, reasons):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    settings = CollectSettings(source=str(tmp_path / "s.jsonl"), teacher="openai:m", dedupe="off")
    client = SimpleNamespace(sent=lambda request: request.sampling)

    async def gone_through():
        rejected = []
        source, cleaner = open_source(settings), open_cleaner(settings)
        desk = SimpleNamespace(
            settings=settings, source=source, cleaner=cleaner, records=lambda: source.records, write=rejected.extend
        )
        return [pair async for pair in _requests(desk, client, written(tmp_path / "t"))], rejected

    asked_for, rejected = await gone_through()
    assert len(asked_for) == asks and [draft.reason for draft in rejected] == reasons
    write_traces(tmp_path / "t", [], [(draft.trace, draft.reason) for draft in rejected])
    again, rejected = await gone_through()  # a run that was killed before the teacher answered
    assert len(again) == asks and not rejected


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
