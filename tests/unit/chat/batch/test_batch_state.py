"""The pure part of batches: what comes next, how items are named, how far back a batch is looked for."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlkd_data.chat.batch.drive import Driver
from rlkd_data.chat.batch.journal import Journal, acquire
from rlkd_data.chat.batch.search import is_older
from rlkd_data.chat.batch.state import (
    Intent,
    Step,
    item_id,
    item_key,
    mark_creating,
    new_intent,
    new_token,
    next_step,
    poll_pause,
)
from rlkd_data.chat.types import ComeBack, Retryable
from rlkd_data.config import BatchSettings
from rlkd_data.errors import InputError

INTENT = new_intent("openai", "http://x/v1", "openai:m", new_token(), 3)


@pytest.mark.parametrize(
    ("change", "wants_file", "absent", "step"),
    [
        ({}, True, False, Step.UPLOAD),
        ({}, False, False, Step.CREATE),
        ({"file_id": "f"}, True, False, Step.CREATE),
        ({"file_id": "f", "creating": datetime.now(UTC)}, True, False, Step.FIND),
        ({"creating": datetime.now(UTC)}, False, False, Step.FIND),
        ({"creating": datetime.now(UTC)}, False, True, Step.CREATE),
        ({"creating": datetime.now(UTC)}, True, True, Step.UPLOAD),
        ({"creating": datetime.now(UTC), "batch_id": "b"}, False, False, Step.WATCH),
        ({"batch_id": "b", "fetched": True}, False, True, Step.HARVEST),
    ],
)
def test_next_step(change: dict[str, object], wants_file: bool, absent: bool, step: Step) -> None:
    assert next_step(replace(INTENT, **change), wants_file=wants_file, absent=absent) is step  # type: ignore[arg-type]


def test_an_intent_outlives_its_process() -> None:
    full = replace(mark_creating(INTENT), file_id="f", batch_id="b", attempt=2, fetched=True)
    for intent in (INTENT, full):
        assert Intent.from_json(json.loads(json.dumps(intent.to_json()))) == intent
    assert mark_creating(full).creating == full.creating  # it is looked for from the first call on


@given(st.binary(min_size=32, max_size=32))
def test_an_item_names_its_question(key: bytes) -> None:
    token = new_token()
    name = item_id(token, key)
    assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", name)
    assert item_key(name) == (token, key)


@pytest.mark.parametrize("name", ["", "request-1", "0" * 60, "0" * 16 + "-" + "A" * 42, "0" * 16 + "-" + "ä" * 43])
def test_another_programs_item_is_not_ours(name: str) -> None:
    with pytest.raises(ValueError):
        item_key(name)


def test_looks_grow_apart_up_to_a_limit() -> None:
    pauses = [poll_pause(15, look) for look in range(1, 30)]
    assert pauses[0] == 15 and pauses == sorted(pauses) and pauses[-1] == 300


def test_how_far_back_a_batch_is_looked_for() -> None:
    now = datetime.now(UTC)
    assert not is_older(now.isoformat(), INTENT)
    assert not is_older(int((now - timedelta(days=1)).timestamp()), INTENT)  # clocks differ
    assert is_older(int((now - timedelta(days=3)).timestamp()), INTENT)
    assert is_older((now - timedelta(days=3)).isoformat().replace("+00:00", "Z"), INTENT)
    assert not is_older(None, INTENT) and not is_older("soon", INTENT) and not is_older(1e99, INTENT)


def sealed(journal: Journal, keys: list[bytes]) -> str:
    filling = journal.fill()
    for key in keys:
        filling.add(key, json.dumps({"custom_id": filling.name(key), "said": filling.token}).encode() + b"\n")
    folder = filling.seal(replace(INTENT, token=filling.token, count=len(keys)))
    folder.release()
    return filling.token


def test_the_journal_knows_what_is_open_and_who_holds_it(tmp_path: Path) -> None:
    journal, other = Journal(tmp_path / "s.sqlite"), Journal(tmp_path / "s.sqlite")
    keys = [os.urandom(32) for _ in range(3)]
    token = sealed(journal, keys)
    assert other.open_keys() == dict.fromkeys(keys, token)
    held = other.take(token)
    assert held is not None and journal.take(token) is None
    child = other.refill(held, {keys[2]})
    assert (child.path / "requests.jsonl").parent.name.startswith("filling-")
    made = child.seal(replace(INTENT, token=child.token, count=1))
    line = json.loads(made.requests.read_bytes())
    assert item_key(line["custom_id"]) == (child.token, keys[2]) and line["said"] == token  # the body is left alone
    held.drop()
    made.release()
    assert journal.open_keys() == {keys[2]: child.token} and journal.take(token) is None


@pytest.mark.parametrize("wants_file", [True, False])
def test_a_provider_that_asks_to_wait_too_long_ends_the_run(tmp_path: Path, wants_file: bool) -> None:
    """In every call: of the upload, and of the batch."""

    async def busy(*_: object) -> str:
        raise Retryable("limit", reason="rate_limited", retry_after=86_400)

    journal = Journal(tmp_path / "s.sqlite")
    folder = journal.take(sealed(journal, [os.urandom(32)]))
    assert folder is not None
    provider: Any = SimpleNamespace(wants_file=wants_file, upload=busy, create=busy)
    driver = Driver(provider, journal, BatchSettings(), max_retries=8, watch=lambda *_: None, longest_wait=900)
    with pytest.raises(ComeBack, match="run the same command then"):
        asyncio.run(driver.bring(folder))
    assert folder.path.exists()  # it is for the next run
    folder.release()


def test_what_was_never_sealed_is_swept_but_not_under_its_owner(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "s.sqlite")
    filling = journal.fill()
    filling.add(os.urandom(32), b"{}\n")
    Journal(tmp_path / "s.sqlite")
    assert filling.path.exists() and not journal.open_keys()
    filling.requests.close()
    filling.keys.close()
    filling.lock.release()  # as a kill does
    Journal(tmp_path / "s.sqlite")
    assert not filling.path.exists()


def test_a_damaged_intent_is_not_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "s.sqlite")
    token = sealed(journal, [os.urandom(32)])
    (journal.path / token / "intent.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        journal.take(token)


def test_one_process_plans_at_a_time(tmp_path: Path) -> None:
    first, second = Journal(tmp_path / "s.sqlite"), Journal(tmp_path / "s.sqlite")
    assert acquire(first.plan) and not acquire(second.plan)
    first.plan.release()
    assert acquire(second.plan)


def test_a_batch_that_was_sent_again_is_dropped_though_the_kill_came_between(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "s.sqlite")
    keys = [os.urandom(32) for _ in range(2)]
    parent = journal.take(sealed(journal, keys))
    assert parent is not None
    child = journal.refill(parent, {keys[1]})
    child.seal(replace(INTENT, token=child.token, count=1, attempt=2, parent=parent.intent.token)).release()
    assert journal.open_keys(but=parent.intent.token) == {keys[1]: child.token}
    Journal(tmp_path / "s.sqlite")
    assert parent.path.exists()  # its owner lives
    parent.release()
    assert Journal(tmp_path / "s.sqlite").open_keys() == {keys[1]: child.token} and not parent.path.exists()
