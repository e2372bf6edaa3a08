"""The reward server: a real process, asked by a real HTTP client."""

from __future__ import annotations

import json
import pickle
import runpy
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.errors import InputError
from rlkd_data.prompts import student_messages
from rlkd_data.schema import DECOMPOSITIONS
from rlkd_data.tables import TableWriter, read_rows
from rlkd_train.reward.remote import RemoteReward
from tests.support.cli import run, start
from tests.support.forked import Forked
from tests.support.grpo_run import PROBLEMS, make_run
from tests.support.servers import RunningServer, running_openai_server

_ROOT = Path(__file__).resolve().parents[2]


def post(url: str, body: Any) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"{url}/score", data, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[tuple[str, Forked]]:
    process = start("rlkd-train", "reward-server", "--config", folder / "server.json", "--port", 0, *flags)
    try:
        url = process.first_line()
        assert url.startswith("http://127.0.0.1:"), process.printed("err")
        yield url, process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def models() -> Iterator[tuple[RunningServer, RunningServer]]:
    with (
        running_openai_server(reply_function="tests.support.grpo_run:decompose", latency=0.3) as gsrm,
        running_openai_server(reply_function="tests.support.grpo_run:say_yes_or_no") as judge,
    ):
        yield gsrm, judge


@pytest.fixture
def folder(tmp_path: Path, models: tuple[RunningServer, RunningServer]) -> Path:
    run = json.loads(make_run(tmp_path, models[0].base_url, models[1].base_url).read_text("utf-8"))
    settings = {"decompositions": run["decompositions"], "structure": run["structure"], "max_megabytes": 0.1}
    (tmp_path / "server.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


def known(folder: Path) -> list[tuple[str, str]]:
    return [(row.problem_id, row.problem) for row in read_rows(folder / "steps", DECOMPOSITIONS)]


def test_scores_come_with_reasons_winners_and_components_and_many_may_ask_at_once(folder: Path) -> None:
    (first, text), (second, _) = known(folder)
    assert text in PROBLEMS.values()
    with serving(folder) as (url, _):
        with urllib.request.urlopen(f"{url}/health", timeout=30) as response:
            assert json.load(response)["problems"] == 2
        message = [{"role": "assistant", "content": "<think>one\nand one</think>\\boxed{2}"}]
        body = {"completions": ["two steps", message, ""], "problem_ids": [first, second, first]}
        status, found = post(url, body)
        assert status == 200, found
        assert found["reasons"] == [None, None, None] and all(0 <= score <= 1 for score in found["scores"])
        assert found["scores"][2] == 0.0 and all(found["winners"])
        assert [one["n_steps"] > 0 for one in found["components"]] == [True, True, False]
        assert found["components"][1]["format"] == 1.0

        by_prompt = {"completions": ["two steps"] * 2, "prompts": [text, student_messages(text)[0].content]}
        assert post(url, by_prompt)[1]["scores"] == [found["scores"][0]] * 2

        bodies = [{"completions": [f"attempt {n}"], "problem_ids": [first]} for n in range(8)]
        alone = [post(url, one) for one in bodies]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda one: post(url, one), bodies)) == alone


def test_what_cannot_be_scored_is_refused_in_one_line(folder: Path) -> None:
    [(first, _), _] = known(folder)
    cases: list[tuple[Any, int, str]] = [
        (b"{", 400, "the body is not JSON"),
        (b"\xff\xfe\xff", 400, "the body is not JSON"),
        (b"[" * 50_000, 400, "the body is not JSON"),
        ([], 422, "the body has to be a JSON object"),
        ({"completions": "a"}, 422, "completions has to be a list"),
        ({"completions": ["a"], "problem_ids": []}, 422, "problem_ids has 0 entries, completions 1"),
        ({"completions": ["a"], "problem_ids": ["nobody"]}, 422, "unknown problem id 'nobody' (problem_ids[0])"),
        ({"completions": [3], "problem_ids": [first]}, 422, "completions[0] is neither a text nor"),
        ({"completions": ["a"]}, 422, "completion 0 has neither a problem id nor a prompt"),
        ({"completions": ["a"], "prompts": ["What?"]}, 422, "prompts[0] is no problem of the decompositions"),
        ({"completions": ["a"], "problem_ids": [first], "x": 1}, 422, "unknown field 'x'"),
        ({"completions": ["a" * 200_000], "problem_ids": [first]}, 413, "the body is larger than the 104,857 bytes"),
    ]
    with serving(folder) as (url, _):
        for body, status, line in cases:
            found = post(url, body)
            assert found[0] == status and found[1]["error"].startswith(line), (str(body)[:60], found)
            assert "\n" not in found[1]["error"]
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(f"{url}/nothing", timeout=30)
        assert missing.value.code == 404 and "POST /score" in json.load(missing.value)["error"]
        assert post(url, {"completions": [], "problem_ids": []})[0] == 200
        half = {"completions": ["half \ud83d of it", "whole"], "problem_ids": [first, first]}
        status, scored = post(url, half)
        assert status == 200 and scored["reasons"] == [None, None], scored


