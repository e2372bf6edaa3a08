"""Traces as what a student learns from."""

import pytest

from rlkd_data.schema import TRACES
from rlkd_train.config import SftSettings
from rlkd_train.sft.data import completion, student_examples
from tests.support.training_rows import trace, write


class Template:
    """A chat template that opens the model's turn with `opening`."""

    def __init__(self, opening=""):
        self.opening = opening

    def apply_chat_template(self, messages, add_generation_prompt, tokenize):
        return messages[-1]["content"] + "\nassistant:" + self.opening


def examples(tmp_path, rows, tokenizer=None, **settings):
    write(tmp_path / "traces", TRACES, rows)
    left_out = {}
    chosen = SftSettings(model="smollm2-135m", traces=[tmp_path / "traces"], **settings)
    return list(student_examples(chosen, tokenizer or Template(), left_out)), left_out


def test_the_reasoning_goes_into_tags_before_the_response(tmp_path):
    (made,), left_out = examples(tmp_path, [trace("t", " 3*4 is 12. ", "It is \\boxed{12}.")])
    assert made.completion == "<think>\n3*4 is 12.\n</think>\n\nIt is \\boxed{12}."
    assert "How much is 3*4?" in made.messages[-1].content
    assert left_out == {}


def test_a_template_that_opens_the_tag_is_not_given_it_twice(tmp_path):
    (made,), _ = examples(tmp_path, [trace("t", "Well.", "12")], Template("<think>\n"))
    assert made.completion == "Well.\n</think>\n\n12"


def test_what_cannot_be_learned_from_is_counted_by_reason(tmp_path):
    rows = [
        trace("a", "Well.", "12", is_correct=True),
        trace("b", " ", "", is_correct=True),
        trace("c", "Well, cut", "", finish_reason="length", is_correct=True),
        trace("d", "Well.", "13", is_correct=False),
        trace("e", "Well.", "13", is_correct=None),
    ]
    made, left_out = examples(tmp_path, rows, only_correct=True)
    assert len(made) == 1
    assert left_out == {"empty": 1, "truncated": 1, "not_correct": 2}
    made, left_out = examples(tmp_path / "known", rows)
    assert len(made) == 2 and left_out == {"empty": 1, "truncated": 1, "wrong": 1}
    made, left_out = examples(tmp_path / "all", rows, keep_wrong=True)
    assert len(made) == 3


def test_what_the_student_is_told_before_a_problem_is_learned_with_it(tmp_path):
    (made,), _ = examples(tmp_path, [trace("t", "Well.", "12")], system_prompt="Be short.")
    assert [message.role for message in made.messages] == ["system", "user"]
    assert made.messages[0].content == "Be short."


@pytest.mark.parametrize(
    ("reasoning", "response", "think_tags", "expected"),
    [
        ("Well.", "12", False, "Well.\n\n12"),
        ("", "12", True, "12"),
        ("Well.", "", True, "<think>\nWell.\n</think>"),
        ("a </think> b", "<think>c", True, "<think>\na /think b\n</think>\n\nthinkc"),
    ],
)
def test_a_completion_has_one_pair_of_tags_at_most(reasoning, response, think_tags, expected):
    assert completion(trace("t", reasoning, response), think_tags=think_tags) == expected
