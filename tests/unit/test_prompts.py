"""Prompts are templates of ours; what goes into them is data."""

import pytest
from jinja2 import UndefinedError

from rlkd_data.prompts import GSRM, STUDENT, gsrm_messages, prompt_id, render_template, source, student_messages


def test_text_that_looks_like_a_template_stays_text():
    hostile = "{{ 7*7 }} {% for x in y %} {{ ''.__class__.__mro__ }}"
    assert hostile in gsrm_messages(hostile, "because")[-1].content
    assert hostile in gsrm_messages("why", hostile)[-1].content
    assert hostile in student_messages(hostile)[-1].content


def test_a_prompt_is_named_by_its_content():
    assert prompt_id(*GSRM) == prompt_id(*GSRM)
    assert prompt_id(*GSRM) != prompt_id(STUDENT)


def test_a_value_that_is_not_given_is_a_fault():
    with pytest.raises(UndefinedError):
        render_template(STUDENT)


def test_a_missing_template_is_a_broken_installation():
    with pytest.raises(FileNotFoundError):
        source("no-such-prompt.j2")
