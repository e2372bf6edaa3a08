import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.client import Client
from rlkd_data.chat.pace.retry import FIRST
from rlkd_data.chat.store import ResponseStore, request_key
from rlkd_data.chat.types import Failed, Hopeless, Message, Rejected, Reply, Request, Retryable
from rlkd_data.schema import Sampling, Usage

Behaviour = Callable[[str, int], Any]


class Backend:
    """Answers with the prompt; `behave(prompt, try)` may raise, or say how long to wait."""

    model = "fake:m"
    default_concurrency = 4

    def __init__(self, behave: Behaviour = lambda prompt, tries: 0.0) -> None:
        self.behave = behave
        self.asked: list[str] = []
        self.now = self.most = 0

    def wire(self, request: Request) -> dict[str, Any]:
        return {"prompt": request.messages[0].content}

    async def ask(self, wire: dict[str, Any]) -> Reply:
        prompt = wire["prompt"]
        self.asked.append(prompt)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.behave(prompt, self.asked.count(prompt)))
        finally:
            self.now -= 1
        return Reply(prompt, None, "stop", Usage(10, 1, 5, 2), "m", datetime.now(UTC))

    async def close(self) -> None:
        pass


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def clock(self) -> float:
        return self.now


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


def request(prompt: str, sample: int = 0) -> Request:
    return Request((Message("user", prompt),), Sampling(sample_index=sample))


def numbered(count: int) -> Iterator[tuple[int, Request]]:
    return ((i, request(f"p{i}")) for i in range(count))


def raising(error: Failed, times: int = 1000) -> Behaviour:
    def behave(prompt: str, tries: int) -> float:
        if tries <= times:
            raise error
        return 0.0

    return behave


async def test_every_request_gets_its_own_reply(store_path: Path) -> None:
    async with Client(Backend(), ResponseStore(store_path)) as client:
        found = {key: reply async for key, reply in client.ask_all(numbered(100))}
    assert {key: reply.text for key, reply in found.items() if isinstance(reply, Reply)} == {
        i: f"p{i}" for i in range(100)
    }
    assert (client.stats.asked, client.stats.from_store, client.stats.retries) == (100, 0, 0)
    assert client.stats.usage == Usage(1000, 100, 500, 200)


async def test_nothing_is_asked_twice(store_path: Path) -> None:
    async with Client(Backend(), ResponseStore(store_path)) as client:
        first = {key: reply async for key, reply in client.ask_all(numbered(20))}
    async with Client(backend := Backend(), ResponseStore(store_path)) as client:
        second = {key: reply async for key, reply in client.ask_all(numbered(20))}
    assert first == second and backend.asked == []
    assert client.stats.from_store == 20 and client.stats.usage == Usage()


async def test_no_requests_give_no_replies(store_path: Path) -> None:
    async with Client(Backend(), ResponseStore(store_path)) as client:
        assert [pair async for pair in client.ask_all([])] == []


async def test_requests_may_come_from_an_async_source(store_path: Path) -> None:
    async def source() -> AsyncIterator[tuple[int, Request]]:
        for pair in numbered(15):
            await asyncio.sleep(0)
            yield pair

    async with Client(Backend(), ResponseStore(store_path)) as client:
        assert {key async for key, _ in client.ask_all(source())} == set(range(15))


async def test_the_same_request_in_flight_is_asked_once(store_path: Path) -> None:
    backend = Backend(lambda prompt, tries: 0.02)
    async with Client(backend, ResponseStore(store_path)) as client:
        replies = await asyncio.gather(*(client.ask(request("same")) for _ in range(5)))
    assert backend.asked == ["same"] and len(set(map(id, replies))) == 1
    assert client.stats.asked == 1 and client.stats.merged == 4


