"""`--base-url` given twice, against servers in processes of their own."""

import pytest

from rlkd_data.schema import TRACES
from rlkd_data.tables import read_rows
from tests.support.command_line import run_here
from tests.support.servers import running_openai_server


@pytest.fixture
def collect(tmp_path, monkeypatch, capsys):
    def run(out, *urls):
        flags = [part for url in urls for part in ("--base-url", url)]
        made = ["collect", "gsm8k-quickstart", "--teacher", "openai:m", "--store", tmp_path / "store.sqlite"]
        ended = run_here("rlkd-data", *made, *flags, "--out", tmp_path / out, monkeypatch=monkeypatch, capsys=capsys)
        assert ended.status == 0, ended.err
        return {row.server for row in read_rows(tmp_path / out, TRACES)}, ended.err

    return run


def test_servers_share_the_work_and_nothing_is_paid_for_twice(collect):
    with running_openai_server(latency=0.05) as first, running_openai_server(latency=0.05) as second:
        assert collect("both", first.base_url, second.base_url)[0] == {first.base_url, second.base_url}
        # the first alone has every reply, whoever gave it
        assert collect("one", first.base_url)[0] == {first.base_url, second.base_url}
        counts = [server.stats()["answered"] for server in (first, second)]
        assert sum(counts) == 40 and all(counts)


def test_a_pool_of_which_one_is_dead_goes_on(collect):
    with running_openai_server() as dead:
        gone = dead.base_url
    with running_openai_server(latency=0.05) as alive:
        servers, said = collect("out", gone, alive.base_url)
        assert servers == {alive.base_url} and said.count("left out, and tried again later") == 1
