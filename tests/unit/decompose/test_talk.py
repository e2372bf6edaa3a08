"""The conversation with an annotator, and the judgement of what it wrote: pure, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rlkd_data.chat.types import Message, Rejected, Reply
from rlkd_data.decompose.judge import Case, PieceReply, Rules, judge
from rlkd_data.decompose.row import outcome
from rlkd_data.decompose.talk import Talk, joined
from rlkd_data.decompose.window import CHARACTERS_A_TOKEN, longest_piece
from rlkd_data.prompts import decompose_messages, decompose_prompt_id, few_shot
from rlkd_data.schema import DOMAINS, Domain, Sampling, Step, Trace, Usage
from rlkd_data.structure.as_json import parse_json
from rlkd_data.structure.check import check, check_against_trace
from rlkd_data.structure.chunk import Piece, cut
from rlkd_data.structure.ground import ground
from rlkd_data.structure.names import REJECTING
from rlkd_data.structure.parse import Parsed, parse
from rlkd_data.structure.render import render
from tests.support.annotator import steps_of
from tests.support.traces import made_trace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules("tagged", REJECTING, 0.5, 6000)


def reply(text: str, finish: Any = "stop") -> Reply:
    return Reply(text, None, finish, Usage(10, 5, 3), "m", NOW)


def talk(trace: Trace, continuations: int = 2) -> Talk:
    def ask(trace: Trace, piece: Piece) -> tuple[Message, ...]:
        return (Message("user", trace.reasoning[piece.start : piece.end]),)

    return Talk(trace, "p", ask, Sampling(), None, continuations, 50)


def opened(length: int = 100, pieces: int | None = None) -> tuple[Talk, list[Any]]:
    text = "".join(f"Sentence {n} is here. " for n in range(1000))[:length]
    one = talk(made_trace(1, reasoning=text))
    return one, one.open(cut(text, pieces or len(text)))


def test_a_cut_off_reply_is_continued_as_often_as_allowed_and_its_usage_is_that_of_all_turns() -> None:
    one, [(turn, _)] = opened()
    [(_, second)] = one.take(turn, reply("[Meta-reasoning 1]: so", "length"))
    assert [m.role for m in second.messages] == ["user", "assistant", "user"]
    assert second.messages[1].content == "[Meta-reasoning 1]: so"
    [(_, third)] = one.take(turn, reply(" it goes", "length"))
    assert third.messages[1].content == "[Meta-reasoning 1]: so it goes" and len(third.messages) == 3
    assert one.take(turn, reply(" on", "length")) == []
    assert turn.text == "[Meta-reasoning 1]: so it goes on" and turn.finish == "length" and one.waiting == 0
    assert one.usage == Usage(30, 15, 9) and one.asked == 3 and one.servers == []


def test_a_row_says_which_servers_of_a_pool_answered() -> None:
    one, [(turn, _)] = opened()
    for server, finish in (("http://b/v1", "length"), ("http://a/v1", "length"), ("http://b/v1", "stop")):
        one.take(turn, replace(reply("[Answer 1]: so", finish), server=server))
    row, _, _ = outcome(one, judge(one.case(), RULES), "openai:m")
    assert row.server == "http://b/v1 http://a/v1"


def test_a_continuation_that_the_annotator_refuses_leaves_what_was_said() -> None:
    one, [(turn, _)] = opened()
    one.take(turn, reply("half", "length"))
    assert one.take(turn, Rejected("too long", reason="too_long")) == []
    assert one.failed is None and turn.text == "half" and turn.finish == "length" and one.asked == 1


def test_a_repair_names_the_checks_and_replaces_the_reply() -> None:
    one, [(turn, _)] = opened()
    one.take(turn, reply("nonsense"))
    [(_, again)] = one.repair([("no_markers", 0, "line 1"), ("wrong_final", None, None)])
    told = again.messages[-1].content
    assert "not marked in the form" in told and "(line 1)" in told and "final answer is not the one" in told
    one.take(turn, reply("better"))
    assert turn.text == "better" and one.repairs == 1 and one.raw() == "better"


def test_nothing_is_repaired_that_no_turn_can_mend() -> None:
    one, turns = opened(400, 200)
    for turn, _ in turns:
        one.take(turn, reply("text"))
    assert one.repair([("uncovered", None, None)]) == []  # of the whole, in several pieces
    assert len(one.repair([("no_markers", 1, None)])) == 1
    other, [(turn, _)] = opened()
    other.take(turn, reply("", "refusal"))
    assert other.repair([("refused", 0, None)]) == []


def test_a_piece_that_is_too_long_is_cut_in_two_until_it_fits() -> None:
    one, requests = opened(9000)
    texts = []
    while requests:
        turn, request = requests.pop(0)
        if len(request.messages[0].content) > 3000:
            requests += one.take(turn, Rejected("too long", reason="too_long"))
        else:
            texts.append(request.messages[0].content)
            requests += one.take(turn, reply("x"))
    assert one.failed is None and one.waiting == 0 and len(one.turns) == len(texts) == one.asked
    stretches = [one.trace.reasoning[turn.piece.fresh : turn.piece.end] for turn in one.turns]
    assert "".join(stretches) == one.trace.reasoning
    short, [(turn, _)] = opened(100)
    short.take(turn, Rejected("too long", reason="too_long"))
    assert short.failed is not None


@pytest.mark.parametrize(
    ("text", "more", "whole"),
    [
        ("[Answer 1]: it is", " nine", "[Answer 1]: it is nine"),
        (
            "the hens lay sixteen eggs a day",
            "hens lay sixteen eggs a day too",
            "the hens lay sixteen eggs a day too",
        ),
        ("the end", "the end", "the endthe end"),  # too short to be sure
        ("[Answer 1]: nine", "[Meta-reasoning 2]: so", "[Answer 1]: nine\n[Meta-reasoning 2]: so"),
        ("from x ", "[1, 2]", "from x [1, 2]"),
        ("", "all", "all"),
    ],
)
def test_a_continuation_is_joined_where_the_reply_stopped(text: str, more: str, whole: str) -> None:
    assert joined(text, more) == whole


def case(trace: Trace, text: str, finish: Any = "stop", **values: Any) -> Case:
    fields: dict[str, Any] = {"stated": trace.final_answer, "gold": trace.answer, "is_correct": None} | values
    piece = PieceReply(Piece(0, 0, len(trace.reasoning)), text, finish)
    return Case(trace.problem, "math", trace.reasoning, replies=(piece,), **fields)


def written(trace: Trace, final: str | None) -> str:
    return render(steps_of(trace.reasoning), final)


TRACE = made_trace(10)


@pytest.mark.parametrize(
    ("final", "values", "code"),
    [
        ("73", {}, None),
        ("73.0 ", {}, None),
        ("74", {}, "wrong_final"),
        (None, {}, None),  # the last step says 73
        ("73", {"gold": "80"}, "not_gold"),
        ("73", {"gold": "80", "is_correct": True}, None),  # it was found to be right in another way
        ("73", {"is_correct": False}, "not_gold"),
        ("80", {"gold": "80"}, "wrong_final"),  # the trace says 73: the annotator solved it by itself
        ("74", {"stated": None}, "wrong_final"),
        ("74", {"stated": None, "gold": None}, None),
        (None, {"stated": "C", "gold": "C"}, None),  # a number does not contradict a letter
    ],
)
def test_final_answers_are_compared_with_the_traces_own_and_with_gold(
    final: str | None, values: dict[str, Any], code: str | None
) -> None:
    found = judge(case(TRACE, written(TRACE, final), **values), RULES)
    assert [one for one in found.issues if one in ("wrong_final", "not_gold")] == ([code] if code else [])
    assert bool(found.failures) is (code == "wrong_final")
    assert not found.compare


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ("so the answer is 73 in base 10", None),
        ("it is **1,073**, surely", "wrong_final"),
        ("all of them are counted", None),  # nothing to compare
    ],
)
def test_without_a_final_answer_the_last_step_has_to_hold_the_number(last: str, code: str | None) -> None:
    text = render((Step(1, "m", "What is it?", last),))
    found = judge(case(TRACE, text), RULES)
    assert [one for one in found.issues if one == "wrong_final"] == ([code] if code else [])


def test_what_only_math_verify_can_compare_is_left_open() -> None:
    found = judge(case(TRACE, written(TRACE, "\\sqrt{5329}"), gold="x+\\sqrt{2}"), RULES)
    assert [one.code for one in found.compare] == ["wrong_final", "not_gold"] and not found.failures


def test_the_settings_say_what_rejects() -> None:
    text = written(TRACE, "74")
    assert judge(case(TRACE, text), RULES).failures
    assert not judge(case(TRACE, text), Rules("tagged", frozenset(), 0.5, 6000)).failures
    strict = Rules("tagged", frozenset({"not_gold"}), 0.5, 6000)
    assert judge(case(TRACE, written(TRACE, "73"), gold="9"), strict).failures == (("not_gold", None, None),)


@pytest.mark.parametrize(
    ("text", "finish", "code"),
    [
        ("no", "refusal", "refused"),
        ("[Meta-reasoning 1]: so", "length", "truncated"),
        (written(TRACE, "73"), "length", "truncated"),
        ("", "stop", "empty_text"),
    ],
)
def test_replies_that_are_not_whole_are_rejected_whatever_the_settings(text: str, finish: str, code: str) -> None:
    found = judge(case(TRACE, text, finish), Rules("tagged", frozenset(), 0.5, 6000))
    assert found.failures[0][0] == code and code in found.issues


def test_a_trace_without_reasoning_is_checked_in_itself_alone() -> None:
    found = judge(case(made_trace(10, reasoning=""), written(TRACE, "73")), RULES)
    assert not found.failures and found.coverage is None and "note:no_reasoning" in found.issues


@pytest.mark.parametrize("form", ["tagged", "json"])
@pytest.mark.parametrize("domain", DOMAINS)
def test_the_prefix_of_a_domain_is_the_same_to_the_byte_and_its_examples_are_right(domain: Domain, form: Any) -> None:
    one = decompose_messages("Why?", "Because.", domain, form)
    other = decompose_messages("How {{ x }}?", "Thus.\n" * 500, domain, form, (5, 9, 100))
    assert [m.content.encode() for m in one[:-1]] == [m.content.encode() for m in other[:-1]]
    assert [m.role for m in one] == ["system", "user", "assistant", "user", "assistant", "user"]
    shots = few_shot(domain)
    assert len(shots.examples) == 2
    for (problem, reasoning, steps, final), shown in zip(shots.examples, one[2:-1:2], strict=True):
        found = parse_json(shown.content) if form == "json" else parse(shown.content)
        assert found == Parsed(steps, final)
        grounded = ground(steps, reasoning)
        assert check(grounded, problem) == () and check_against_trace(grounded, reasoning, problem) == ()


def test_prompts_are_told_apart_by_domain_and_form() -> None:
    ids = {decompose_prompt_id(domain, form) for domain in DOMAINS for form in ("tagged", "json")}  # type: ignore[arg-type]
    assert len(ids) == 2 * len(DOMAINS)


@pytest.mark.parametrize(
    ("tokens", "prompt", "reply_tokens"), [(8192, 500, 8192), (8192, 4000, 1000), (128_000, 4000, None)]
)
def test_piece_prompt_and_reply_fit_the_window(tokens: int, prompt: int, reply_tokens: int | None) -> None:
    piece = longest_piece(tokens, prompt, reply_tokens)
    answer = min(1.3 * piece, CHARACTERS_A_TOKEN * (reply_tokens or tokens))
    assert piece > 500 and (piece + prompt + answer) / CHARACTERS_A_TOKEN <= tokens + 1
