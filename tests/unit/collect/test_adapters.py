"""Each adapter on rows in the columns that its set publishes (tests/data/collect/README.md says which are real)."""

import json
from pathlib import Path

import pytest

from rlkd_data.collect.adapters import by_name, by_record
from rlkd_data.collect.adapters.base import Unusable
from rlkd_data.collect.adapters.mapped import mapped
from rlkd_data.collect.sources import KNOWN
from rlkd_data.errors import InputError

ROWS = Path(__file__).parents[2] / "data" / "collect"
LAYOUTS = json.loads((ROWS / "published_layouts.json").read_text("utf-8"))


def real(name):
    return [json.loads(line) for line in (ROWS / f"{name}.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (real("gsm8k"), "gsm8k"),
        (real("gsm8k_socratic"), "gsm8k-socratic"),
        (real("math500"), "math500"),
        (real("prm_steps"), "steps"),
        (real("traces_logic"), "generic"),
        (LAYOUTS["openr1-math"], "openr1-math"),
        (LAYOUTS["openthoughts"], "openthoughts"),
        (LAYOUTS["openthoughts-chat"], "openthoughts-chat"),
        (LAYOUTS["s1k"], "s1k"),
        (LAYOUTS["s1k-1.1"], "s1k"),
        (LAYOUTS["aime24"], "aime24"),
        (LAYOUTS["aime24-capitals"], "aime24"),
        (LAYOUTS["prm800k"], "prm800k"),
        (LAYOUTS["processbench"], "steps"),
    ],
)
def test_a_sets_columns_tell_its_adapter(rows, name):
    assert {by_record(row, "here").name for row in rows} == {name}


def test_every_known_set_has_an_adapter():
    for known in KNOWN.values():
        assert by_name(known.adapter).name == known.adapter


def test_gsm8k_as_published():
    rows = [by_name("gsm8k").read(record) for record in real("gsm8k")]
    assert rows[0].answer == rows[0].final_answer == "72"
    assert rows[0].reasoning.startswith("Natalia sold 48/2 = 24 clips in May.") and "<<" not in rows[0].reasoning
    assert all("####" not in row.reasoning and row.teacher == "human:gsm8k" for row in rows)


def test_gsm8k_socratic_as_published_leaves_the_sub_questions_out():
    record = real("gsm8k_socratic")[0]
    row = by_name("gsm8k-socratic").read(record)
    assert "How many eggs does Janet sell?" in record["answer"]
    assert row.reasoning.splitlines()[0] == "Janet sells 16 - 3 - 4 = 9 duck eggs a day." and row.answer == "18"


def test_math500_takes_the_human_solution_as_trace():
    for record in real("math500"):
        row = by_name("math500").read(record)
        assert row.reasoning == record["solution"].strip() and row.teacher == "human:math"
        assert row.final_answer == row.answer == record["answer"]


def test_aime24_of_both_publishers():
    first = by_name("aime24").read(LAYOUTS["aime24"][0])
    second = by_name("aime24").read(LAYOUTS["aime24-capitals"][0])
    assert (first.problem, first.answer, first.final_answer) == ("What is 10 + 20?", "030", "030")
    assert (second.problem, second.answer, second.final_answer) == ("What is 10 + 25?", "35", "35")


def test_openr1_picks_a_verified_and_complete_generation_or_gives_all_of_them():
    adapter = by_name("openr1-math")
    row = adapter.read(LAYOUTS["openr1-math"][0])
    assert row.reasoning == "Two and three are five. Five and four are nine." and row.sample_index == 1
    assert row.final_answer == "9" and row.pass_rate == 0.75
    rows = adapter.rows(LAYOUTS["openr1-math"][0], 8)
    assert [row.sample_index for row in rows] == [1, 3]  # 0 is wrong, 2 is cut off


def test_openr1_falls_back_on_the_judge_and_says_where_nothing_is_verified():
    row = by_name("openr1-math").read(LAYOUTS["openr1-math"][1])
    assert row.reasoning == "Two divides itself alone." and row.pass_rate == 0.5
    with pytest.raises(Unusable) as raised:
        by_name("openr1-math").read(LAYOUTS["openr1-math"][2])
    assert raised.value.reason == "no_verified_generation" and raised.value.row.problem == "What is 7 * 8?"


def test_openthoughts_in_both_configurations():
    row = by_name("openthoughts").read(LAYOUTS["openthoughts"][0])
    assert (row.domain, row.answer, row.final_answer) == ("science", "proton", "proton")
    chat = by_name("openthoughts-chat").read(LAYOUTS["openthoughts-chat"][0])
    assert (chat.problem, chat.reasoning, chat.response) == (
        "What is 1 + 1?",
        "One more than one.",
        "It is \\boxed{2}.",
    )


