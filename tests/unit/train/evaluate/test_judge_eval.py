"""judge-eval: rows to pairs, verdicts to figures, and a threshold that is not judged on what it was fitted on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlkd_data.config import JudgeSettings
from rlkd_data.errors import InputError
from rlkd_data.structure.names import WHOLE
from rlkd_data.tables import read_rows
from rlkd_train.config import JudgeEvalSettings
from rlkd_train.evaluate.judge_eval import JUDGED, JudgedPair, figures, judge_eval, read_pairs, sample, worst
from rlkd_train.evaluate.wordings import shipped


def write(path: Path, rows: list[dict]) -> Path:  # type: ignore[type-arg]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_three_forms_are_read_and_null_labels_are_skipped(tmp_path: Path) -> None:
    rows = [
        {"answer_a": "1", "answer_b": "1.0", "equivalent": True},
        {"question_a": "How?", "question_b": "How many?", "answer_a": "1", "answer_b": "2", "equivalent": False},
        {"part": "meta", "a": "x", "b": "y", "match": None},
        {"part": "meta", "a": "x", "b": "y", "match": True, "problem": "P"},
    ]
    found = list(read_pairs(write(tmp_path / "pairs.jsonl", rows)))
    assert [pair and (pair.part, pair.a, pair.label, pair.problem) for pair in found] == [
        ("answer", "1", True, "(not given)"),
        ("sub_problem", "How?", False, "(not given)"),
        None,
        ("meta", "x", True, "P"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[1]", "line 2 is no JSON object"),
        ('{"a": "x"}', "line 2 is no labelled pair"),
        ('{"part": "whole", "a": "x", "b": "y", "match": true}', "line 2 is no labelled pair"),
        ('{"answer_a": "1", "answer_b": "2", "equivalent": "yes"}', "equivalent is 'yes'"),
        ('{"answer_a": 1, "answer_b": "2", "equivalent": true}', "answer_a is 1"),
    ],
)
def test_a_row_that_is_no_pair_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"answer_a": "1", "answer_b": "2", "equivalent": true}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=said.replace("[", r"\[")):
        list(read_pairs(path))


def test_a_whole_evaluation_of_the_free_judge(tmp_path: Path) -> None:
    rows = [
        {"answer_a": "3 * 4 = 12", "answer_b": "it is 12", "equivalent": True},
        {"answer_a": "3 * 4 = 12", "answer_b": "it is 13", "equivalent": False},
        {"answer_a": "a dog", "answer_b": "a hound", "equivalent": True},
        {"answer_a": "a dog", "answer_b": "a cat", "equivalent": None},
    ]
    path = write(tmp_path / "pairs.jsonl", rows)
    result = judge_eval(JudgeEvalSettings(pairs=(path,), judge=JudgeSettings(kind="equal")), tmp_path / "out")
    assert result.counts == {"ok": 3, "skipped:no_label": 1}
    assert result.figures["answer: accuracy"] == pytest.approx(2 / 3)
    assert result.figures["answer: recall"] == 0.5 and result.figures["answer: precision"] == 1.0
    assert [one["a"] for one in result.figures["worst"]] == ["a dog"]
    assert [row.match for row in read_rows(tmp_path / "out", JUDGED)] == [True, False, False]


def test_the_threshold_is_fitted_on_one_half_and_judged_on_the_other() -> None:
    pairs = [
        JudgedPair("meta", f"text {n}", "b", "p", label=n % 2 == 0, match=True, score=0.9 if n % 2 == 0 else 0.8)
        for n in range(60)
    ]
    found = figures(pairs, threshold=0.7)
    assert found["meta: best threshold"] == pytest.approx(0.85)
    assert found["meta: held-out kappa, set threshold"] == 0.0  # everything matches
    assert found["meta: held-out kappa, best threshold"] == 1.0
    assert 0 < found["meta: held-out pairs"] < 60


def test_the_surest_errors_come_first_and_a_sample_keeps_the_order() -> None:
    wrong = [
        JudgedPair("meta", "near", "b", "p", False, True, score=0.71),
        JudgedPair("meta", "far", "b", "p", False, True, score=0.95),
        JudgedPair("meta", "free", "b", "p", False, True, free=True),
        JudgedPair("meta", "unscored", "b", "p", False, None),
        JudgedPair("meta", "right", "b", "p", True, True),
    ]
    assert [pair.a for pair in worst(wrong, 0.7)] == ["free", "far", "near"]
    assert sample(wrong, 2, 0) == [pair for pair in wrong if pair in sample(wrong, 2, 0)]
    assert len(sample(wrong, 2, 0)) == 2 and sample(wrong, None, 0) == wrong


def test_whole_steps_are_read_and_judged_by_question_and_answer(tmp_path: Path) -> None:
    texts = {"question_a": "How many eggs are left?", "answer_a": "16 - 7 = 9 eggs", "problem": "P"}
    rows = [
        {"part": "step", **texts, "question_b": "What remains of the eggs?", "answer_b": "9 remain", "match": True},
        {"part": "step", **texts, "question_b": "How many eggs are left?", "answer_b": "8 eggs", "equivalent": False},
        {"part": "step", **texts, "question_b": "How many eggs are left?", "answer_b": "the rest", "match": False},
    ]
    path = write(tmp_path / "pairs.jsonl", rows)
    settings = JudgeEvalSettings(pairs=(path,), judge=JudgeSettings(kind="same_step"))
    result = judge_eval(settings, tmp_path / "out")
    assert result.counts == {"ok": 3} and result.figures["step: kappa"] == 1.0
    assert [row.answer_b for row in read_rows(tmp_path / "out", JUDGED)] == ["9 remain", "8 eggs", "the rest"]
    with pytest.raises(InputError, match="line 1 is no pair of whole steps: it lacks answer_a"):
        list(read_pairs(write(tmp_path / "bad.jsonl", [{"part": "step", "question_a": "a", "match": True}])))


def test_the_shipped_pairs_are_enough_of_each_part_and_tell_same_step_from_the_embedder(tmp_path: Path) -> None:
    pairs = shipped()
    for part in WHOLE:
        labels = [pair.label for pair in pairs if pair.part == part]
        assert len(labels) >= 200 and 0.35 <= sum(labels) / len(labels) <= 0.65
    assert len({(pair.part, pair.a, pair.b, pair.answer_a, pair.answer_b) for pair in pairs}) >= 0.98 * len(pairs)
    figures = {
        kind: judge_eval(JudgeEvalSettings(judge=JudgeSettings(kind=kind), limit=50), tmp_path / kind).figures  # type: ignore[arg-type]
        for kind in ("embedding", "same_step")
    }
    assert figures["same_step"]["step: kappa"] > figures["embedding"]["step: kappa"] + 0.4
    assert figures["same_step"]["answer: kappa"] > figures["embedding"]["answer: kappa"] + 0.2
