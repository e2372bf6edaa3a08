import asyncio
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.backends.local import LocalBackend
from rlkd_data.chat.backends.models import resolve
from rlkd_data.chat.backends.rolling import RollingBatch, Row
from rlkd_data.chat.backends.static import cut_reply
from rlkd_data.chat.backends.weights import model_identity
from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Hopeless, Message, Rejected, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from rlkd_data.schema import Sampling

GREEDY = Sampling(temperature=0.0, max_tokens=8)
COUNT = "Count from one to twenty in digits, separated by commas."


def question(text: str, sampling: Sampling = GREEDY, stop: tuple[str, ...] = ()) -> Request:
    return Request((Message("user", text),), sampling, stop)


def answers(backend: LocalBackend, *requests: Request) -> list[Reply]:
    async def ask() -> list[Reply]:
        return await asyncio.gather(*(backend.ask(backend.wire(request)) for request in requests))

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalBackend]:
    backend = LocalBackend("smollm2-135m")
    yield backend
    asyncio.run(backend.close())


def watch(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each token is drawn for, from now on."""
    seen: list[int] = []
    step = RollingBatch.step

    def watched(batch: RollingBatch) -> list[Row]:
        seen.append(len(batch.rows))
        return step(batch)

    monkeypatch.setattr(RollingBatch, "step", watched)
    return seen


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    return watch(monkeypatch)


@pytest.fixture
def static(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Static batches, as on a GPU: the prompt lengths of each."""
    seen: list[list[int]] = []
    generate = LocalBackend._generate

    def watched(backend: LocalBackend, batch: list[Any]) -> list[Reply]:
        seen.append([len(one.row.ids) for one in batch])
        return generate(backend, batch)

    monkeypatch.setattr(LocalBackend, "_rolls", lambda _: False)
    monkeypatch.setattr(LocalBackend, "_generate", watched)
    return seen


def test_a_row_is_cut_where_it_ended() -> None:
    assert cut_reply([5, 6, 2, 0, 0], ends={2}, pad=0, room=5) == ([5, 6], 3, True)
    assert cut_reply([5, 6, 7, 0, 0], ends={2}, pad=0, room=5) == ([5, 6, 7], 3, True)  # at a stop string
    assert cut_reply([5, 6, 7], ends={2}, pad=0, room=3) == ([5, 6, 7], 3, False)
    assert cut_reply([2, 2], ends={2}, pad=2, room=2) == ([], 1, True)


@pytest.mark.model
def test_replies_are_alike_alone_together_and_in_a_static_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # In float32, where neighbours move a logit by 1e-4 at most; in bfloat16 rounding may move it by up to 1, which
    # decides between two tokens that are nearly as likely ("The" and "L" here), and would hide a wrong mask.
    monkeypatch.setattr("rlkd_data.chat.backends.weights.cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    backend = LocalBackend("smollm2-135m")
    texts = ["What is the capital of France?", COUNT, "What is 2+2? " * 20]
    drawn = Sampling(temperature=0.8, top_p=0.9, max_tokens=8, seed=1)
    requests = [question(text, sampling) for sampling in (GREEDY, drawn) for text in texts]
    rows = watch(monkeypatch)
    together = answers(backend, *requests)
    assert rows[0] == 6
    alone = [answers(backend, request)[0] for request in requests]
    monkeypatch.setattr(backend, "_rolls", lambda: False)
    in_static_batches = answers(backend, *requests)
    asyncio.run(backend.close())
    assert [reply.text for reply in together] == [reply.text for reply in alone]
    assert [reply.text for reply in together] == [reply.text for reply in in_static_batches]
    assert [reply.text for reply in together[:3]] != [reply.text for reply in together[3:]]
    assert together[0].text == "The capital of France is Paris."
    for one, other in zip(together, in_static_batches, strict=True):
        assert (one.usage, one.finish_reason) == (other.usage, other.finish_reason)
    assert (together[1].finish_reason, together[1].usage.completion_tokens) == ("length", 8)


@pytest.mark.model
def test_a_row_that_has_finished_leaves_and_another_joins(
    backend: LocalBackend, rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = [2, 3, 9, 4, 2]
    requests = [question(f"{COUNT} {n}", Sampling(max_tokens=length)) for n, length in enumerate(lengths)]
    alone = [answers(backend, request)[0] for request in requests]
    monkeypatch.setattr(backend, "_batch", 2)
    rows.clear()
    replies = answers(backend, *requests)
    assert [reply.text for reply in replies] == [reply.text for reply in alone]
    lengths = [reply.usage.completion_tokens for reply in replies]
    assert len(set(lengths)) > 1
    assert max(rows) == 2  # and no step is made for a row that waits for another's end
    assert sum(rows) == sum(length - 1 for length in lengths)


@pytest.mark.model
def test_what_two_prompts_begin_with_is_read_once(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    model = backend._load()[0]
    forward = model.forward

    def watched(input_ids: Any, **more: Any) -> Any:
        read.append(input_ids.shape[1])
        return forward(input_ids=input_ids, **more)

    examples = "An example: 2 + 3 = 5. " * 20
    one, other = question(f"{examples}What is 4 + 4?"), question(f"{examples}What is 9 + 9?")
    alone = [answers(backend, request)[0] for request in (one, other)]
    monkeypatch.setattr(model, "forward", watched)
    replies = answers(backend, one, other)
    assert [reply.text for reply in replies] == [reply.text for reply in alone]
    prompts = [length for length in read if length > 1]
    assert prompts[0] == replies[0].usage.prompt_tokens and 0 < prompts[1] < 20


@pytest.mark.model
def test_a_reply_that_ends_says_stop_and_counts_its_tokens(backend: LocalBackend) -> None:
    (reply,) = answers(backend, question("What is the capital of France?", Sampling(max_tokens=40)))
    assert reply.finish_reason == "stop"
    assert 0 < reply.usage.completion_tokens < 40
    assert "<|" not in reply.text
    assert (reply.model, reply.reasoning) == ("local:smollm2-135m", None)


@pytest.mark.model
def test_a_stop_string_ends_a_reply_and_is_not_in_it(backend: LocalBackend) -> None:
    (whole,) = answers(backend, question(COUNT, Sampling(max_tokens=24)))
    stop = whole.text[4:6]
    (reply,) = answers(backend, question(COUNT, Sampling(max_tokens=24), stop=(stop,)))
    assert reply.text == whole.text[: whole.text.index(stop)]
    assert reply.finish_reason == "stop"
    assert reply.usage.completion_tokens < whole.usage.completion_tokens


@pytest.mark.model
def test_samples_differ_repeat_and_do_not_depend_on_the_order(backend: LocalBackend) -> None:
    samples = [question("Name an animal.", Sampling(1.0, max_tokens=6, seed=0, sample_index=n)) for n in range(6)]
    first, second = answers(backend, *samples), answers(backend, *reversed(samples))
    assert [reply.text for reply in first] == [reply.text for reply in reversed(second)]
    assert len({reply.text for reply in first}) > 1
    # A batch that differs in nothing but the number of its samples is drawn anew.
    later = [question("Name an animal.", Sampling(1.0, max_tokens=6, seed=0, sample_index=n)) for n in range(6, 12)]
    assert [reply.text for reply in answers(backend, *later)] != [reply.text for reply in first]


@pytest.mark.model
def test_a_static_batch_holds_what_is_sampled_alike(backend: LocalBackend, static: list[list[int]]) -> None:
    few, more = Sampling(max_tokens=2), Sampling(max_tokens=3)
    replies = answers(backend, question("Hi", few), question("Hello", more), question("Good day", few))
    assert [reply.usage.completion_tokens for reply in replies] == [2, 3, 2]
    assert sorted(len(batch) for batch in static) == [1, 2]


@pytest.mark.model
def test_no_static_batch_is_larger_than_fits(
    backend: LocalBackend, static: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "_batch", 2)
    answers(backend, *(question("Hi " * n, Sampling(max_tokens=1)) for n in (5, 1, 4, 2, 3)))
    assert [len(batch) for batch in static] == [2, 2, 1]
    lengths = [length for batch in static for length in batch]
    assert lengths == sorted(lengths)  # like lengths together


@pytest.mark.model
def test_a_row_joins_only_where_the_memory_holds_it(
    backend: LocalBackend, rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [question(f"Hi {n}", Sampling(max_tokens=3)) for n in range(4)]
    monkeypatch.setattr("rlkd_data.chat.backends.local.CACHE_BYTES", 1)
    assert len(answers(backend, *requests)) == 4
    assert set(rows) == {1}


@pytest.mark.model
def test_a_static_batch_that_does_not_fit_the_memory_is_halved(
    backend: LocalBackend, static: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    generate = backend._generate

    def small_memory(batch: list[Any]) -> list[Reply]:
        if len(batch) > 2:
            raise torch.OutOfMemoryError("no")
        return generate(batch)

    monkeypatch.setattr(backend, "_generate", small_memory)
    monkeypatch.setattr(backend, "_batch", 8)
    replies = answers(backend, *(question(f"{n}?", Sampling(max_tokens=1)) for n in range(5)))
    assert len(replies) == 5
    assert backend._batch == 2


@pytest.mark.model
def test_a_prompt_that_fills_the_context_is_rejected(backend: LocalBackend) -> None:
    with pytest.raises(Rejected) as error:
        answers(backend, question("word " * 9000))
    assert error.value.reason == "too_long"


@pytest.mark.model
def test_tokens_that_do_not_fit_are_not_asked_for(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_limit", lambda: 60)
    (reply,) = answers(backend, question(COUNT, Sampling(max_tokens=8192)))
    assert reply.finish_reason == "length"
    assert reply.usage.prompt_tokens + reply.usage.completion_tokens == 60


@pytest.mark.model
def test_a_model_without_a_chat_template_says_so(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend._load()[1], "chat_template", None)
    with pytest.raises(Hopeless, match="chat template"):
        answers(backend, question("Hi"))


@pytest.mark.model
def test_whoever_is_not_waited_for_leaves_and_the_others_go_on(backend: LocalBackend, rows: list[int]) -> None:
    async def give_one_up() -> Reply:
        long = question(COUNT * 3, Sampling(1.0, max_tokens=4000))
        given_up = asyncio.create_task(backend.ask(backend.wire(long)))
        kept = asyncio.create_task(backend.ask(backend.wire(question(COUNT, Sampling(max_tokens=30)))))
        while 2 not in rows:
            await asyncio.sleep(0.01)
        given_up.cancel()
        return await kept

    assert asyncio.run(give_one_up()).usage.completion_tokens == 30
    assert rows[-1] == 1


@pytest.mark.model
def test_a_request_joins_what_another_event_loop_began(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where one loop has just ended and the next begins, while the model's thread is not through."""
    inside, go_on = threading.Event(), threading.Event()
    step = RollingBatch.step

    def held(batch: RollingBatch) -> list[Row]:
        inside.set()
        assert go_on.wait(30)
        return step(batch)

    async def leave_soon() -> None:
        asked = asyncio.create_task(backend.ask(backend.wire(question(COUNT))))
        while not inside.is_set():
            await asyncio.sleep(0.01)
        asked.cancel()

    monkeypatch.setattr(RollingBatch, "step", held)
    first = threading.Thread(target=asyncio.run, args=(leave_soon(),))
    first.start()
    assert inside.wait(30)
    threading.Timer(0.3, go_on.set).start()
    (reply,) = answers(backend, question("What is the capital of France?"))
    first.join(30)
    assert reply.text == "The capital of France is Paris."


@pytest.mark.model
def test_a_fault_while_generating_reaches_all_who_wait(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_batch", 1)
    monkeypatch.setattr(RollingBatch, "step", lambda _: (_ for _ in ()).throw(RuntimeError("no")))

    async def ask() -> list[Any]:
        asked = (backend.ask(backend.wire(question(f"Hi {n}"))) for n in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    assert [str(outcome) for outcome in asyncio.run(ask())] == ["no"] * 3


@pytest.mark.model
def test_closing_stops_what_is_being_generated() -> None:
    async def close_soon() -> float:
        backend = LocalBackend("smollm2-135m")
        long = question(COUNT * 3, Sampling(1.0, max_tokens=4000))
        await backend.ask(backend.wire(question("Hi", Sampling(max_tokens=1))))
        asking = asyncio.create_task(backend.ask(backend.wire(long)))
        await asyncio.sleep(0.5)
        start = time.monotonic()
        await backend.close()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return time.monotonic() - start

    assert asyncio.run(close_soon()) < 5


@pytest.mark.model
def test_a_stored_reply_needs_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> Reply:
        async with open_client("local:smollm2-135m", ChatSettings(store=tmp_path / "store")) as client:
            return await client.ask(question("Hi", Sampling(1.0, max_tokens=3)))

    first = asyncio.run(ask())
    monkeypatch.setattr("rlkd_data.chat.backends.local.load", lambda *_: pytest.fail("the model was loaded"))
    assert asyncio.run(ask()) == first


@pytest.mark.model
def test_an_adapter_answers_through_its_base() -> None:
    backend = LocalBackend("gsrm-smollm2")
    (reply,) = answers(backend, question("Tom has 3 apples and buys 4. 3 + 4 = 7.", Sampling(max_tokens=4)))
    assert reply.text
    asyncio.run(backend.close())


@pytest.mark.model
def test_a_folder_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(InputError, match=str(tmp_path)) as error:
        answers(LocalBackend(str(tmp_path)), question("Hi"))
    assert "\n" not in str(error.value)


def test_a_model_trained_anew_in_the_same_folder_is_another_one(tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    for folder in (base, adapter):
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(b"first")
    (base / "config.json").write_text("{}")
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))

    def identity(folder: Path) -> str:
        return model_identity(str(folder), resolve(str(folder)))

    first = identity(base), identity(adapter)
    assert (identity(base), identity(adapter)) == first
    shutil.copytree(tmp_path, tmp_path / "elsewhere")
    assert identity(tmp_path / "elsewhere" / "base") == first[0]

    (adapter / "weights.safetensors").write_bytes(b"again")
    assert identity(base) == first[0]
    assert identity(adapter) != first[1]
    second = identity(adapter)
    (base / "weights.safetensors").write_bytes(b"again")
    assert identity(base) != first[0]
    assert identity(adapter) != second


def test_what_local_models_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = LocalBackend.__new__(LocalBackend)
    backend.model = "local:m"
    with pytest.raises(InputError, match="JSON schemas"):
        backend.wire(Request((Message("user", "Hi"),), schema_json="{}"))
