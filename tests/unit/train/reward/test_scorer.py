"""From completions to structure scores: what is asked, in how many rounds, and what an outage does."""

from __future__ import annotations

import random

import pytest

from rlkd_data.chat.types import Hopeless
from rlkd_data.schema import Step
from rlkd_data.structure.render import opening, render
from rlkd_train.reward.guards import padded
from rlkd_train.reward.scorer import Completion, StructureScorer, whole_steps
from tests.support.scoring_fakes import FakeClient, WordJudge, decomposition, reply
from tests.support.strange_thoughts import MARKS


def steps_text(*letters: str) -> str:
    return render([Step(number, *three) for number, three in enumerate(letters, 1)])


TEACHERS = {"p1": [decomposition("t1", "p1", ["mqa", "mqa"]), decomposition("t2", "p1", ["xqa"])]}


def scorer(client: FakeClient, judge: WordJudge, **options: object) -> StructureScorer:
    return StructureScorer(client, judge, TEACHERS, max_tokens=64, **options)  # type: ignore[arg-type]


def completion(text: str, problem_id: str = "p1") -> Completion:
    return Completion(problem_id, "p", text)


async def test_scores_take_the_best_teacher_and_name_it() -> None:
    texts = {"both": steps_text("mqa", "mqz"), "other": steps_text("xqa"), "gated": steps_text("zqa", "mqa")}
    client = FakeClient(lambda asked: next(text for word, text in texts.items() if word in asked))
    found = await scorer(client, WordJudge()).score([completion(word) for word in texts])
    assert [(one.score, one.winner) for one in found] == [(0.75, "t1"), (1.0, "t2"), (0.0, "t1")]
    assert found[2].alignment is not None and found[2].alignment.gate_at == 1


async def test_a_step_that_was_done_again_costs_nothing_where_mending_is_welcome() -> None:
    teachers = {"p1": [decomposition("t1", "p1", ["mqa", "nrb"])]}
    for mending, score, steps in ((False, 0.25, 3), (True, 1.0, 2)):
        client = FakeClient(lambda _: steps_text("mqz", "mqa", "nrb"))
        one = StructureScorer(client, WordJudge(), teachers, max_tokens=64, mending=mending)  # type: ignore[arg-type]
        (found,) = await one.score([completion("text")])
        assert (found.score, len(found.steps)) == (score, steps)


async def test_a_gsrm_stops_where_no_step_could_change_the_score_or_a_guards_signal() -> None:
    """The longest teacher has two steps, and more than ten of a student's are too many, whatever they are."""
    endless = ["mqa"] * 40
    client = FakeClient(lambda _: steps_text(*endless))
    (whole,) = await scorer(client, WordJudge()).score([completion("text")])
    (stop,) = client.requests[0].stop
    assert stop == opening(12)
    stopped = FakeClient(lambda _: steps_text(*endless).partition(stop)[0])
    (found,) = await scorer(stopped, WordJudge()).score([completion("text")])
    assert (found.score, found.winner, found.asked) == (whole.score, whole.winner, whole.asked)
    assert len(found.steps) == 11 and all(padded("p", one.steps, 2) for one in (whole, found))


async def test_a_comparison_is_judged_window_by_window_and_never_behind_the_gate() -> None:
    client = FakeClient(lambda _: steps_text("mqa", "zqa", "mqa", "mqa"))
    judge = WordJudge()
    teachers = {"p1": [decomposition("t1", "p1", ["mqa"] * 4)]}
    one = StructureScorer(client, judge, teachers, max_tokens=64, lookahead=2)  # type: ignore[arg-type]
    (found,) = await one.score([completion("text")])
    asked = [[pair.part for pair in pairs] for pairs in judge.rounds]
    assert asked == [["meta", "meta"], ["sub_problem", "answer"]]
    assert (found.score, found.asked, found.wasted) == (0.25, 4, 0)

    wide = StructureScorer(client, WordJudge(), teachers, max_tokens=64, lookahead=4)  # type: ignore[arg-type]
    (found,) = await wide.score([completion("text")])
    assert (found.score, found.asked, found.wasted) == (0.25, 6, 2)


async def test_a_judge_that_takes_all_pairs_is_asked_once_and_the_score_is_the_same() -> None:
    client = FakeClient(lambda _: steps_text("mqa", "mza", "zqa"))
    judge = WordJudge()
    judge.whole = True
    teachers = {"p1": [decomposition("t1", "p1", ["mqa"] * 4)]}
    one = StructureScorer(client, judge, teachers, max_tokens=64)  # type: ignore[arg-type]
    (found,) = await one.score([completion("text")])
    assert [len(pairs) for pairs in judge.rounds] == [9]
    assert (found.score, found.wasted) == (1.5 / 4, 2)


