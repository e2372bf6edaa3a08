import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rlkd_data.chat.money import ledger
from rlkd_data.chat.money.bill import Asked, Bill
from rlkd_data.chat.money.budget import Budget, Held
from rlkd_data.chat.money.estimate import interval
from rlkd_data.chat.money.ledger import Entry, Spent, one_try
from rlkd_data.chat.money.prices import FREE, UNKNOWN, Prices, given, listed
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Reply
from rlkd_data.errors import BudgetReached, InputError
from rlkd_data.schema import Usage

OPENAI, ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com"


def test_listed_prices_bill_cached_tokens_at_their_own_price() -> None:
    prices = listed("gpt-4o", "openai", OPENAI)
    assert prices.cost(Usage(1_000_000, 0, 0)) == pytest.approx(2.5)
    assert prices.cost(Usage(1_000_000, 1_000_000, 0)) == pytest.approx(1.25)
    assert prices.cost(Usage(0, 0, 1_000_000)) == pytest.approx(10.0)
    assert prices.source.startswith("genai-prices 0.")


def test_what_anthropic_writes_to_its_cache_costs_more_and_what_it_reads_less() -> None:
    prices = listed("claude-sonnet-4-5", "anthropic", ANTHROPIC)
    plain, read, written = (
        prices.cost(Usage(100_000, 0, 0)),
        prices.cost(Usage(100_000, 100_000, 0)),
        prices.cost(Usage(100_000, 0, 0), 100_000),
    )
    assert plain == pytest.approx(0.3) and read == pytest.approx(0.03) and written == pytest.approx(0.375)


@pytest.mark.parametrize("model", ["gpt-4", "gpt-3.5-turbo"])
def test_a_model_without_a_price_for_cached_tokens_bills_them_as_others(model: str) -> None:
    prices = listed(model, "openai", OPENAI)
    assert prices.cost(Usage(1000, 500, 10)) == pytest.approx(prices.cost(Usage(1000, 0, 10)) or 0)


@pytest.mark.parametrize(
    ("model", "provider", "url"),
    [("my-own", "openai", OPENAI), ("gpt-4o", None, "http://127.0.0.1:8000/v1"), ("ft:gpt-9z:me", "openai", OPENAI)],
)
def test_a_price_that_nobody_knows_is_unknown_and_not_guessed(model: str, provider: str | None, url: str) -> None:
    assert listed(model, provider, url) is UNKNOWN and UNKNOWN.cost(Usage(5, 0, 5)) is None


def test_another_provider_s_prices_are_found_by_its_address() -> None:
    assert (listed("deepseek-chat", None, "https://api.deepseek.com/v1").cost(Usage(1_000_000, 0, 0)) or 0) > 0


def test_given_prices() -> None:
    assert given(2.0, 8.0).cost(Usage(1_000_000, 500_000, 250_000)) == pytest.approx(4.0)
    assert given(2.0, 8.0, 0.5).cost(Usage(1_000_000, 500_000, 0)) == pytest.approx(1.25)
    assert FREE.cost(Usage(5, 0, 5)) == 0.0


async def test_a_budget_holds_whatever_is_in_flight() -> None:
    budget = Budget(1.0)
    made = 0

    async def ask() -> None:
        nonlocal made
        await budget.reserve(0.3)
        await asyncio.sleep(0.001)
        made += 1
        budget.settle(0.3, 0.1)

    ended = await asyncio.gather(*(ask() for _ in range(50)), return_exceptions=True)
    assert made == 8 and budget.spent == pytest.approx(0.8)  # a ninth might have cost 0.3
    assert sum(isinstance(error, BudgetReached) for error in ended) == 42


async def test_what_was_spent_before_counts() -> None:
    with pytest.raises(BudgetReached, match="--budget"):
        await Budget(1.0, spent=0.9).reserve(0.2)
    assert BudgetReached.exit_code == 3


