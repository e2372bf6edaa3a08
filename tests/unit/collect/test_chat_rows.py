"""Conversations in the shapes that people have, and what is said of a shape that nobody knows."""

import json
import shlex

import pytest

from rlkd_data.collect.adapters import by_name, by_record
from rlkd_data.collect.adapters.base import Broken, Unusable
from rlkd_data.collect.adapters.mapped import mapped
from rlkd_data.errors import InputError

ASKED = "A stall gets 6 crates with 7 pears in each. 2 pears are bad. How many good pears are there?"
THOUGHT, REPLY = "6 crates of 7 pears make 42; 2 are bad.", "The answer is \\boxed{40}."
SAID = f"<think>\n{THOUGHT}\n</think>\n\n{REPLY}"
USER, ASSISTANT = {"role": "user", "content": ASKED}, {"role": "assistant", "content": SAID}
HUMAN, GPT = {"from": "human", "value": ASKED}, {"from": "gpt", "value": SAID}
SYSTEM = {"role": "system", "content": "Think first."}
BARE = {"role": "assistant", "content": REPLY}


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [USER, ASSISTANT]},
        {"messages": [SYSTEM, USER, ASSISTANT], "num_tokens": 60, "source": "own"},
        {"messages": json.dumps([USER, ASSISTANT])},
        {"messages": [USER, BARE | {"reasoning_content": THOUGHT}]},
        {"messages": [USER, BARE], "reasoning": THOUGHT},
        {"messages": [USER | {"content": [{"type": "text", "text": ASKED}]}, ASSISTANT]},
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                        {"type": "text", "text": REPLY},
                    ],
                },
            ]
        },
        {"conversations": [HUMAN, GPT]},
        {"conversations": [HUMAN, GPT], "system": "Think first.", "id": 3},
        {"system": "s", "conversations": [{"from": "user", "value": ASKED}, {"from": "assistant", "value": SAID}]},
        {"conversation": [{"from": "system", "value": "Think."}, HUMAN, GPT]},
        {"prompt": [USER], "completion": [ASSISTANT]},
        {"prompt": [SYSTEM, USER], "response": SAID},
        {"prompt": [USER], "completion": SAID},
        {"prompt": json.dumps([SYSTEM, USER]), "completion": SAID},
        {"prompt": json.dumps([USER]), "chosen": json.dumps([ASSISTANT]), "rejected": json.dumps([BARE])},
        {"prompt": ASKED, "chosen": SAID, "rejected": "No idea."},
        {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [BARE]},
        {"prompt": ASKED, "chosen": [USER, ASSISTANT], "rejected": [USER, BARE], "score_chosen": 8.5},
        {"chosen": [USER, ASSISTANT], "rejected": [USER, BARE]},
        {"conversations": [HUMAN], "chosen": GPT, "rejected": GPT | {"value": "No."}},
        {"system": "s", "question": ASKED, "chosen": SAID, "rejected": "No."},
        {"prompt": ASKED, "messages": [USER, ASSISTANT]},
    ],
)
def test_a_conversation_is_a_problem_and_its_reply(record):
    adapter = by_record(record, "here")
    row = adapter.read(record)
    assert adapter.name == "chat"
    assert (row.problem, row.reasoning, row.response, row.final_answer) == (ASKED, THOUGHT, REPLY, "40")


def test_verl_holds_gold_answer_source_and_domain():
    record = {
        "data_source": "own",
        "prompt": [USER],
        "ability": "MATH",
        "reward_model": {"style": "rule", "ground_truth": "40"},
        "extra_info": {"index": "6"},
    }
    row = by_record(record, "here").read(record)
    assert (row.problem, row.answer, row.source, row.domain, row.reasoning) == (ASKED, "40", "own", "math", None)


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([USER, ASSISTANT, USER, ASSISTANT], "several_turns"),
        ([USER, ASSISTANT, ASSISTANT], "several_turns"),
        ([USER, {"role": "tool", "content": "42"}, ASSISTANT], "other_turns"),
        ([USER, ASSISTANT | {"tool_calls": [{"name": "add"}]}], "other_turns"),
        ([USER | {"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, ASSISTANT], "not_text"),
        ([USER, {"role": "assistant", "content": "<think>\nSix crates"}], "truncated"),
        ([ASSISTANT], "no_problem"),
    ],
)
def test_what_is_no_single_exchange_of_text_is_unusable(turns, reason):
    with pytest.raises(Unusable) as raised:
        by_name("chat").read({"messages": turns})
    assert raised.value.reason == reason
    assert raised.value.row is None or raised.value.row.problem == ASKED


@pytest.mark.parametrize("value", [None, 3, "", "[{", [], {}, [None], "text", [{"from": None}], [{"role": 3}]])
def test_whatever_stands_in_a_conversation_it_is_read_or_unusable(value):
    for name in ("messages", "prompt", "chosen", "completion", "reward_model"):
        for others in ({}, {"question": "What?"}, {"conversations": [HUMAN, GPT]}):
            try:
                by_name("chat").read({name: value} | others)
            except Unusable as problem:
                assert problem.reason


def test_columns_of_their_own_come_before_the_conversation_made_of_them():
    record = {"problem": "p", "solution": "It is 3.", "messages": [USER, ASSISTANT]}
    assert by_record(record, "here").name == "generic"


def test_alpacas_input_belongs_to_the_problem():
    record = {"instruction": "Add these.", "input": "2 and 3", "output": "5"}
    assert by_record(record, "here").read(record).problem == "Add these.\n\n2 and 3"
    assert by_name("generic").read({"instruction": "Add 2 and 3.", "input": ""}).problem == "Add 2 and 3."


@pytest.mark.parametrize(
    ("record", "flags"),
    [
        ({"Question": ASKED, "Answer": "40"}, "--map Question=problem --map Answer=answer"),
        (
            {"id": 7, "query_text": ASKED, "model_answer": "40", "cot": THOUGHT},
            "--map query_text=problem --map cot=reasoning --map model_answer=answer",
        ),
        ({"Aufgabe": ASKED, "Weg": SAID, "Wert": "40"}, "--map Weg=response --map Aufgabe=problem --map Wert=answer"),
        (
            {"row": {"user query": ASKED}, "Loesung": SAID},
            "--map 'row.user query=problem' --map Loesung=response",
        ),
        (
            {"talk": [{"who": "A", "said": ASKED}, {"who": "B", "said": SAID}]},
            "--map talk.1.said=response --map talk.0.said=problem",
        ),
    ],
)
def test_an_unknown_shape_is_told_the_map_that_reads_it(record, flags):
    with pytest.raises(InputError) as raised:
        by_record(record, "rows")
    assert f"no adapter reads the columns {', '.join(sorted(record))}" in str(raised.value)
    assert f"most likely read with {flags}, or" in str(raised.value)
    columns = dict(pair.rsplit("=", 1) for pair in shlex.split(flags) if pair != "--map")
    assert mapped(columns, [record], "rows").read(record).problem == ASKED


def test_a_shape_without_text_is_told_what_a_map_looks_like():
    with pytest.raises(InputError, match="--map COLUMN=problem"):
        by_record({"pixels": [[1, 2]], "none": None, "flag": True}, "rows")


def test_a_line_without_a_record_is_unusable_to_every_adapter():
    for name in ("chat", "generic", "s1k"):
        with pytest.raises(Unusable, match="line 3 is broken"):
            by_name(name).sparing().rows(Broken("{", "line 3 is broken"), 4)