async def test_the_mean_of_several_teachers_and_the_one_that_was_nearest() -> None:
    client = FakeClient(lambda _: steps_text("mqa", "mqz"))
    (found,) = await scorer(client, WordJudge(), several="mean").score([completion("text")])
    assert (found.score, found.winner) == (0.375, "t1")
    assert {one.teacher for one in found.verdicts} == {"t1", "t2"}


@pytest.mark.parametrize(("opens", "closes"), MARKS.values(), ids=MARKS)
async def test_a_gsrm_that_thinks_scores_the_same(opens: str, closes: str) -> None:
    """A step drafted in the thought is none."""
    said, draft = steps_text("mqa", "mqz"), f"Let me draft.\n\n{steps_text('zqa')}\n\nNo, two."
    for text in (said, f"{opens}{draft}{closes}{said}"):
        (found,) = await scorer(FakeClient(lambda _, text=text: text), WordJudge()).score([completion("text")])
        assert (found.score, found.winner, len(found.steps)) == (0.75, "t1", 2)


async def test_a_gsrm_whose_thought_never_ends_leaves_its_completion_unscored() -> None:
    client = FakeClient(lambda _: f"<think>{steps_text('mqa')}")
    (found,) = await scorer(client, WordJudge()).score([completion("text")])
    assert found.score is None and found.unscored


async def test_a_wrong_key_stops_everything_at_once() -> None:
    client = FakeClient(lambda asked: Hopeless("wrong key") if "bad" in asked else steps_text("mqa"))
    with pytest.raises(Hopeless, match="wrong key"):
        await scorer(client, WordJudge()).score([completion("good"), completion("bad")])


async def test_an_outage_is_unscored_with_its_reason_and_an_empty_completion_is_zero() -> None:
    client = FakeClient(lambda asked: None if "lost" in asked else steps_text("mq?", "mqa"))
    found = await scorer(client, WordJudge()).score([completion("lost"), completion("asked"), completion("  ")])
    assert [(one.score, one.unscored) for one in found] == [
        (None, "gsrm:server_error"),
        (None, "judge:down"),
        (0.0, None),
    ]


async def test_no_teacher_is_unscored_and_an_unreadable_decomposition_too() -> None:
    client = FakeClient(lambda asked: "no markers" if "odd" in asked else steps_text("mqa"))
    found = await scorer(client, WordJudge()).score([completion("x", "p9"), completion("odd")])
    assert [one.unscored for one in found] == ["no_teacher", "gsrm:no_markers"]


def test_a_reply_that_ends_inside_a_step_gives_the_steps_before_it() -> None:
    whole = steps_text("mqa", "mqb")
    assert len(whole_steps(reply(whole.rpartition("[Answer")[0], "length"))) == 1
    assert len(whole_steps(reply(whole, "length"))) == 1 and len(whole_steps(reply(whole))) == 2
    assert len(whole_steps(reply(f"{whole} is 4.", "length"))) == 2
    assert len(whole_steps(reply(steps_text("mqa"), "length"))) == 1
    assert whole_steps(reply("[Meta-reasoning 1]: m")) == "gsrm:incomplete_last_step"


async def test_windows_and_whole_comparisons_end_in_the_papers_sum() -> None:
    """Random steps, judged at random but the same each time, through every way of asking: against the design's section
    1.4 restated on plain lists."""
    rng = random.Random(2505)
    for _ in range(40):
        teacher = ["".join(rng.choice("xyz") for _ in range(3)) for _ in range(rng.randint(1, 7))]
        student = ["".join(rng.choice("xyz") if rng.random() < 0.4 else t for t in step) for step in teacher]
        student = student[: rng.randint(1, 7)] + ["xyz"] * rng.randint(0, 2)
        expected = 0.0
        for theirs, own in zip(teacher, student, strict=False):
            if theirs[0] != own[0]:
                break
            expected += 1.0 * (1.0 if theirs[1] == own[1] else 0.5) * (1.0 if theirs[2] == own[2] else 0.5)
        for lookahead in (1, 2, 3, 8, None):
            judge = WordJudge()
            judge.whole = lookahead is None
            for normalise, value in (("sum", expected), ("teacher_steps", expected / len(teacher))):
                client = FakeClient(lambda _, student=student: steps_text(*student))
                teachers = {"p1": [decomposition("t1", "p1", teacher)]}
                one = StructureScorer(
                    client,  # type: ignore[arg-type]
                    judge,
                    teachers,
                    max_tokens=64,
                    normalise=normalise,  # type: ignore[arg-type]
                    lookahead=lookahead or 1,
                )
                (found,) = await one.score([completion("text")])
                assert found.score == value
