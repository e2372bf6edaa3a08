"""The exact GSRM of the world as a backend, and the student that is made for it."""

from __future__ import annotations

import asyncio
import re
from random import Random

import pytest

from rlkd_data.chat.backends import from_world, models
from rlkd_data.chat.backends.world import WorldBackend
from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Rejected, Request
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from rlkd_data.prompts import gsrm_messages, student_messages
from rlkd_data.structure.read import read
from rlkd_data.structure.render import opening, render
from rlkd_data.world.problem import Difficulty, draw
from rlkd_data.world.read import steps
from rlkd_data.world.trace import response, solve

PROBLEM = draw(Random(3), Difficulty())
TRACE = "\n".join(step.text for step in solve(PROBLEM, "first", Random(0)))


def ask(reasoning: str, stop: tuple[str, ...] = ()) -> str:
    backend = WorldBackend()
    wire = backend.wire(Request(gsrm_messages(PROBLEM.text, reasoning), stop=stop))
    return asyncio.run(backend.ask(wire)).text


def test_it_says_what_a_trace_says():
    found = read(ask(TRACE))
    assert [step.answer for step in found.steps] == [step.answer for step in steps(TRACE)]
    assert found.final_answer == str(PROBLEM.weight(PROBLEM.goal))


def test_it_stops_where_it_is_told():
    assert len(read(ask(TRACE, (opening(2),))).steps) == 1


def test_a_text_of_another_world_is_refused():
    with pytest.raises(Rejected) as refused:
        ask("Let me think. 2 + 2 = 4.")
    assert refused.value.reason == "other_world"


def test_it_opens_by_its_name_and_takes_no_controls(tmp_path):
    client = open_client("local:world-gsrm", ChatSettings(store=tmp_path / "store.sqlite"))
    asyncio.run(client.close())
    with pytest.raises(InputError, match="reasoning"):
        open_client("local:world-gsrm", ChatSettings(reasoning_effort="low"))


def test_the_tokenizer_takes_a_sentence_as_one_token_and_gives_texts_back():
    tokenizer = from_world.tokenizer(PROBLEM.modulus)
    said = f"<think>\n{TRACE}\n</think>\n\n{response(PROBLEM)}"
    ids = tokenizer(said)["input_ids"]
    assert tokenizer.pad_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == " ".join(said.split())
    reply = render(steps(TRACE), "3")
    again = tokenizer.decode(tokenizer(reply)["input_ids"])
    assert [step.answer for step in read(again).steps] == [step.answer for step in steps(TRACE)]
    asked = [{"role": one.role, "content": one.content} for one in student_messages(PROBLEM.text)]
    prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(prompt)["input_ids"])
    assert " ".join(tokens).startswith(PROBLEM.text) and tokens[-1] == "<|answers|>"


def test_a_student_that_an_older_rlkd_has_made_is_not_taken_for_todays(tmp_path, monkeypatch):
    monkeypatch.setenv("RLKD_CACHE", str(tmp_path))
    monkeypatch.setattr(from_world, "make", lambda to, modulus: (to / "made").write_text(str(modulus)))
    old = tmp_path / "models" / "world-student-mod7"
    old.mkdir(parents=True)
    (old / "origin.txt").write_text("made by rlkd 1\n")
    for version in (from_world.VERSION, from_world.VERSION + 1):
        monkeypatch.setattr(from_world, "VERSION", version)
        found = models.resolve("world-student-mod7")
        assert (found.path / "made").read_text() == "7" and found.origin == f"made by rlkd {version}"
        assert found.path != old


def test_a_student_is_made_once_and_alike_everywhere(tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setenv("RLKD_CACHE", str(tmp_path / "a"))
    first = models.resolve("world-student-mod7")
    made = (first.path / "model.safetensors").stat().st_mtime_ns
    assert models.resolve("world-student-mod7").path == first.path
    assert (first.path / "model.safetensors").stat().st_mtime_ns == made
    state = torch.random.get_rng_state()
    monkeypatch.setenv("RLKD_CACHE", str(tmp_path / "b"))
    second = models.resolve("world-student-mod7")
    assert torch.equal(state, torch.random.get_rng_state())  # a run's own random numbers are left alone
    one, other = (AutoModelForCausalLM.from_pretrained(found.path).state_dict() for found in (first, second))
    assert all(torch.equal(one[name], other[name]) for name in one)
    said = "The box weighs 3. Plus 6. The box can be worked out."
    loaded = AutoTokenizer.from_pretrained(first.path)
    assert loaded.convert_ids_to_tokens(loaded(said)["input_ids"]) == [
        one[0] for one in re.findall(r"((\w| )+\.) ?", said)
    ]
    with pytest.raises(InputError, match="unknown local model"):
        models.resolve("world-students")


def test_a_number_is_told_by_its_remainders():
    assert [from_world.factors(number) for number in (2, 23, 35, 12, 72)] == [(2,), (23,), (5, 7), (4, 3), (8, 9)]
    assert len({tuple(number % factor for factor in (4, 3)) for number in range(12)}) == 12
