"""A real vLLM server on the CPU, asked through `openai:`."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.backends.models import resolve
from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Message, Rejected, Reply, Request
from rlkd_data.config import ChatSettings, DecomposeSettings, SamplingSettings
from rlkd_data.decompose.run import decompose
from rlkd_data.schema import DECOMPOSITIONS, Sampling
from rlkd_data.tables import read_table
from tests.support.traces import made_trace, write_made_traces
from tests.support.vllm_server import counts, running_vllm
from tests.support.vllm_server import python as usual_python

pytestmark = [pytest.mark.model, pytest.mark.slow]

NAME = "student"
SETUP = "run scripts/setup_vllm.sh, and set RLKD_VLLM_PYTHON where its folder is not the usual .venv-vllm"


def vllm_python() -> str:
    """The interpreter of an environment with vLLM; skips where there is none."""
    python = usual_python()
    if python is None:
        pytest.skip(f"vLLM is not set up here: {SETUP}")
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
    try:
        tried = subprocess.run([python, "-c", code], capture_output=True, timeout=180, check=False)
    except OSError as error:
        pytest.skip(f"{python} cannot be run ({error.strerror or error}): {SETUP}")
    if tried.returncode:
        pytest.skip(f"{python} has no vllm: {SETUP}")
    return python


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    interpreter, log = vllm_python(), tmp_path_factory.mktemp("vllm") / "log.txt"
    model, told = resolve("smollm2-135m").path, "--enable-prompt-tokens-details"
    with running_vllm(interpreter, model, NAME, log, told, context=4096, at_once=16) as url:
        yield url


def finished_requests(server: str) -> int:
    """How many requests the server has completed, by its own count."""
    return counts(server)["calls"]


async def ask_all(server: str, store: Path, requests: dict[Any, Request]) -> tuple[dict[Any, Any], Any]:
    settings = ChatSettings(base_url=f"{server}/v1", store=store, timeout=120, max_retries=2)
    async with open_client(f"openai:{NAME}", settings) as client:
        found = {key: reply async for key, reply in client.ask_all(requests.items())}
    return found, client.stats


def question(number: int, **sampling: Any) -> Request:
    message = Message("user", f"What is {number} + {number}? Answer in one sentence.")
    return Request((message,), Sampling(**({"temperature": 0.8, "max_tokens": 24, "seed": number} | sampling)))


async def test_texts_usage_and_log_probabilities_come_and_are_asked_for_once(server: str, tmp_path: Path) -> None:
    requests: dict[Any, Request] = {i: question(i) for i in range(8)}
    judge = (Message("user", "Is 2 + 2 equal to 4? Answer yes or no."),)
    requests["judge"] = Request(judge, Sampling(temperature=0.0, max_tokens=1), top_logprobs=5)
    requests["json"] = Request(
        (Message("user", "Name a colour as JSON."),),
        Sampling(temperature=0.0, max_tokens=40),
        schema_json='{"type": "object", "properties": {"n": {"type": "boolean"}}, "required": ["n"], '
        '"additionalProperties": false}',
    )
    before = finished_requests(server)
    found, stats = await ask_all(server, tmp_path / "s.sqlite", requests)
    assert all(isinstance(reply, Reply) for reply in found.values()), found
    assert finished_requests(server) - before == len(requests) == stats.asked

    for i in range(8):
        reply = found[i]
        assert reply.text.strip() and reply.model == NAME and reply.finish_reason in ("stop", "length")
        assert reply.usage.prompt_tokens > 10 and 0 < reply.usage.completion_tokens <= 24
    [position] = found["judge"].logprobs
    assert found["judge"].finish_reason == "length" and len(position["top_logprobs"]) == 5
    assert all(one["logprob"] <= 0 for one in position["top_logprobs"])
    assert re.fullmatch(r'\{\s*"n"\s*:\s*(true|false)\s*\}', found["json"].text.strip())

    again, stats = await ask_all(server, tmp_path / "s.sqlite", requests)
    assert again == found and stats.asked == 0 and stats.from_store == len(requests)
    assert finished_requests(server) - before == len(requests)


async def test_a_prompt_that_is_too_long_is_rejected_and_says_so(server: str, tmp_path: Path) -> None:
    long = Request((Message("user", "seven " * 6000),), Sampling(max_tokens=4))
    found, _ = await ask_all(server, tmp_path / "s.sqlite", {"long": long, "short": question(3)})
    assert isinstance(found["long"], Rejected) and found["long"].reason == "too_long"
    assert isinstance(found["short"], Reply)


def cached_by_prefix(server: str) -> int:
    """Prompt tokens that the server took from its prefix cache, by its own count."""
    return counts(server)["prefix_hits"]


def test_the_few_shot_prefix_of_a_domain_is_served_from_the_prefix_cache(server: str, tmp_path: Path) -> None:
    traces = [made_trace(number) for number in range(40, 43)]
    write_made_traces(tmp_path / "traces", traces)
    settings = DecomposeSettings(
        traces=(tmp_path / "traces",),
        annotator=f"openai:{NAME}",
        base_url=f"{server}/v1",
        store=tmp_path / "s.sqlite",
        sampling=SamplingSettings(temperature=0.0, max_tokens=4),
        concurrency=1,
        repairs=0,
        continuations=0,
    )
    before = cached_by_prefix(server)
    counts = decompose(settings, tmp_path / "out").counts
    assert sum(counts.values()) == len(traces), counts
    rows = [
        row
        for batch in read_table(tmp_path / "out", DECOMPOSITIONS, ["usage"], rejected=True)
        for row in batch.column("usage").to_pylist()
    ]
    assert len(rows) == len(traces)  # 4 tokens are no decomposition
    cached = sorted(usage["cached_tokens"] for usage in rows)
    shortest = min(usage["prompt_tokens"] for usage in rows)
    assert shortest > 800 and all(tokens > 0.75 * shortest for tokens in cached[1:])
    assert cached_by_prefix(server) - before >= sum(cached[1:]) > 0