def test_s1k_and_its_second_edition_with_two_teachers():
    row = by_name("s1k").read(LAYOUTS["s1k"][0])
    assert row.reasoning.startswith("Doubling") and row.final_answer == row.answer == "128"
    deepseek, gemini = by_name("s1k").rows(LAYOUTS["s1k-1.1"][0], 2)
    assert (deepseek.teacher, gemini.teacher) == ("deepseek-ai/DeepSeek-R1", "google/gemini-2.0-flash-thinking-exp")
    assert (deepseek.final_answer, gemini.final_answer, deepseek.domain) == ("Entropy", "ENTROPY", "puzzle")
    assert by_name("s1k").rows(LAYOUTS["s1k-1.1"][0], 1) == (deepseek,)


def test_limo():
    row = by_name("limo").read(LAYOUTS["limo"][0])
    assert row.final_answer == row.answer == "5" and row.reasoning.startswith("Each corner")


def test_prm800k_follows_the_chosen_path():
    row = by_name("prm800k").read(LAYOUTS["prm800k"][0])
    assert row.reasoning == "I add three fours.\n\n4 + 4 = 8\n\n8 + 4 = 12, so 3 * 4 is 12."
    assert row.final_answer == row.answer == "12"
    with pytest.raises(Unusable) as raised:
        by_name("prm800k").read(LAYOUTS["prm800k"][1])
    assert raised.value.reason == "found_error" and raised.value.row.answer == "15"


def test_step_lists():
    record = real("prm_steps")[0]
    assert by_name("steps").read(record).reasoning == "\n\n".join(record["correct_steps"])
    right, wrong = LAYOUTS["processbench"]
    assert by_name("steps").read(right).final_answer == "3"
    with pytest.raises(Unusable, match="step 2 of 2"):
        by_name("steps").read(wrong)


def test_mapped_columns_may_be_nested_and_share_a_field():
    records = [
        {
            "q": {"text": "What is 6 / 2?"},
            "Gold": 3,
            "turns": ["no", {"said": "<think>Half of 6.</think>3"}],
            "alt": "",
        },
        {"q": {"text": ""}, "Gold": 4, "turns": [], "alt": "What is 8 / 2?"},
    ]
    adapter = mapped(
        {"q.text": "problem", "alt": "problem", "Gold": "answer", "turns.1.said": "response"}, records, "rows"
    )
    row = adapter.read(records[0])
    assert (row.problem, row.answer, row.reasoning, row.response) == ("What is 6 / 2?", "3", "Half of 6.", "3")
    assert adapter.read(records[1]).problem == "What is 8 / 2?"


def test_a_mapped_column_is_read_for_nothing_else():
    adapter = mapped(
        {"solution": "answer", "rate": "pass_rate"}, [{"problem": "p", "solution": "5", "rate": 0.5}], "rows"
    )
    row = adapter.read({"problem": "p", "solution": "5", "rate": "0.5"})
    assert (row.answer, row.response, row.pass_rate) == ("5", None, 0.5)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"q": "problme"}, "there is no field 'problme': did you mean 'problem'?"),
        ({"Q": "problem"}, "has no column 'Q': did you mean 'q'?"),
        ({"nested.txt": "problem"}, "has no column 'nested.txt': did you mean 'nested.text'?"),
        ({"nothing like it": "problem"}, "has no column 'nothing like it' (there are q, nested, nested.text)"),
    ],
)
def test_a_mapping_that_cannot_be_names_the_nearest(columns, message):
    with pytest.raises(InputError) as raised:
        mapped(columns, [{"q": "x", "nested": {"text": "y"}}], "source 'rows'")
    assert message in str(raised.value)


def test_an_unknown_adapter_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'math500'"):
        by_name("math-500")


@pytest.mark.parametrize(
    "name", ["gsm8k", "math500", "aime24", "openr1-math", "openthoughts", "s1k", "limo", "prm800k"]
)
@pytest.mark.parametrize("value", [None, 3, "", [], {}, [None], "text", [{"from": None}], {"steps": 3}])
def test_whatever_stands_in_the_columns_a_record_is_read_or_unusable(name, value):
    adapter = by_name(name)
    columns = {name for layout in LAYOUTS.values() for row in layout for name in row} | {"question", "answer"}
    for spared in (None, "problem", "question"):
        record = dict.fromkeys(columns, value) | ({spared: "What?"} if spared else {})
        try:
            adapter.rows(record, 4)
        except Unusable as problem:
            assert problem.reason
