"""The reward server as a reward function, where what answers is gone, slow, or something else."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rlkd_data.errors import InputError
from rlkd_train.reward import remote
from rlkd_train.reward.remote import RemoteReward

GOOD = json.dumps({"scores": [0.5, None], "reasons": [None, "gsrm:empty"]}).encode()


class Script:
    """A server whose replies are those of `left`, then good ones: (status, body), or None for one that breaks off."""

    def __init__(self) -> None:
        self.left: list[tuple[int, bytes] | None] = []
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                said = outer.left.pop(0) if outer.left else (200, GOOD)
                status, body = said or (200, GOOD)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) + (0 if said else 9)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def script() -> Iterator[Script]:
    found = Script()
    yield found
    found.close()


def test_an_outage_is_waited_for(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(remote.time, "sleep", waited.append)
    script.left = [(503, b'{"error": "the server is stopping"}'), None, (503, b"")]
    reward = pickle.loads(pickle.dumps(RemoteReward(script.url)))
    assert reward(["a", "b"], ["p", "p"]) == [0.5, None]
    assert waited == [0.5, 1.0, 2.0] and script.asked == 4
    assert reward([], []) == [] and script.asked == 4


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((503, b'{"error": "the server is stopping"}'), "the reward server refuses: the server is stopping"),
        ((422, b'{"error": "unknown problem id"}'), "the reward server refuses: unknown problem id"),
        ((404, b"<html>"), "the reward server refuses: 404 Not Found"),
        (None, "no reward server answers at"),
        ((200, b"<html>\n<b>Welcome</b>"), "is no reward server of rlkd: '<html> <b>Welcome</b>'"),
        ((200, b"[1, 2]"), "is no reward server of rlkd"),
        ((200, b'{"scores": [0.5], "reasons": [null]}'), "is no reward server of rlkd"),
        ((200, b'{"scores": [0.5, "1"], "reasons": [null, null]}'), "is no reward server of rlkd"),
        ((200, b'{"scores": [0.5, NaN], "reasons": [null, null]}'), "is no reward server of rlkd"),
    ],
)
def test_what_is_no_score_is_one_line(script: Script, reply: tuple[int, bytes] | None, told: str) -> None:
    script.left = [reply]
    with pytest.raises(InputError) as raised:
        RemoteReward(script.url, outage=0.0)(["a", "b"], ["p", "p"])
    assert told in str(raised.value) and "\n" not in str(raised.value)
    assert script.asked == 1


def test_an_address_is_an_address() -> None:
    with pytest.raises(InputError, match="write it as http://HOST:PORT"):
        RemoteReward("localhost:8900")