async def test_two_processes_that_ask_the_same_at_the_same_time_pay_once(store_path: Path) -> None:
    one, other = (Backend(lambda prompt, tries: 0.01) for _ in range(2))

    async def all_of_it(backend: Backend) -> dict[int, Reply | Failed]:
        async with Client(backend, ResponseStore(store_path)) as client:
            return {key: reply async for key, reply in client.ask_all(numbered(40))}

    first, second = await asyncio.gather(all_of_it(one), all_of_it(other))
    assert first == second and len(first) == 40
    assert sorted(one.asked + other.asked) == sorted(f"p{i}" for i in range(40))


async def test_a_request_that_another_process_gave_up_is_asked_here(store_path: Path) -> None:
    elsewhere = ResponseStore(store_path)
    key = request_key({"prompt": "p"}, 0)
    assert await elsewhere.claim(key)
    async with Client(backend := Backend(), ResponseStore(store_path), sleep=asyncio.sleep) as client:
        asking = asyncio.create_task(client.ask(request("p")))
        await asyncio.sleep(0.05)
        assert not backend.asked
        elsewhere.unclaim(key)
        assert (await asking).text == "p"
    elsewhere.close()


async def test_another_sample_is_another_request(store_path: Path) -> None:
    backend = Backend()
    async with Client(backend, ResponseStore(store_path)) as client:
        await asyncio.gather(*(client.ask(request("same", sample)) for sample in range(3)))
    assert backend.asked == ["same"] * 3


async def test_one_of_two_waiters_may_leave(store_path: Path) -> None:
    backend = Backend(lambda prompt, tries: 0.05)
    async with Client(backend, ResponseStore(store_path)) as client:
        leaving = asyncio.create_task(client.ask(request("same")))
        staying = asyncio.create_task(client.ask(request("same")))
        await asyncio.sleep(0.01)
        leaving.cancel()
        assert (await staying).text == "same"
    assert backend.asked == ["same"]


async def test_a_request_that_nobody_waits_for_is_given_up_and_may_be_asked_again(store_path: Path) -> None:
    backend = Backend(lambda prompt, tries: 30.0 if tries == 1 else 0.0)
    async with Client(backend, ResponseStore(store_path)) as client:
        leaving = asyncio.create_task(client.ask(request("p")))
        await asyncio.sleep(0.01)
        leaving.cancel()
        await asyncio.sleep(0)
        assert (await client.ask(request("p"))).text == "p"
    assert backend.now == 0


async def test_no_more_than_the_agreed_number_is_in_flight(store_path: Path) -> None:
    backend = Backend(lambda prompt, tries: 0.002)
    async with Client(backend, ResponseStore(store_path), concurrency=7) as client:
        assert len([pair async for pair in client.ask_all(numbered(100))]) == 100
    assert backend.most == 7