def test_a_token_is_asked_for_and_no_web_page_is_let_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [(first, _), _] = known(folder)
    monkeypatch.setenv("RLKD_TEST_TOKEN", "let-me-in")
    body = json.dumps({"completions": ["so"], "problem_ids": [first]}).encode()
    with serving(folder, "--set", "token_env=RLKD_TEST_TOKEN", "--set", "body_timeout=0.5") as (url, _):

        def status(**headers: str) -> int:
            try:
                with urllib.request.urlopen(urllib.request.Request(f"{url}/score", body, headers), timeout=60) as reply:
                    return int(reply.status)
            except urllib.error.HTTPError as refused:
                return refused.code

        right = {"Authorization": "Bearer let-me-in"}
        assert [status(), status(Authorization="Bearer no"), status(**right)] == [401, 401, 200]
        assert status(**right, Origin="http://evil.example") == 403
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as slow:
            head = f"POST /score HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer let-me-in\r\nContent-Length: 99\r\n"
            slow.sendall(head.encode() + b"\r\n{")
            assert b" 408 " in slow.recv(4096)


def test_an_outage_is_null_with_its_reason_never_zero(folder: Path) -> None:
    [(first, _), _] = known(folder)
    down = ["--set", "structure.base_url=http://127.0.0.1:9/v1", "--set", "structure.max_retries=0"]
    with serving(folder, *down) as (url, _):
        status, found = post(url, {"completions": ["so"], "problem_ids": [first]})
    assert status == 200 and found["scores"] == [None] and found["reasons"][0].startswith("gsrm:")


def test_sigterm_answers_what_is_in_flight_and_ends_well(
    folder: Path, models: tuple[RunningServer, RunningServer]
) -> None:
    [(first, _), _] = known(folder)
    models[0].reset()
    with serving(folder) as (url, process), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(post, url, {"completions": ["in flight"], "problem_ids": [first]})
        while not models[0].stats()["total"]:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert asked.result()[0] == 200
        assert process.wait(timeout=60) == 0


def test_a_server_without_tables_or_address_says_so(folder: Path) -> None:
    with TableWriter(folder / "empty", DECOMPOSITIONS):
        pass
    for flags, said in (
        (["--decompositions", str(folder / "empty")], "holds no table"),
        (["--set", "host=192.0.2.1"], "host 192.0.2.1 can be reached by others"),
        (["--set", "host=192.0.2.1", "--set", "token_env=OPENAI_API_KEY"], "cannot listen on 192.0.2.1:8900"),
        (["--set", "token_env=RLKD_NOBODY"], "RLKD_NOBODY is not set"),
        (["--set", "prot=1"], "unknown setting 'prot'"),
    ):
        done = run("rlkd-train", "reward-server", "--config", folder / "server.json", *flags)
        assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_other_trainers_ask_it_through_the_shipped_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [(first, _), (second, _)] = known(folder)
    texts, names = ["two steps", "another", ""], [first, second, first]
    with serving(folder) as (url, _):
        monkeypatch.setenv("RLKD_REWARD_URL", url)
        expected = post(url, {"completions": texts, "problem_ids": names})[1]["scores"]
        remote = pickle.loads(pickle.dumps(RemoteReward(url)))
        assert (remote.__name__, remote(texts, names)) == ("structure", expected)
        verl = runpy.run_path(str(_ROOT / "examples/verl_reward.py"))["compute_score"]
        infos = [{"problem_id": name} for name in names]
        assert verl(data_sources=[], solution_strs=texts, ground_truths=[], extra_infos=infos) == expected
        openrlhf = runpy.run_path(str(_ROOT / "examples/openrlhf_reward.py"))["reward_func"]
        found = openrlhf([f"P? {text}" for text in texts], ["P? "] * 3, names)
        assert found["rewards"].tolist() == pytest.approx(expected)
        with pytest.raises(InputError, match="refuses: unknown problem id 'nobody'"):
            remote(["a"], ["nobody"])
    with pytest.raises(InputError, match=r"no reward server answers at http://127.0.0.1:9"):
        RemoteReward("http://127.0.0.1:9", outage=0.0)(["a"], [first])


def test_who_wants_a_number_gets_the_mean_of_the_siblings(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = [None, 0.5, 1.0, None]
    monkeypatch.setattr(RemoteReward, "score", lambda *_: (scores, [None] * 4))
    assert RemoteReward("http://x").filled(["a"] * 4, ["p", "p", "p", "q"]) == [0.75, 0.5, 1.0, 0.0]


@pytest.mark.parametrize(
    ("package", "example", "name"),
    [("swift.rewards", "swift_reward", "Structure"), ("verifiers.v1", "verifiers_task", "ProblemsTaskset")],
)
def test_where_a_trainer_is_installed_its_file_loads(package: str, example: str, name: str) -> None:
    pytest.importorskip(package, exc_type=ImportError)
    assert name in runpy.run_path(str(_ROOT / f"examples/{example}.py"))
