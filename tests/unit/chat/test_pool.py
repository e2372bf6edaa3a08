"""Several servers as one: which is asked, what a dead one costs, and that a reply is paid for once."""

import asyncio
from datetime import UTC, datetime

import pytest

from rlkd_data.chat.open import open_client
from rlkd_data.chat.pace.aimd import Aimd
from rlkd_data.chat.pool import Pool
from rlkd_data.chat.types import Message, Reply, Request, Retryable
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from rlkd_data.schema import Usage


class Fake:
    """A server that answers, or raises what stands in `fails`; `gate` holds its replies back."""

    model, default_concurrency, prices = "openai:m", 4, None

    def __init__(self, name, clock, seconds=1.0):
        self.name, self.clock, self.seconds, self.fails, self.asked = name, clock, seconds, [], []
        self.gate, self.shares = None, None

    def wire(self, request):
        messages = [{"role": one.role, "content": one.content} for one in request.messages]
        return {"backend": "openai", "base_url": self.name, "body": {"messages": messages}}

    async def ask(self, wire):
        self.asked.append(wire)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise self.fails.pop(0)
        self.clock.now += self.seconds
        return Reply("x", None, "stop", Usage(), "m", datetime.now(UTC))

    def sent(self, wire, asked):
        return asked

    def watch_headers(self, see):
        self.see = see

    def learn_with(self, other):
        self.shares = other

    async def close(self):
        self.closed = True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def pool_of(*seconds):
    clock = Clock()
    fakes = [Fake(f"http://{name}/v1", clock, each) for name, each in zip("abc", seconds, strict=False)]
    return Pool([(fake.name, fake) for fake in fakes], clock=clock), fakes, clock


def wire(pool, *texts):
    return pool.wire(Request(tuple(Message("user", text) for text in texts)))


def down(reason="connection", **more):
    return Retryable("cannot be reached", reason=reason, **more)


def test_requests_are_named_by_the_first_server_and_replies_by_who_answered():
    pool, fakes, _ = pool_of(1, 1)
    assert wire(pool, "q") == fakes[0].wire(Request((Message("user", "q"),)))
    reply = asyncio.run(pool.ask(wire(pool, "q")))
    assert reply.server in ("http://a/v1", "http://b/v1") and pool.answered[reply.server] == 1
    assert fakes[1].shares is fakes[0] and fakes[0].shares is None and pool.default_concurrency == 8


def test_a_prefix_goes_to_the_server_that_had_it():
    pool, fakes, _ = pool_of(1, 1, 1)

    async def ask():
        for number in range(60):
            await pool.ask(wire(pool, f"few-shots of {number % 6}", f"q{number}"))

    asyncio.run(ask())
    homes = [{call["body"]["messages"][0]["content"] for call in fake.asked} for fake in fakes]
    assert sum(map(len, homes)) == 6 and all(homes)


def test_who_is_faster_has_more_in_flight():
    pool, fakes, _ = pool_of(1, 4)

    async def ask():
        for fake in fakes:  # each is known
            fake.gate = asyncio.Event()
        first = [asyncio.create_task(pool.ask(wire(pool, "same", f"a{n}"))) for n in range(4)]
        await asyncio.sleep(0)
        for fake in fakes:
            fake.gate.set()
        await asyncio.gather(*first)
        for fake in fakes:
            fake.gate, fake.asked = asyncio.Event(), []
        pool._servers[0].seconds, pool._servers[1].seconds = 1.0, 4.0
        rest = [asyncio.create_task(pool.ask(wire(pool, "same", f"b{n}"))) for n in range(10)]
        await asyncio.sleep(0)
        counts = [len(fake.asked) for fake in fakes]
        for fake in fakes:
            fake.gate.set()
        await asyncio.gather(*rest)
        return counts

    assert asyncio.run(ask()) == [8, 2]


def test_a_dead_server_is_left_out_and_tried_again(capsys):
    pool, (dead, alive), clock = pool_of(1, 0.1)
    dead.fails = [down(), down()]

    async def ask(count):
        for _ in range(count):
            await pool.ask(wire(pool, "q"))

    pool._servers[1].in_flight = 5  # the dead one is the less loaded
    asyncio.run(ask(5))
    assert (len(dead.asked), len(alive.asked)) == (1, 5)
    clock.now += 1.5
    asyncio.run(ask(1))
    assert len(dead.asked) == 2  # and is left out for two seconds now
    clock.now += 1.5
    asyncio.run(ask(3))
    assert len(dead.asked) == 2
    clock.now += 1.0
    asyncio.run(ask(1))
    said = capsys.readouterr().err
    assert len(dead.asked) == 3 and said.count("left out") == 1 and said.count("answers again") == 1