async def test_look_ahead_is_bounded_while_the_caller_is_slow(store_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[tuple[int, Request]]:
        nonlocal taken
        while True:
            taken += 1
            yield taken, request(f"p{taken}")

    async with Client(Backend(), ResponseStore(store_path), concurrency=3) as client:
        replies = client.ask_all(endless())
        for used in range(1, 60):
            await anext(replies)
            if used % 20 == 0:
                await asyncio.sleep(0.1)
                assert taken <= used + 4 * 3
        await replies.aclose()  # type: ignore[attr-defined]
    stopped_at = taken
    await asyncio.sleep(0.05)
    assert taken == stopped_at


async def test_a_failure_that_may_pass_is_tried_again_with_growing_pauses(store_path: Path) -> None:
    time = Time()
    backend = Backend(raising(Retryable("busy", reason="server_error"), times=5))
    async with Client(backend, ResponseStore(store_path), sleep=time.sleep, clock=time.clock) as client:
        assert (await client.ask(request("p"))).text == "p"
    assert len(backend.asked) == 6 and client.stats.retries == 5 and client.stats.asked == 1
    assert all(0 <= slept <= FIRST * 2**i for i, slept in enumerate(time.slept)) and len(time.slept) == 5


async def test_retry_after_is_honoured(store_path: Path) -> None:
    time = Time()
    backend = Backend(raising(Retryable("wait", reason="server_error", retry_after=40.0), times=1))
    async with Client(backend, ResponseStore(store_path), sleep=time.sleep, clock=time.clock) as client:
        await client.ask(request("p"))
    assert 40.0 <= sum(time.slept) <= 40.0 + FIRST


async def test_a_rate_limit_holds_back_every_other_request(store_path: Path) -> None:
    time = Time()
    started: dict[str, float] = {}

    def behave(prompt: str, tries: int) -> float:
        if prompt == "p0" and tries == 1:
            raise Retryable("slow down", reason="rate_limited", retry_after=30.0)
        started[prompt] = time.now
        return 0.0

    client = Client(Backend(behave), ResponseStore(store_path), concurrency=1, sleep=time.sleep, clock=time.clock)
    async with client:
        assert len([pair async for pair in client.ask_all(numbered(4))]) == 4
    assert min(started.values()) >= 30.0


async def test_after_the_last_try_the_failure_is_the_result(store_path: Path) -> None:
    time = Time()
    backend = Backend(
        lambda prompt, tries: raising(Retryable("busy", reason="timeout"))(prompt, tries) if prompt == "p1" else 0.0
    )
    client = Client(backend, ResponseStore(store_path), max_retries=3, sleep=time.sleep, clock=time.clock)
    async with client:
        found = {key: reply async for key, reply in client.ask_all(numbered(4))}
    failure = found[1]
    assert isinstance(failure, Retryable) and failure.reason == "timeout"
    assert backend.asked.count("p1") == 4 and client.stats.failed == 1 and client.stats.asked == 4
    assert sum(isinstance(reply, Reply) for reply in found.values()) == 3


async def test_a_rejected_request_is_not_asked_again_and_others_go_on(store_path: Path) -> None:
    backend = Backend(
        lambda prompt, tries: raising(Rejected("too long", reason="too_long"))(prompt, tries) if prompt == "p1" else 0.0
    )
    async with Client(backend, ResponseStore(store_path)) as client:
        found = {key: reply async for key, reply in client.ask_all(numbered(10))}
    assert isinstance(found[1], Rejected) and backend.asked.count("p1") == 1 and len(found) == 10


@pytest.mark.parametrize("error", [Hopeless("wrong key"), ZeroDivisionError("a fault of ours")])
async def test_what_concerns_every_request_stops_the_run(store_path: Path, error: Exception) -> None:
    def behave(prompt: str, tries: int) -> float:
        if prompt == "p12":
            raise error
        return 0.0 if int(prompt[1:]) < 12 else 60.0

    backend = Backend(behave)
    async with Client(backend, ResponseStore(store_path)) as client:
        seen = 0
        with pytest.raises(type(error)):
            async with asyncio.timeout(5):
                async for _ in client.ask_all(numbered(1_000_000)):
                    seen += 1
        assert backend.now == 0 and len(backend.asked) < 40
    async with Client(again := Backend(), ResponseStore(store_path)) as client:
        async for _ in client.ask_all(numbered(12)):
            pass
    assert again.asked == []


async def test_an_error_in_the_source_is_the_caller_s(store_path: Path) -> None:
    def broken() -> Iterator[tuple[int, Request]]:
        yield 0, request("p0")
        raise LookupError("no such shard")

    async with Client(Backend(), ResponseStore(store_path)) as client:
        with pytest.raises(LookupError):
            async for _ in client.ask_all(broken()):
                pass


async def test_failed_requests_are_not_stored(store_path: Path) -> None:
    async with Client(Backend(raising(Rejected("no", reason="bad_request"))), ResponseStore(store_path)) as client:
        with pytest.raises(Rejected):
            await client.ask(request("p"))
    async with Client(Backend(), ResponseStore(store_path)) as client:
        assert (await client.ask(request("p"))).text == "p"
