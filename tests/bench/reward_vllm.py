"""The structure reward on real models: the small GSRM and an LLM judge, each on a vLLM server.

    RLKD_VLLM_PYTHON=.venv-vllm/bin/python python tests/bench/reward_vllm.py [--problems 4] [--completions 4]
                                                                             [--judges llm llm-batched]

Completions of GSM8K problems are sampled from SmolLM2-135M, which also judges; the teacher is the problems' gold
solution, decomposed once by the same GSRM. Beside ours stands the call pattern of the public reference implementation,
with our judge's prompt and our reading of replies, so that both sides have the same work: what differs is what is asked
again, and when. (Scores may differ where numbers tell: then ours asks no judge.) Calls and tokens are vLLM's own
counts. The floor is the replies' tokens ÷ the rate at which this server generates a full batch, measured here first.
Says so and ends where there is no environment with vLLM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlkd_data.chat.models import resolve
from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Message, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.judges.base import Pair
from rlkd_data.judges.llm import LlmJudge, read_word
from rlkd_data.prompts import gsrm_messages, student_messages
from rlkd_data.resources import resource
from rlkd_data.schema import Sampling, Step, Usage
from rlkd_data.structure.align import PartName
from rlkd_train.config import StructureSettings
from rlkd_train.gsrm import whole_steps
from rlkd_train.structure_reward import StructureReward, figures
from tests.support.reference_pattern import ReferencePattern
from tests.support.reward_cases import Case, decomposition
from tests.support.vllm_server import counts, merge_adapter, python, running_vllm

STUDENT, GSRM = "student", "gsrm"

_TOKENS = 256
"""Of a completion, and of a decomposition, at most."""
_PARAGRAPH = "The days of a year, one after the other, with what is done on each of them:"


class SameQuestions(ReferencePattern):
    """The reference's call pattern with our questions and our reading of the replies."""

    def _same(self, part: PartName, problem: str, first: str, second: str) -> bool:
        request = LlmJudge.request(Pair(part, first, second, problem))
        text = self._ask(self._judge_client, self._judge, [{"role": "user", "content": request.messages[0].content}], 1)
        return read_word(text) is True

    def _steps(self, text: str) -> tuple[Step, ...]:
        steps = whole_steps(Reply(text, None, "stop", Usage(), "", datetime.now(UTC)))
        if isinstance(steps, str):
            raise ValueError(steps)
        return steps


async def ask(url: str, model: str, store: Path, requests: list[Request]) -> list[Reply]:
    chat = ChatSettings(base_url=f"{url}/v1", store=store, timeout=600)
    found: dict[int, Reply] = {}
    async with open_client(f"openai:{model}", chat) as client:
        async for number, reply in client.ask_all(enumerate(requests)):
            assert isinstance(reply, Reply), reply
            found[number] = reply
    return [found[number] for number in range(len(requests))]


def make_cases(student: str, gsrm: str, store: Path, problems: int, completions: int) -> list[Case]:
    """Real completions, and the teacher's solutions with their decompositions."""
    rows = [json.loads(line) for line in resource("pipelines", "data", "gsm8k_quickstart.jsonl").open(encoding="utf-8")]
    made: list[Case] = []
    for number, row in enumerate(rows):
        if len(made) == problems * completions:
            break
        problem, solution = row["problem"], re.sub(r"<<[^>]*>>", "", row["solution"])
        drawn = [
            Request(student_messages(problem), Sampling(temperature=0.7, max_tokens=_TOKENS, seed=n, sample_index=n))
            for n in range(completions)
        ]
        [teacher] = asyncio.run(
            ask(gsrm, GSRM, store, [Request(gsrm_messages(problem, solution), Sampling(0.0, max_tokens=_TOKENS))])
        )
        steps = whole_steps(teacher)
        if isinstance(steps, str):
            continue
        for reply in asyncio.run(ask(student, STUDENT, store, drawn)):
            case = Case(f"p{number}", problem, reply.text, reply.text, (), solution, steps)
            made.append(replace(case, reasoning=reply.text.strip()))
    return made


