"""Stages that compare decompositions: with each other, and with gold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.config import BranchSettings, JudgeSettings, ScoreSettings
from rlkd_data.errors import InputError, ModelError, TableError
from rlkd_data.judges.base import Pair, Verdict
from rlkd_data.judges.steps import StepJudge
from rlkd_data.measure.branches import branches
from rlkd_data.measure.score import SCORES, score
from rlkd_data.schema import BRANCHES, DECOMPOSITIONS, Decomposition, Step, make_problem_id
from rlkd_data.tables import TableWriter, read_rows

EQUAL = JudgeSettings(kind="equal")


def steps(*asked: str) -> tuple[Step, ...]:
    """`2+3=5` is the step that asks for 2+3 and finds 5."""
    return tuple(
        Step(n, f"Now {text.partition('=')[0]}.", f"What is {text.partition('=')[0]}?", text)
        for n, text in enumerate(asked, 1)
    )


def decomposition(trace: str, problem: str, found: tuple[Step, ...], final: str | None = None) -> Decomposition:
    return Decomposition(
        trace_id=trace,
        problem_id=make_problem_id(problem),
        problem=problem,
        domain="math",
        answer=None,
        annotator="tests",
        prompt_id="p",
        steps=found,
        final_answer=final,
        status="ok",
        issues=(),
        raw="",
        usage=None,
        cost_usd=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def table(folder: Path, rows: Sequence[Decomposition], rejected: Sequence[Decomposition] = ()) -> Path:
    with TableWriter(folder, DECOMPOSITIONS) as writer:
        for row in rows:
            writer.add(row)
        for row in rejected:
            writer.reject(row, "no_steps")
    return folder


def test_traces_of_a_problem_share_nodes_until_they_part(tmp_path: Path) -> None:
    one = table(
        tmp_path / "one",
        [
            decomposition("a", "eggs", steps("2+3=5", "5*2=10")),
            decomposition("alone", "hens", steps("1+1=2")),
            decomposition("c", "eggs", steps("3*2=6", "2+3=5")),
        ],
    )
    two = table(tmp_path / "two", [decomposition("b", "eggs", steps("2+3=5", "5+5=10"))])
    settings = BranchSettings(decompositions=(one, two), judge=EQUAL)
    result = branches(settings, tmp_path / "out")
    assert result.counts == {"ok": 5, "skipped:one_trace": 1}
    rows = list(read_rows(tmp_path / "out", BRANCHES))
    told = [(row.node, row.parent, row.depth, row.sub_problem, [p.trace_id for p in row.traces]) for row in rows]
    assert told == [
        (1, None, 1, "What is 2+3?", ["a", "b"]),
        (2, 1, 2, "What is 5*2?", ["a"]),
        (3, 1, 2, "What is 5+5?", ["b"]),
        (4, None, 1, "What is 3*2?", ["c"]),
        (5, 4, 2, "What is 2+3?", ["c"]),  # the same question after another step is another node
    ]
    assert [p.step for p in rows[1].traces] == [2] and rows[0].judge.startswith("equal")
    assert [(row.kind, row.abandoned, row.children) for row in rows] == [
        ("computing", 0.0, children) for children in (2, 0, 0, 1, 0)
    ]
    expected = {"problems": 1, "traces": 3, "steps": 6, "shared steps": 2 / 6, "forks": 2}
    expected |= {"mean depth": 2.0, "mean branching": 5 / 3}
    assert expected.items() <= result.figures.items()
    again = branches(settings, tmp_path / "out")  # as after a kill: what is written stays, and comes once
    assert again.counts == result.counts and len(list(read_rows(tmp_path / "out", BRANCHES))) == 5


def test_more_parts_must_match_where_they_are_named(tmp_path: Path) -> None:
    made = table(tmp_path / "t", [decomposition("a", "q", steps("2+3=5")), decomposition("b", "q", steps("2+3=6"))])
    for same, nodes in ((("sub_problem",), 1), (("sub_problem", "answer"), 2)):
        settings = BranchSettings(decompositions=(made,), judge=EQUAL, same=same)
        assert branches(settings, tmp_path / str(nodes)).counts["ok"] == nodes


def test_a_table_whose_rows_were_all_rejected_does_not_stop_the_others(tmp_path: Path) -> None:
    used = table(tmp_path / "t", [decomposition(name, "q", steps("2+3=5")) for name in ("a", "b")])
    refused = table(tmp_path / "r", [], [decomposition("c", "q", steps("2+3=5"))])
    result = branches(BranchSettings(decompositions=(refused, used), judge=EQUAL), tmp_path / "out")
    assert result.counts == {"ok": 1} and result.figures["traces"] == 2
    with pytest.raises(InputError, match="no problem has decompositions of two traces"):
        branches(BranchSettings(decompositions=(refused,), judge=EQUAL), tmp_path / "none")
    with pytest.raises(TableError, match="does not exist"):
        branches(BranchSettings(decompositions=(used, tmp_path / "typo"), judge=EQUAL), tmp_path / "none")


def test_nothing_to_branch_is_said(tmp_path: Path) -> None:
    made = table(tmp_path / "t", [decomposition("a", "q", steps("2+3=5"))])
    with pytest.raises(InputError, match="--samples 2"):
        branches(BranchSettings(decompositions=(made,), judge=EQUAL), tmp_path / "out")


class Says:
    """A judge that always says the same."""

    whole = False

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return [self._verdict] * len(pairs)

    async def close(self) -> None: ...


async def test_what_nobody_can_tell_is_not_the_same_and_an_outage_stops() -> None:
    pair = [(steps("1+1=2")[0], steps("2+2=4")[0])]
    unsure = StepJudge(Says(Verdict(None, "llm said 'perhaps'")))
    assert await unsure.same(pair, "p") == [None] and unsure.unjudged == 1
    assert await unsure.matched(steps("1+1=2"), steps("1+1=2"), "p") == []
    with pytest.raises(ModelError, match="did not answer"):
        await StepJudge(Says(Verdict(None, "llm: timeout", failed=True))).same(pair, "p")


def gold(path: Path, rows: dict[str, tuple[str, tuple[Step, ...]]]) -> Path:
    lines = [
        {
            "id": name,
            "problem": problem,
            "answer": answer,
            "steps": [{"question": s.sub_problem, "answer": s.answer, "answer_raw": s.answer} for s in found],
        }
        for name, (answer, found) in rows.items()
        for problem in [f"problem {name}"]
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_scores_against_gold(tmp_path: Path) -> None:
    made = table(
        tmp_path / "t",
        [
            decomposition("a", "problem a", steps("2+3=5", "5*2=10"), "10.0"),  # all right
            decomposition(
                "b", "problem b", steps("4+4=9", "9-1=8", "8*1=8"), "9"
            ),  # one of gold's two, answered wrongly
            decomposition("x", "another problem", steps("1+1=2")),
        ],
        [decomposition("c", "problem c", steps("1+2=3"), "3")],
    )
    path = gold(
        tmp_path / "gold.jsonl",
        {"a": ("10", steps("2+3=5", "5*2=10")), "b": ("8", steps("4+4=8", "8-2=6")), "c": ("3", steps("1+2=3"))},
    )
    asked = ScoreSettings(decompositions=made, gold=path, judge=EQUAL, same=("sub_problem",))
    result = score(asked, tmp_path / "out")
    assert result.counts == {"ok": 3, "skipped:no_gold": 1}
    expected: dict[str, Any] = {
        "rows": 3,
        "parse rate": 2 / 3,
        "step precision": 3 / 5,
        "step recall": 3 / 5,
        "step F1": 3 / 5,
        "answer accuracy of matched steps": 2 / 3,
        "step F1 by answers": 3 / 5,  # both of a; of b the 8 of its second step, which is gold's first
        "same number of steps": 1 / 3,
        "final answer accuracy": 1 / 3,
        "rejected: no_steps": 1,
    }
    assert {name: result.figures[name] for name in expected} == pytest.approx(expected)
    rows = {row.gold_id: row for row in read_rows(tmp_path / "out", SCORES)}
    assert [(m.gold, m.step, m.answer_right) for m in rows["b"].matches] == [(1, 1, False)]
    assert rows["c"].reason == "no_steps" and rows["c"].steps == 0 and not rows["c"].final_answer_right
    whole = score(ScoreSettings(decompositions=made, gold=path, judge=EQUAL), tmp_path / "whole").figures
    assert (whole["step F1"], whole["answer accuracy of matched steps"]) == (2 / 5, 1.0)  # a wrong answer is no match


def test_an_embedder_judges_other_words(tmp_path: Path) -> None:
    asked = Step(1, "", "How many eggs does the hen lay in a week?", "14 eggs")
    other = Step(1, "", "How many eggs are laid by the hen every week?", "The hen lays 14.")
    made = table(tmp_path / "t", [decomposition("a", "problem a", (other,), "14")])
    path = gold(tmp_path / "gold.jsonl", {"a": ("14", (asked,))})
    figures = score(ScoreSettings(decompositions=made, gold=path), tmp_path / "out").figures
    assert figures["step F1"] == figures["answer accuracy of matched steps"] == 1.0
    assert figures["judge"].startswith("same_step minilm, question and answer 0.8 or more")


def test_gold_of_other_problems_is_said(tmp_path: Path) -> None:
    made = table(tmp_path / "t", [decomposition("a", "q", steps("2+3=5"))])
    path = gold(tmp_path / "gold.jsonl", {"a": ("5", steps("2+3=5"))})
    with pytest.raises(InputError, match="none of the 1 decompositions"):
        score(ScoreSettings(decompositions=made, gold=path, judge=EQUAL), tmp_path / "out")
