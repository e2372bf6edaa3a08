"""The structured variant: the same steps as from tagged text, mended where that is safe, refused where it is not."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlkd_data.schema import Step
from rlkd_data.structure.as_json import SCHEMA_JSON, parse_json, render_json
from rlkd_data.structure.parse import Parsed, ParseFailure, parse
from rlkd_data.structure.render import render

TWO = (Step(1, "choose a", "what is a?", "a = 2"), Step(2, "then \\frac{1}{2}", "what is b?", 'b = "3"\n\\times 2'))
WHOLE = render_json(TWO, "5")

# Control characters are what LaTeX with single backslashes becomes; they have tests of their own.
part = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\b\f"), min_size=1, max_size=40)
part = part.map(lambda text: re.sub(r"\s+\n", "\n", text.strip())).filter(bool)
many_steps = st.lists(st.tuples(part, part, part), min_size=1, max_size=5).map(
    lambda triples: tuple(Step(index, *triple) for index, triple in enumerate(triples, 1))
)


@settings(max_examples=200, deadline=None)
@given(many_steps, st.none() | part)
def test_what_is_rendered_is_parsed_back(steps: tuple[Step, ...], final_answer: str | None) -> None:
    found = parse_json(render_json(steps, final_answer))
    assert isinstance(found, Parsed)
    assert (found.steps, found.final_answer) == (steps, final_answer)


def test_both_variants_end_in_the_same_steps() -> None:
    tagged, structured = parse(render(TWO, "5")), parse_json(WHOLE)
    assert isinstance(tagged, Parsed) and isinstance(structured, Parsed)
    assert (tagged.steps, tagged.final_answer) == (structured.steps, structured.final_answer)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("```json\n" + WHOLE + "\n```", "unfenced"),
        ("Here it is:\n" + WHOLE, "text_before"),
        (WHOLE + "\n\nI hope that helps.", "text_after"),
        (WHOLE.replace("},", "}"), "repaired_json"),
        (WHOLE.replace(' "final_answer"', " final_answer"), "repaired_json"),
        (WHOLE.replace('"5"\n}', '"5",\n}'), "repaired_json"),
        (WHOLE.replace("\\\\frac", "\\frac").replace("\\\\times", "\\times"), "latex_unescaped"),
    ],
)
def test_a_little_broken_json_is_mended(text: str, note: str) -> None:
    found = parse_json(text)
    assert isinstance(found, Parsed), found
    assert found.steps == TWO and found.final_answer == "5"
    assert note in found.notes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        ("I cannot do that.", "no_json"),
        ("[1, 2]", "no_json"),
        (WHOLE[: WHOLE.index('"answer": "b')], "incomplete_last_step"),
        (WHOLE[:-4], "incomplete_last_step"),
        ('{"steps": "none", "final_answer": null}', "wrong_shape"),
        ('{"steps": ["a"], "final_answer": null}', "wrong_shape"),
        ('{"steps": [], "final_answer": null}', "no_markers"),
        (WHOLE.replace('"sub_problem": "what is a?",', ""), "missing_part"),
        (WHOLE.replace('"what is a?"', '" "'), "empty_part"),
        (WHOLE.replace('"what is a?"', "7"), "missing_part"),
        (WHOLE.replace('"meta_reasoning": "then', '"then'), "missing_part"),
    ],
)
def test_what_is_not_whole_is_a_failure_with_a_code(text: str, code: str) -> None:
    found = parse_json(text)
    assert isinstance(found, ParseFailure)
    assert found.code == code


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_json_never_gives_other_steps(data: st.DataObject) -> None:
    """A piece of the text is cut out, or a character put in. What still parses as three parts a step has parts that
    stand in the damaged text; a step is never lost while its keys are there."""
    at = data.draw(st.integers(0, len(WHOLE)))
    length = data.draw(st.integers(0, 3))
    put = data.draw(st.sampled_from(["", '"', ",", "}", "{", "\\", "]"]))
    damaged = WHOLE[:at] + put + WHOLE[at + length :]
    found = parse_json(damaged)
    if isinstance(found, Parsed):
        told = [text for step in found.steps for text in (step.meta_reasoning, step.sub_problem, step.answer)]
        kept = "".join(re.findall(r"\w", "".join([*told, found.final_answer or ""])))
        without_keys = re.sub(r'"\w*":|"final_answer|\\+n|steps', "", WHOLE)
        assert abs(len(kept) - len(re.findall(r"\w", without_keys))) <= 4


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text('{}[]",:\\ns', max_size=80))
def test_no_text_makes_it_raise(text: str) -> None:
    parse_json(text)
    parse_json('{"steps": [' + text + "]}")


def test_json_nested_without_end_is_a_failure() -> None:
    assert isinstance(parse_json('{"steps":' + "[" * 5000), ParseFailure)
    assert isinstance(parse_json('{"steps":' + "[" * 5000 + "]" * 5000 + "}"), ParseFailure)


def test_the_schema_is_one_that_strict_servers_take() -> None:
    schema = json.loads(SCHEMA_JSON)
    item = schema["properties"]["steps"]["items"]
    for one in (schema, item):
        assert set(one["required"]) == set(one["properties"]) and one["additionalProperties"] is False


@pytest.mark.parametrize(
    "command", [r"\ne b", r"\tau = 5", r"\fbox{3}", r"\neg p", r"\tilde x", r"\bigcup", r"\rfloor", r"\ni", r"\nmid b"]
)
def test_a_command_that_json_takes_for_a_control_character_is_read_as_latex(command: str) -> None:
    step = f'{{"meta_reasoning": "m", "sub_problem": "q", "answer": "a {command}"}}'
    found = parse_json(f'{{"steps": [{step}], "final_answer": "{command}"}}')
    assert isinstance(found, Parsed) and "latex_unescaped" in found.notes
    assert (found.steps[0].answer, found.final_answer) == (f"a {command}", command)


def test_a_new_line_before_a_word_stays_one_and_what_no_text_holds_is_refused() -> None:
    step = Step(1, "m", "q", "x = 2\nu = 3\ni = 1\ne\nto be\nless\nexists")
    assert parse_json(render_json((step,), "5")) == Parsed((step,), "5")
    odd = parse_json('[{"meta_reasoning": "m", "sub_problem": "q", "answer": "\\bizarre"}]')
    assert isinstance(odd, ParseFailure) and odd.code == "broken_json"