def generation_rate(url: str, model: str, store: Path) -> float:
    """Tokens a second that the server writes for 16 requests at once."""
    requests = [
        Request((Message("user", f"{_PARAGRAPH} year {n}"),), Sampling(temperature=1.0, max_tokens=128, seed=n))
        for n in range(16)
    ]
    start = time.perf_counter()
    replies = asyncio.run(ask(url, model, store, requests))
    return sum(reply.usage.completion_tokens for reply in replies) / (time.perf_counter() - start)


def both(urls: tuple[str, str]) -> dict[str, int]:
    """The counts of both servers together."""
    first, second = (counts(url) for url in urls)
    return {name: first[name] + second[name] for name in first}


def measured(
    name: str, when: str, urls: tuple[str, str], rate: float, work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    before, start = both(urls), time.perf_counter()
    found = work()
    seconds = time.perf_counter() - start
    spent = {key: value - before[key] for key, value in both(urls).items()}
    tokens = spent["prompt_tokens"] + spent["completion_tokens"]
    line = {
        "who": name,
        "when": when,
        "seconds": round(seconds, 2),
        "floor": round(spent["completion_tokens"] / rate, 2),
        "tokens": tokens,
        **spent,
        **found,
    }
    print(json.dumps(line), flush=True)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=4)
    parser.add_argument("--completions", type=int, default=4)
    parser.add_argument("--judges", nargs="+", default=["llm", "llm-batched"])
    options = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends with us
    interpreter = python()
    if interpreter is None:
        print("vLLM is not set up here: run scripts/setup_vllm.sh")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        merged, small = merge_adapter("gsrm-smollm2", folder / "merged"), resolve("smollm2-135m").path
        gsrm = stack.enter_context(running_vllm(interpreter, merged, GSRM, folder / "gsrm.log"))
        student = stack.enter_context(running_vllm(interpreter, small, STUDENT, folder / "student.log"))
        urls = (gsrm, student)
        for url, model in ((gsrm, GSRM), (student, STUDENT)):
            generation_rate(url, model, folder / f"warm-{model}.sqlite")
        rate = generation_rate(student, STUDENT, folder / "rate.sqlite")
        cases = make_cases(student, gsrm, folder / "cases.sqlite", options.problems, options.completions)
        print(json.dumps({"completions": len(cases), "tokens_per_second": round(rate, 1)}), flush=True)
        reference = SameQuestions(f"{gsrm}/v1", f"{student}/v1", GSRM, STUDENT, _TOKENS)
        theirs = measured("reference", "every", urls, rate, lambda: {"mean": _mean(reference.score(cases))})
        reference.close()
        for kind in options.judges:
            chat = {"store": str(folder / f"{kind}.sqlite")}
            judge = {**chat, "base_url": f"{student}/v1", "kind": kind, "model": f"openai:{STUDENT}"}
            settings = StructureSettings.model_validate(
                {
                    **chat,
                    "base_url": f"{gsrm}/v1",
                    "gsrm": f"openai:{GSRM}",
                    "max_tokens": _TOKENS,
                    "normalise": "sum",
                    "judge": judge,
                }
            )
            with StructureReward(settings, {case.problem_id: [decomposition(case)] for case in cases}) as reward:

                def work(reward: StructureReward = reward) -> dict[str, Any]:
                    found = reward.score_texts([case.problem_id for case in cases], [case.text for case in cases])
                    known = [one.score for one in found if one.score is not None]
                    return {"mean": _mean(known), **{key: round(value, 3) for key, value in figures(found).items()}}

                for when in ("first", "again"):
                    line = measured(kind, when, urls, rate, work)
                    faster, fewer = theirs["seconds"] / line["seconds"], theirs["tokens"] / max(1, line["tokens"])
                    told = f", {fewer:.2f} times fewer tokens" if line["tokens"] else ", no tokens"
                    print(f"{kind}, {when}: {faster:.1f} times less wall time{told}", flush=True)


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


if __name__ == "__main__":
    main()