async def test_a_request_given_up_frees_what_was_set_aside() -> None:
    bill = Bill("openai:m", given(1e6, 0.0), budget=10.0)
    bill.release(await bill.reserve(10, None))
    await bill.reserve(10, None)
    with pytest.raises(InputError, match="--input-price"):
        Bill("openai:m", UNKNOWN, budget=10.0)


def reply(text: str = "x") -> Reply:
    return Reply(text, None, "stop", Usage(10, 4, 6, 1), "m", datetime.now(UTC), cache_written=3)


async def test_the_ledger_is_written_with_the_replies_and_adds_up_over_stores(tmp_path: Path) -> None:
    path, job = tmp_path / "s.sqlite", ledger.job_of(tmp_path / "out")
    assert ledger.job_of(tmp_path / "out") == job != ledger.job_of(tmp_path / "other")
    for run in range(3):
        store = ResponseStore(path)
        entry = Entry(job, "openai:m", one_try(reply().usage, 0.25, answered=True))
        store.note(Entry(job, "openai:m", one_try(None, None, answered=False)))
        await asyncio.gather(*(store.put(f"{run}{i}".encode(), "openai:m", reply(), entry) for i in range(4)))
        await asyncio.to_thread(store.close)
    store = ResponseStore(path)
    assert store.spent(job) == Spent(15, 12, 120, 48, 72, 12, 0, 3.0)
    assert store.spent("nobody") == Spent()
    assert store.get(b"00") == store.get(b"00") and (store.get(b"00") or reply("y")).cache_written == 3
    store.close()


async def test_a_store_of_an_older_version_gets_its_ledger(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "s.sqlite"
    ResponseStore(path).close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE ledger")
    old.close()
    store = ResponseStore(path)
    assert store.spent("j") == Spent()
    await asyncio.to_thread(store.close)


def test_tries_without_a_price_make_the_cost_unknown() -> None:
    bill = Bill("openai:m")
    assert bill.cost_usd == 0.0 and bill.figures() == {}
    bill.written(bill.answered(Asked(0.0, 5, None), reply()))
    assert bill.cost_usd is None and bill.figures()["dollars"] == "unknown"


def test_an_interval_holds_the_mean_and_keeps_to_what_is_possible() -> None:
    found = interval([10.0, 12.0, 14.0, 16.0], 0.0, 15.0)
    assert found.low < 13.0 <= found.high <= 15.0
    assert interval([10.0], 0.0, 1000.0).low == 5.0
    wide, narrow = interval([1.0, 100.0], 0, 1e9), interval([1.0, 100.0] * 20, 0, 1e9)
    assert wide.high - wide.low > narrow.high - narrow.low


async def test_what_is_settled_while_the_ledger_is_asked_does_not_end_the_budget_too_early() -> None:
    """The ledger's answer holds the request that is settled meanwhile: counted twice, nothing more seemed to fit."""
    budget: Budget
    written = 0.0

    async def keep(least: float, most: float, cap: float) -> Held:
        nonlocal written
        if least > 1 and not written:
            written = 0.2
            budget.settle(0.6, written)
        return Held(written, 0.0, least if written + least <= cap else None)

    budget = Budget(1.0, keep=keep)
    await budget.reserve(0.6)
    await budget.reserve(0.7)
    assert budget.spent == pytest.approx(0.2)
    budget.settle(0.7, 0.7)
    written = 0.9
    with pytest.raises(BudgetReached, match=r"\$0\.9000 are spent"):
        await budget.reserve(0.2)


@pytest.mark.parametrize(("prices", "dollars"), [(UNKNOWN, "unknown"), (FREE, 0.0), (given(1.0, 1.0, None), 0.0011)])
def test_a_lost_try_of_an_unknown_price_may_have_cost_something(prices: Prices, dollars: object) -> None:
    bill = Bill("openai:m", prices)
    bill.lost(Asked(0.0, 1000, 100))
    assert bill.figures()["dollars"] == dollars
