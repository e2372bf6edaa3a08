"""What a GSRM learns from, and how its replies are judged."""

import dataclasses
import json

import pytest

from rlkd_data.errors import InputError
from rlkd_data.measure.gold import GoldRow, GoldStep
from rlkd_data.run.resources import resource
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Step
from rlkd_data.structure.check import check
from rlkd_data.structure.parse import Parsed, parse
from rlkd_data.structure.render import render
from rlkd_train.config import AugmentSettings, GsrmSettings
from rlkd_train.gsrm.card import card
from rlkd_train.gsrm.data import (
    Sources,
    example,
    held_out_texts,
    load_sources,
    socratic_rows,
    socratic_target,
    socratic_targets,
    table_targets,
    targets,
)
from rlkd_train.gsrm.measure import judge
from rlkd_train.gsrm.solution_styles import RECIPE, plain
from tests.support.training_rows import decomposed, trace, write

ROW = GoldRow(
    "row-1",
    "A pen costs 3 dollars. Ann buys 4 pens and pays with 20 dollars. How much is left?",
    "8",
    (
        GoldStep("How much do the pens cost?", "The pens cost 3*4 = $12.", "The pens cost 3*4 = $<<3*4=12>>12."),
        GoldStep("How much is left?", "She has 20-12 = $8 left.", "She has 20-12 = $<<20-12=8>>8 left."),
    ),
)


def gold_file():
    return str(resource("pipelines", "data", "gsm8k_socratic_test.jsonl"))


def settings(**values):
    return GsrmSettings(**({"model": "smollm2-135m", "socratic": gold_file()} | values))


def test_gold_rows_pass_every_check_and_survive_render_and_parse():
    rows = socratic_rows(gold_file())
    assert len(rows) == 1219
    flagged: dict[str, int] = {}
    for row in rows[::4]:
        target = socratic_target(plain(row))
        for code in check(target.steps, target.problem):
            flagged[code] = flagged.get(code, 0) + 1
        assert parse(render(target.steps, target.final_answer)) == Parsed(target.steps, target.final_answer)
    assert flagged == {}


def test_rewritten_rows_keep_targets_that_can_be_read_back():
    for target in socratic_targets(socratic_rows(gold_file())[:150], AugmentSettings(variants=2, cut=0.5), seed=3):
        assert parse(render(target.steps, target.final_answer)) == Parsed(target.steps, target.final_answer)
        assert "meta_gives_answer" not in check(target.steps, target.problem)
        assert target.reasoning.strip()


def test_the_last_rows_are_never_trained_on():
    chosen = settings(held_out=200, augment=AugmentSettings(variants=1))
    sources = load_sources(chosen)
    assert (len(sources.train), len(sources.held_out)) == (1019, 200)
    held_out = {row.problem for row in sources.held_out}
    assert not any(target.problem in held_out for target in targets(chosen, sources))
    limited = load_sources(settings(held_out=200, limit=5))
    assert limited.train == sources.train[:5]
    assert limited.held_out == sources.held_out


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"held_out": 1219}, "lower held_out"),
        ({"socratic": None}, "nothing to train the GSRM on"),
        ({"socratic": "missing.jsonl"}, "cannot read gold decompositions from missing.jsonl"),
    ],
)
def test_settings_that_leave_nothing_to_learn_are_refused(values, said):
    with pytest.raises(InputError, match=said):
        load_sources(settings(**values))


