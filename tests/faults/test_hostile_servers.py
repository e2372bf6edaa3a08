"""Servers that redirect the prompt elsewhere, or answer without end, and addresses with a password in them."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import pytest

from rlkd_data.chat.backends import sdk
from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Hopeless, Retryable
from rlkd_data.collect import json_rows
from rlkd_data.collect.files import read_files
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from tests.integration.test_chat_broken_http import failure
from tests.support.cli import cli


@pytest.fixture(params=["aiohttp", "httpx"])
def _either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    if request.param == "httpx":
        find = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "aiohttp" else find(name))


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:9/v1", "http://[::bad/", "ftp://127.0.0.1/x", "//example.invalid/", "https://x.invalid"]
)
async def test_a_redirect_to_another_server_is_refused(tmp_path: Path, place: str) -> None:
    answer = f"HTTP/1.1 307 X\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    failed = await failure("openai:m", "/v1", answer, tmp_path / "store")
    assert isinstance(failed, Hopeless) and "redirects to another server" in str(failed)


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("packed", [False, True])
async def test_a_reply_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr(sdk, "LONGEST_REPLY", 1 << 20)
    body = b'{"a":"' + b"x" * (5 << 20)
    body = gzip.compress(body, 1) if packed else body
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n" + ("Content-Encoding: gzip\r\n" if packed else "")
    failed = await failure("openai:m", "/v1", f"{head}Connection: close\r\n\r\n".encode() + body, tmp_path / "store")
    assert isinstance(failed, Retryable) and "more than 1 MB, unpacked" in str(failed)


@pytest.mark.parametrize(
    "url",
    [
        "http://[user:PASSW0RD@host/v1",
        "http//user:PASSW0RD@host/v1",
        "https://user:PASSW0RD@host/v1",
        "https://host/v1?key=PASSW0RD",
        "https://host/v1#PASSW0RD",
        "http://host:PASSW0RD/v1",
    ],
)
def test_an_address_with_a_secret_is_refused_and_leaves_nothing(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="base_url") as refused:
        ChatSettings(base_url=url)
    assert "address" in str(refused.value) or "holds a name" in str(refused.value)
    if url.startswith("http://["):
        out = tmp_path / "out"
        done = cli("collect", "gsm8k-quickstart", "--out", out, "--teacher", "openai:m", "--base-url", url)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "PASSW0RD" not in done.stderr
        assert not out.exists()


def test_the_environments_address_is_read_with_the_same_eyes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://[user:PASSW0RD@host/v1")
    with pytest.raises(InputError, match="is not a web address") as refused:
        open_client("openai:m", ChatSettings(store=tmp_path / "s"))
    assert "PASSW0RD" not in str(refused.value)


def test_a_line_without_end_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "LONGEST_LINE", 1 << 20)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"problem": "' + b"x" * (3 << 20)))
    with pytest.raises(InputError, match=r"rows.jsonl.gz:1 is longer than 1 MB"):
        list(read_files(path))
