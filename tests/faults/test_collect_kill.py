"""collect is killed again and again: no row is lost, none is doubled, and no answered request is made again."""

import os
import signal
import time

from rlkd_data.schema import TRACES
from rlkd_data.tables import REJECTED, TableWriter, is_table, read_table
from tests.support.cli import start
from tests.support.servers import running_openai_server

PROBLEMS, SAMPLES, CONCURRENCY, KILLS = 40, 4, 8, 4


# Small shards, so that a kill also finds problems of which some rows are written and others are not.
def small_shards():
    TableWriter.__init__.__defaults__ = (3,)


def answer(body):
    """Right for even seeds; the tests' server calls it."""
    return {"text": f"It is \\boxed{{{4 + body['seed'] % 2}}}.", "reasoning": "Hm. " * (1 + body["seed"])}


def rows(out, rejected):
    if not is_table(out / REJECTED if rejected else out):
        return []
    batches = read_table(out, TRACES, ["problem_id", "sampling", "is_correct", "pass_rate"], rejected=rejected)
    return [row for batch in batches for row in batch.to_pylist()]


def test_after_kills_every_sample_is_there_once_and_each_problem_has_one_best(tmp_path):
    source, out = tmp_path / "s.jsonl", tmp_path / "t"
    source.write_text("".join(f'{{"problem": "p{n}", "answer": "4"}}\n' for n in range(PROBLEMS)))
    total = PROBLEMS * SAMPLES
    with running_openai_server(latency=0.02, reply_function="tests.faults.test_collect_kill:answer") as server:
        command = ["collect", source, "--teacher", "openai:m", "--samples", SAMPLES]
        command += ["--keep", "best", "--base-url", server.base_url, "--concurrency", CONCURRENCY, "--out", out]
        command += ["--store", tmp_path / "s.sqlite"]
        for kill in range(1, KILLS + 1):
            client = start("rlkd-data", *command, first=small_shards)
            while server.stats()["unique"] < kill * total // (KILLS + 1):
                assert client.poll() is None
                time.sleep(0.005)
            os.kill(client.pid, signal.SIGKILL)
            client.wait()
        last = start("rlkd-data", *command, first=small_shards)
        _, said = last.communicate()
        stats = server.stats()
    assert last.returncode == 0, said
    assert stats["unique"] == total and stats["repeated"] <= KILLS * CONCURRENCY
    kept, left = rows(out, False), rows(out, True)
    found = [(row["problem_id"], row["sampling"]["sample_index"]) for row in (*kept, *left)]
    assert len(found) == len(set(found)) == total
    assert len(kept) == len({row["problem_id"] for row in kept}) == PROBLEMS
    assert all(row["sampling"]["sample_index"] == 0 and row["is_correct"] for row in kept)
    assert {row["pass_rate"] for row in (*kept, *left)} == {0.5}


def test_a_source_is_taken_up_where_it_was_left(tmp_path):
    source, out = tmp_path / "s.jsonl", tmp_path / "t"
    lines = [
        f'{{"problem": "p{n // 3}", "answer": "4", "response": "{"Hm. " * (1 + n % 3)}The answer is 4."}}\n'
        for n in range(1500)
    ]
    source.write_text("".join(lines + lines[:30]))
    command = ["collect", source, "--keep", "best", "--out", out]
    for part in (30, 90):
        client = start("rlkd-data", *command, first=small_shards)
        while len(list(out.glob("part-*.parquet"))) < part and client.poll() is None:
            time.sleep(0.005)
        client.kill()
        client.wait()
    last = start("rlkd-data", *command, first=small_shards)
    _, said = last.communicate()
    assert last.returncode == 0, said
    kept, left = rows(out, False), rows(out, True)
    assert len(kept) == len({row["problem_id"] for row in kept}) == 500
    assert len(left) == 1000 + 30