def test_where_all_are_dead_the_scheduler_hears_of_it():
    pool, fakes, _ = pool_of(1, 1)
    for fake in fakes:
        fake.fails = [down(), down()]
    for times in (1, 2):
        with pytest.raises(Retryable):
            asyncio.run(pool.ask(wire(pool, "q")))
        assert sum(len(fake.asked) for fake in fakes) == (2 if times == 1 else 3)


def test_a_server_that_asks_for_a_long_wait_does_not_stop_one_that_rests(capsys):
    pool, (first, second), clock = pool_of(1, 1)
    first.fails, second.fails = [down("rate_limited", retry_after=7200)], [down("overloaded"), down("overloaded")]
    with pytest.raises(Retryable) as raised:
        asyncio.run(pool.ask(wire(pool, "q")))
    assert raised.value.retry_after in (None, 1.0)  # whoever was the last
    said = capsys.readouterr().err
    assert "1 other server goes on" in said and "no other server goes on" in said
    first.fails = [down("rate_limited", retry_after=7200)]
    pool._servers[0].rest = 0.0  # asked before it told
    with pytest.raises(Retryable) as raised:
        asyncio.run(pool.ask(wire(pool, "q")))
    assert raised.value.retry_after == 1.0 and len(second.asked) == 1
    clock.now += 1.0
    second.fails = []
    assert asyncio.run(pool.ask(wire(pool, "q"))).server == second.name


def test_where_all_ask_for_a_long_wait_it_is_the_shortest():
    pool, fakes, _ = pool_of(1, 1)
    for fake, seconds in zip(fakes, (7200, 3600), strict=True):
        fake.fails = [down("rate_limited", retry_after=seconds)]
    with pytest.raises(Retryable) as raised:
        asyncio.run(pool.ask(wire(pool, "q")))
    assert raised.value.retry_after == 3600


def test_what_may_have_been_paid_for_is_told_at_once():
    pool, fakes, _ = pool_of(1, 1)
    for fake in fakes:
        fake.fails = [down("timeout", paid=True)]
    with pytest.raises(Retryable):
        asyncio.run(pool.ask(wire(pool, "q")))
    assert sum(len(fake.asked) for fake in fakes) == 1


def test_a_server_that_takes_few_at_once_gets_fewer_and_the_others_what_it_did_not_take(capsys):
    pool, (small, large), _ = pool_of(0, 0)
    refused = 0

    async def ask_small(wire):
        nonlocal refused
        small.now = getattr(small, "now", 0) + 1
        try:
            for _ in range(5):
                await asyncio.sleep(0)
            if small.now > 2:
                refused += 1
                raise down("overloaded")
            return await Fake.ask(small, wire)
        finally:
            small.now -= 1

    async def ask_large(wire):
        for _ in range(5):
            await asyncio.sleep(0)
        return await Fake.ask(large, wire)

    async def ask():
        small.ask, large.ask = ask_small, ask_large
        pool._servers[0].window = Aimd(32)
        for start in range(0, 400, 40):
            await asyncio.gather(*(pool.ask(wire(pool, f"q{start + n}")) for n in range(40)))

    asyncio.run(ask())
    small_window = pool._servers[0].window.window
    assert sum(pool.answered.values()) == 400 and small_window <= 6 and refused < 100
    assert capsys.readouterr().err == ""  # it is busy, not dead


def test_limits_of_headers_hold_for_the_server_that_sent_them():
    pool, fakes, _ = pool_of(1, 1)
    fakes[1].see({"x-ratelimit-limit-requests": "60"}, 0.1)
    assert [server.limits.known for server in pool._servers] == [{}, {"requests": 60.0}]


def test_only_openai_models_have_pools(tmp_path):
    settings = ChatSettings(base_url=["http://a/v1", "http://b/v1"], store=tmp_path / "s.sqlite")
    assert settings.base_url == "http://a/v1 http://b/v1"
    with pytest.raises(InputError, match="give one --base-url"):
        open_client("anthropic:claude", settings)