def test_a_torn_file_is_named_with_its_line(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_text(json.dumps({"id": 1}) + "\n")
    with pytest.raises(InputError, match=r"gold\.jsonl:1: "):
        socratic_rows(str(path))
    path.write_text("{")
    with pytest.raises(InputError, match="is not JSON Lines"):
        socratic_rows(str(path))


def test_a_cut_solution_has_the_steps_up_to_the_cut_and_no_final_answer():
    only_cut = AugmentSettings(variants=20, cut=1, wrong=0, layout=0, preamble=0, ending=1, marks=0)
    made = list(socratic_targets([ROW], only_cut, seed=0))
    assert made[0].final_answer == "8"
    for target in made[1:]:
        assert len(target.steps) == 1
        assert target.final_answer is None
        assert "$8 left" not in target.reasoning


def test_variants_do_not_depend_on_the_other_rows():
    other = GoldRow("row-2", ROW.problem, ROW.answer, ROW.steps)
    augment = AugmentSettings(variants=3)
    alone = list(socratic_targets([ROW], augment, seed=1))[1:]
    together = list(socratic_targets([other, ROW], augment, seed=1))[2:]
    assert together[1::2] == alone


def test_an_example_asks_for_the_problem_and_the_solution_without_the_questions():
    made = example(socratic_target(plain(ROW)))
    asked = made.messages[-1].content
    assert ROW.problem in asked
    assert "The pens cost 3*4 = $12." in asked
    assert "How much do the pens cost?" not in asked
    assert made.completion.startswith("[Meta-reasoning 1]: Multiply the given 3 by the given 4")
    assert made.completion.endswith("[Final answer]: 8")


def test_a_reply_is_judged_by_what_it_parses_to():
    target = socratic_target(plain(ROW))
    right = render(target.steps, "8")
    assert judge(target, right).matched == 2
    assert judge(target, right).codes == ()
    assert judge(target, right, ended=False).codes == ("truncated",)
    assert judge(target, "no idea").codes == ("no_markers",)
    assert judge(target, render(target.steps[:1])).final_answer is False


def test_a_reply_is_rejected_by_what_decompose_rejects_it_by():
    target = socratic_target(plain(ROW))
    again = dataclasses.replace(target.steps[1], index=3)
    assert judge(target, render((*target.steps, again), "8")).codes == ("duplicate_steps",)
    assert judge(target, render(target.steps, "7")).codes == ("wrong_final",)
    invented = dataclasses.replace(target.steps[1], answer="She has 20-13 = $7 left.")
    assert "invented_answer" in judge(target, render((target.steps[0], invented), "8")).codes


def test_held_out_rows_are_measured_as_they_are_and_rewritten():
    texts = held_out_texts(settings(), [ROW])
    assert texts["held_out"] == [plain(ROW)]
    assert len(texts["held_out_rewritten"]) == 1


def test_the_card_names_rules_data_and_figures():
    measured = {"rows": 1} | dict.fromkeys(
        ("parse_rate", "step_precision", "step_recall", "step_f1", "step_count_agreement", "final_answer_accuracy",
         "meta_reasoning_exact", "sub_problem_exact"), 0.9125)  # fmt: skip
    figures = {
        "steps": 7,
        "loss_first": 1.0,
        "loss_last": 0.1,
        "seconds": 3.0,
        "examples": {"ok": 9, "rejected:too_long": 1},
        "held_out": measured | {"code:no_markers": 1},
        "held_out_rewritten": measured,
    }
    text = card(settings(), figures, Sources((ROW,), (ROW,)), "abc123")
    assert "base_model: HuggingFaceTB/SmolLM2-135M-Instruct" in text
    assert "| step F1 | 0.912 | 0.912 |" in text
    assert "`abc123`" in text
    assert "Rejected, as they are: no_markers 1." in text
    assert all(f"- `{name}`" in text for name in RECIPE if name != "plain")
    assert "nothing was measured" in card(settings(), figures | {"held_out": None}, Sources(), "abc123")


def test_decompositions_come_with_the_reasoning_of_their_traces(tmp_path):
    first, second = trace("t1", "Because 3*4 = 12.", ""), trace("t2", "", "It is 12.")
    write(tmp_path / "traces", TRACES, [first, second])
    steps = (Step(1, "Multiply.", "How much?", "12"),)
    write(
        tmp_path / "steps",
        DECOMPOSITIONS,
        [decomposed(first, steps), decomposed(second, steps), decomposed(second, (), status="rejected")],
    )
    made = list(table_targets([tmp_path / "steps"], [tmp_path / "traces"]))
    assert [target.reasoning for target in made] == ["Because 3*4 = 12.", "It is 12."]
    assert made[0].steps == steps
    assert made[0].final_answer == "12"


def test_a_decomposition_without_its_trace_is_named(tmp_path):
    write(tmp_path / "traces", TRACES, [trace("t1", "Because.", "")])
    write(tmp_path / "steps", DECOMPOSITIONS, [decomposed(trace("t2", "So.", ""), (Step(1, "m", "q", "a"),))])
    with pytest.raises(InputError, match="trace t2 is in none of the tables"):
        list(table_targets([tmp_path / "steps"], [tmp_path / "traces"]))
