import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlkd_data.chat import claims, commits
from rlkd_data.chat.money.ledger import Entry, Spent
from rlkd_data.chat.store import ResponseStore, decode, default_path, encode, request_key
from rlkd_data.chat.types import Reply
from rlkd_data.errors import InputError
from rlkd_data.run import process
from rlkd_data.schema import Usage


def reply(text: str = "four", **more: object) -> Reply:
    fields: dict[str, object] = {
        "text": text,
        "reasoning": None,
        "finish_reason": "stop",
        "usage": Usage(1, 0, 2, 0),
        "model": "m",
        "created_at": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    }
    return Reply(**(fields | more))  # type: ignore[arg-type]


@given(
    st.text(st.characters(codec=None, categories=None)),
    st.none() | st.text(),
    st.sampled_from(["stop", "length", "refusal", "other"]),
)
def test_every_reply_comes_back_as_it_was(text: str, reasoning: str | None, finish: str) -> None:
    before = reply(text, reasoning=reasoning, finish_reason=finish, logprobs=({"token": "a", "logprob": -0.5},))
    assert decode(encode(before)) == before


def test_long_replies_are_compressed() -> None:
    assert len(encode(reply("word " * 4000))) < 1000


async def test_a_reply_is_on_the_disk_when_put_returns(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    await store.put(b"k", "x:m", reply())
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        assert other.execute("SELECT key, model FROM replies").fetchall() == [(b"k", "x:m")]
    assert store.get(b"k") == reply()
    assert store.get(b"other") is None
    store.close()


async def test_truncated_replies_are_kept_too(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    await store.put(b"k", "x:m", reply(finish_reason="length"))
    found = store.get(b"k")
    assert found is not None and found.finish_reason == "length"
    store.close()


async def test_replies_that_arrive_together_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    tell = commits._tell
    monkeypatch.setattr(commits, "_tell", lambda batch: (batches.append(len(batch)), tell(batch)))
    store = ResponseStore(tmp_path / "s.sqlite")
    await asyncio.gather(*(store.put(bytes([i]), "x:m", reply(str(i))) for i in range(200)))
    assert sum(batches) == 200 and len(batches) < 50
    assert all(store.get(bytes([i])) == reply(str(i)) for i in range(200))
    store.close()


async def test_a_cancelled_writer_s_reply_is_stored_all_the_same(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    task = asyncio.create_task(store.put(b"k", "x:m", reply()))
    await asyncio.sleep(0)
    task.cancel()
    store.close()
    again = ResponseStore(tmp_path / "s.sqlite")
    assert again.get(b"k") == reply()
    again.close()


async def test_the_first_reply_stays(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    await store.put(b"k", "x:m", reply("first"))
    await store.put(b"k", "x:m", reply("second"))
    found = store.get(b"k")
    assert found is not None and found.text == "first"
    store.close()


_WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Reply
from rlkd_data.schema import Usage

async def main(path, who):
    store = ResponseStore(Path(path))
    for i in range(60):
        key = f"{who}-{i}".encode()
        await store.put(key, "x:m", Reply(key.decode(), None, "stop", Usage(), "m", datetime.now(UTC)))
    store.close()

asyncio.run(main(*sys.argv[1:]))
"""


def test_several_processes_share_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "s.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(who)]) for who in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    store = ResponseStore(path)
    for who in range(3):
        for i in range(60):
            found = store.get(f"{who}-{i}".encode())
            assert found is not None and found.text == f"{who}-{i}"
    store.close()


@pytest.mark.parametrize("damage", ["text", "other program", "newer"])
def test_a_file_that_is_no_response_store_is_named_in_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s.sqlite"
    if damage == "text":
        path.write_text("not a database, " * 500)
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE songs (name)")
            if damage == "newer":
                other.execute(f"PRAGMA application_id = {0x524C4B44}")
                other.execute("PRAGMA user_version = 99")
        other.close()
    before = path.read_bytes()
    with pytest.raises(InputError) as raised:
        ResponseStore(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    if damage == "other program":
        assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["x'0011'", "x'7b'", "'text'", "x'7b7d'", "cast('[1]' as blob)", "NULL OR 1"])
async def test_a_row_that_cannot_be_read_is_a_miss_said_once_and_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    for key in (b"k", b"l", b"m"):
        await store.put(key, "x:m", reply())
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        other.execute(f"UPDATE replies SET reply = {damage} WHERE key != x'6d'")
    assert store.get(b"k") is None and store.get(b"l") is None and store.get(b"k") is None
    assert capsys.readouterr().err.count("cannot be read") == 1
    assert store.get(b"m") == reply()
    assert await store.claim(b"k")
    await store.put(b"k", "x:m", reply("new"))
    assert store.get(b"k") == reply("new")
    store.close()


async def test_a_reply_of_a_newer_version_is_read_without_what_is_new(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    await store.put(b"k", "x:m", reply())
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        raw = json.loads(other.execute("SELECT reply FROM replies").fetchone()[0]) | {"mood": "good"}
        other.execute("UPDATE replies SET reply = ?", (json.dumps(raw).encode(),))
    assert store.get(b"k") == reply()
    store.close()


async def test_a_count_that_an_earlier_version_took_is_read_as_none(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    await store.put(b"k", "x:m", reply(usage=Usage(True, -4, 2**70, 5)))
    found = store.get(b"k")
    assert found is not None and found.usage == Usage(0, 0, 0, 5)
    store.close()


async def test_a_write_that_fails_takes_no_other_with_it_and_the_writer_goes_on(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    too_large = Entry("j", "x:m", Spent(tries=1, prompt_tokens=2**70))
    ended = await asyncio.gather(
        store.put(b"a", "x:m", reply()),
        store.put(b"b", "x:m", reply(), too_large),
        store.put(b"c", "x:m", reply(), Entry("j", "x:m", Spent(tries=1))),
        return_exceptions=True,
    )
    assert [type(one) for one in ended] == [type(None), OverflowError, type(None)]
    await store.put(b"d", "x:m", reply())
    assert [store.get(key) is not None for key in (b"a", b"b", b"c", b"d")] == [True, False, True, True]
    assert store.spent("j").tries == 1
    store.close()


async def test_nobody_waits_for_a_writer_that_is_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(commits, "_tell", die)
    store = ResponseStore(tmp_path / "s.sqlite")
    store.note(Entry("j", "x:m", Spent(tries=1)))
    while store._commits._thread.is_alive():
        await asyncio.sleep(0.001)
    with pytest.raises(SystemExit):
        await store.put(b"k", "x:m", reply())
    store.close()


async def test_one_of_two_processes_asks_and_a_claim_ends_with_the_reply_or_its_store(tmp_path: Path) -> None:
    one, other = ResponseStore(tmp_path / "s.sqlite"), ResponseStore(tmp_path / "s.sqlite")
    assert await one.claim(b"k") and await one.claim(b"k") and not await other.claim(b"k")
    await one.put(b"k", "x:m", reply())
    assert not await other.claim(b"k") and not await one.claim(b"k")  # answered
    assert await one.claim(b"l")
    one.unclaim(b"l")
    await one.claim(b"m")
    assert await other.claim(b"l") and not await other.claim(b"m")
    one.close()
    assert await other.claim(b"m")
    other.close()


async def test_a_claim_of_a_dead_process_or_without_a_sign_of_life_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    host, later = process.name().partition(":")[0], time.time() + 1000
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        rows = [
            (b"dead", f"{host}:4194305:1:a", later),
            (b"far", "elsewhere:1:1:a", later),
            (b"old", "elsewhere:1:1:a", 5),
        ]
        other.executemany("INSERT INTO claims VALUES (?, ?, ?)", rows)
    assert await store.claim(b"dead") and await store.claim(b"old") and not await store.claim(b"far")
    monkeypatch.setattr(claims, "RENEW", -1.0)
    await store.claim(b"more")
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        other.execute("UPDATE claims SET until = 0")
        other.commit()
        await store.claim(b"again")
        assert {row[0] > 0 for row in other.execute("SELECT until FROM claims WHERE owner != 'elsewhere:1:1:a'")} == {
            True
        }
    store.close()


async def test_a_write_that_fails_reaches_the_caller(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        other.execute("DROP TABLE replies")
    with pytest.raises(InputError, match="cannot be used"):
        await store.put(b"k", "x:m", reply())
    store.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        ResponseStore(tmp_path / "file" / "s.sqlite")


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RLKD_STORE", str(tmp_path / "mine.sqlite"))
    assert default_path() == tmp_path / "mine.sqlite"
    monkeypatch.delenv("RLKD_STORE")
    assert default_path().name == "responses.sqlite"


def test_the_key_ignores_the_order_of_names_and_nothing_else() -> None:
    assert request_key({"a": 1, "b": [1, 2]}, 0) == request_key({"b": [1, 2], "a": 1}, 0)
    assert request_key({"a": 1}, 0) != request_key({"a": 1}, 1)
    assert request_key({"b": [1, 2]}, 0) != request_key({"b": [2, 1]}, 0)
    assert len(request_key({"text": "\ud800"}, 0)) == 32
