"""Half of a surrogate pair is data, wherever it comes from."""

from __future__ import annotations

import pytest

from rlkd_data.chat.backends.openai import OpenAIBackend
from rlkd_data.chat.types import Message, Request
from rlkd_data.config import ChatSettings
from rlkd_data.surrogates import encodable


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("π 😀", "π 😀"),
        ("cut \ud83d", "cut \ufffd"),
        ("\ude00 cut", "\ufffd cut"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
    ],
)
def test_what_cannot_be_encoded_is_replaced_and_nothing_else(text: str, wanted: str) -> None:
    assert encodable(text) == wanted


def test_a_request_with_half_a_pair_can_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    backend = OpenAIBackend("m", ChatSettings())
    wire = backend.wire(Request((Message("user", "How many \ud83d?"),)))
    assert wire["body"]["messages"][0]["content"].encode() == "How many \ufffd?".encode()
