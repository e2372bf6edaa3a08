"""A whole reply of an annotator: its thought is no part of it, and the other form is read too."""

from __future__ import annotations

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.as_json import render_json
from rlkd_data.structure.parsed import Parsed, ParseFailure
from rlkd_data.structure.read import read
from rlkd_data.structure.render import render

STEPS = (Step(1, "choose a", "what is a?", "a = 2"), Step(2, "then b", "what is b?", "b = 3"))
TAGGED, AS_JSON = render(STEPS, "5"), render_json(STEPS, "5")


@pytest.mark.parametrize("whole", [TAGGED, AS_JSON])
@pytest.mark.parametrize("form", ["tagged", "json"])
@pytest.mark.parametrize(
    "thought", ["", "<think>Two.</think>", "<think>\n{draft}\n</think>\n\n", "{draft}\n</think>\n"]
)
def test_a_draft_in_a_thought_is_no_step(thought: str, form: str, whole: str) -> None:
    found = read(thought.replace("{draft}", render(STEPS[:1])) + whole, form)  # type: ignore[arg-type]
    assert isinstance(found, Parsed), found
    assert (found.steps, found.final_answer) == (STEPS, "5")
    assert ("thought_cut" in found.notes) is bool(thought)
    assert ("other_form" in found.notes) is ((form == "json") is not (whole is AS_JSON))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        ("<think>" + TAGGED, "thought_only"),
        (TAGGED.replace("a = 2", "a = 2, then it writes </think>"), "thought_with_steps"),
        ("<think>x</think>" + render(STEPS[:1]) + "\n</think>\n" + render(STEPS), "thought_with_steps"),
        ("<think>x</think>" + TAGGED.replace("b = 3", "b = 3 </think>") + "\n\n" + TAGGED, "text_after_final_answer"),
        ("I cannot.", "no_markers"),
    ],
)
def test_a_closing_tag_whose_place_can_be_doubted_is_refused(text: str, code: str) -> None:
    found = read(text)
    assert isinstance(found, ParseFailure)
    assert found.code == code
