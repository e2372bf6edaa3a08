"""kill -9 loses at most what was in flight: no request that was answered is made again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.servers import RunningServer, running_openai_server

REQUESTS, CONCURRENCY, KILLS = 200, 8, 3

_CLIENT = """
import asyncio, sys
from pathlib import Path
from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Message, Reply, Request
from rlkd_data.config import ChatSettings

async def main(url, store, count, concurrency):
    settings = ChatSettings(base_url=url, store=Path(store), concurrency=int(concurrency))
    done = 0
    async with open_client("openai:m", settings) as client:
        async for _, reply in client.ask_all((i, Request((Message("user", f"p{i}"),))) for i in range(int(count))):
            done += isinstance(reply, Reply)
    print(done, client.stats.from_store)

asyncio.run(main(*sys.argv[1:]))
"""


def start(server: RunningServer, store: Path) -> "subprocess.Popen[str]":
    arguments = [server.base_url, str(store), str(REQUESTS), str(CONCURRENCY)]
    return subprocess.Popen([sys.executable, "-c", _CLIENT, *arguments], stdout=subprocess.PIPE, text=True)


def test_after_kills_all_is_answered_and_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite"
    with running_openai_server(latency=0.03) as server:
        for kill in range(1, KILLS + 1):
            client = start(server, store)
            while server.stats()["unique"] < kill * REQUESTS // (KILLS + 1):
                assert client.poll() is None
                time.sleep(0.005)
            os.kill(client.pid, signal.SIGKILL)
            client.communicate()
        last = start(server, store)
        out, _ = last.communicate(timeout=60)
        stats = server.stats()
    done, from_store = map(int, out.split())
    assert last.returncode == 0 and done == REQUESTS
    assert stats["unique"] == REQUESTS and stats["repeated"] <= KILLS * CONCURRENCY
    assert from_store >= KILLS * REQUESTS // (KILLS + 1) - KILLS * CONCURRENCY
