"""The structure reward on real models: the small GSRM and an LLM judge, each on a vLLM server.

    RLKD_VLLM_PYTHON=.venv-vllm/bin/python python tests/bench/reward_vllm.py [--problems 4] [--completions 4]
        [--judges llm llm-batched] [--same-decompositions] [--same-reading] [--fake]

Completions of GSM8K problems are sampled from SmolLM2-135M, which also judges; the teacher is the problems' gold
solution, decomposed once by the same GSRM. Beside ours stands the call pattern of the public reference implementation,
with our judge's prompt, so that both sides have the same work: what differs is what is asked again, and when. Calls and
tokens are vLLM's own counts. The floor is the replies' tokens ÷ the rate at which this server generates a full batch,
measured here first. Says so and ends where there is no environment with vLLM.

The two sides need not come to the same scores. A table says where they part, by the first thing that differs:

- a completion that fails is 0 in the reference and unscored in ours, so means are of what both scored;
- the reference decomposes the teacher's solution and the completion itself, and a model in bfloat16 does not write the
  same twice where the batch around it is another (`--same-decompositions`: both sides get the same, and neither count
  holds them);
- in ours numbers and equal texts need no judge; in the reference the judge decides all, by the word that it says first,
  not by its probability of yes (`--same-reading`: the reference decides and reads as ours does);
- the judge itself: `llm-batched` asks another question, and noise may move what is near the threshold.

With both options the scores of `llm` are the reference's, but for that noise. `--fake` runs all of it against this
repository's fake server: its figures mean nothing.
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
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.models import resolve
from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Message, Reply, Request
from rlkd_data.collect.normalise import split_reasoning
from rlkd_data.config import ChatSettings
from rlkd_data.prompts import gsrm_messages, student_messages
from rlkd_data.run.resources import resource
from rlkd_data.schema import Sampling
from rlkd_train.config import StructureSettings
from rlkd_train.reward.scorer import Structure, whole_steps
from rlkd_train.reward.structure import StructureReward, figures
from tests.support.compare_ways import Ways
from tests.support.reference_pattern import Trail
from tests.support.reward_cases import Case, decomposition
from tests.support.same_questions import SameQuestions
from tests.support.servers import running_openai_server
from tests.support.vllm_server import counts, merge_adapter, python, running_vllm

STUDENT, GSRM = "student", "gsrm"

_TOKENS = 256
"""Of a completion, and of a decomposition, at most."""
_PARAGRAPH = "The days of a year, one after the other, with what is done on each of them:"


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
        [teacher] = decomposed(gsrm, store, [(problem, solution)]).values()
        steps = whole_steps(teacher)
        if isinstance(steps, str):
            continue
        for reply in asyncio.run(ask(student, STUDENT, store, drawn)):
            reasoning = split_reasoning(reply.text).reasoning
            made.append(Case(f"p{number}", problem, reply.text, reasoning, (), solution, steps))
    return made


def decomposed(gsrm: str, store: Path, texts: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Reply]:
    """What the GSRM says to each (problem, reasoning); kept in `store`, where the same question finds it."""
    distinct = list(dict.fromkeys(texts))
    requests = [Request(gsrm_messages(*one), Sampling(temperature=0.0, max_tokens=_TOKENS)) for one in distinct]
    return dict(zip(distinct, asyncio.run(ask(gsrm, GSRM, store, requests)), strict=True))


def generation_rate(url: str, model: str, store: Path) -> float:
    """Tokens a second that the server writes for 16 requests at once."""
    requests = [
        Request((Message("user", f"{_PARAGRAPH} year {n}"),), Sampling(temperature=1.0, max_tokens=128, seed=n))
        for n in range(16)
    ]
    start = time.perf_counter()
    replies = asyncio.run(ask(url, model, store, requests))
    return sum(reply.usage.completion_tokens for reply in replies) / (time.perf_counter() - start)


@dataclass(frozen=True)
class Servers:
    """`count` gives the calls and tokens of the server at an address, so far."""

    gsrm: str
    student: str
    count: Callable[[str], dict[str, int]]

    def both(self) -> dict[str, int]:
        """The counts of both servers together."""
        first, second = self.count(self.gsrm), self.count(self.student)
        return {name: first[name] + second[name] for name in first}


def served(stack: ExitStack, folder: Path, fake: bool) -> Servers | None:
    """The two servers, which end with the stack; None where there is no vLLM."""
    if fake:
        reply = "tests.support.small_models:answer"
        running = [stack.enter_context(running_openai_server(reply_function=reply, latency=0.02)) for _ in range(2)]
        by_url = {one.base_url.removesuffix("/v1"): one for one in running}
        zeros = dict.fromkeys(("prompt_tokens", "completion_tokens"), 0)
        return Servers(*by_url, lambda url: {"calls": by_url[url].stats()["total"], **zeros})
    interpreter = python()
    if interpreter is None:
        return None
    merged, small = merge_adapter("gsrm-smollm2", folder / "merged"), resolve("smollm2-135m").path
    gsrm = stack.enter_context(running_vllm(interpreter, merged, GSRM, folder / "gsrm.log"))
    student = stack.enter_context(running_vllm(interpreter, small, STUDENT, folder / "student.log"))
    return Servers(gsrm, student, counts)


def measured(name: str, when: str, servers: Servers, rate: float, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    before, start = servers.both(), time.perf_counter()
    found = work()
    seconds = time.perf_counter() - start
    spent = {key: value - before[key] for key, value in servers.both().items()}
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


def settings_of(kind: str, servers: Servers, folder: Path, decompositions: Path | None) -> StructureSettings:
    """Ours; `decompositions` is a store that holds them already."""
    store = str(folder / f"{kind}.sqlite")
    judge = {"store": store, "base_url": f"{servers.student}/v1", "kind": kind, "model": f"openai:{STUDENT}"}
    return StructureSettings.model_validate(
        {
            "store": str(decompositions or store),
            "base_url": f"{servers.gsrm}/v1",
            "gsrm": f"openai:{GSRM}",
            "max_tokens": _TOKENS,
            "normalise": "sum",
            "grounded": False,  # as the reference: it takes the GSRM at its word
            "judge": judge,
        }
    )


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=4)
    parser.add_argument("--completions", type=int, default=4)
    parser.add_argument("--judges", nargs="+", default=["llm", "llm-batched"])
    parser.add_argument("--same-decompositions", action="store_true")
    parser.add_argument("--same-reading", action="store_true")
    parser.add_argument("--fake", action="store_true", help="try it out without vLLM")
    return parser.parse_args()


def main() -> None:
    options = options_of()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends with us
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = served(stack, folder, options.fake)
        if servers is None:
            print("vLLM is not set up here: run scripts/setup_vllm.sh")
            return
        for url, model in ((servers.gsrm, GSRM), (servers.student, STUDENT)):
            generation_rate(url, model, folder / f"warm-{model}.sqlite")
        rate = generation_rate(servers.student, STUDENT, folder / "rate.sqlite")
        store = folder / "cases.sqlite"
        cases = make_cases(servers.student, servers.gsrm, store, options.problems, options.completions)
        print(json.dumps({"completions": len(cases), "tokens_per_second": round(rate, 1)}), flush=True)
        known = None
        if options.same_decompositions:
            asked = [(one.problem, text) for one in cases for text in (one.reasoning, one.teacher_reasoning) if text]
            known = {text: reply.text for text, reply in decomposed(servers.gsrm, store, asked).items()}
        reference = SameQuestions(
            f"{servers.gsrm}/v1",
            f"{servers.student}/v1",
            GSRM,
            STUDENT,
            _TOKENS,
            decomposed=known,
            same_reading=options.same_reading,
        )
        trails: list[Trail] = []

        def ask_reference() -> dict[str, Any]:
            trails.extend(reference.trails(cases))
            return {
                "mean": _mean([one.score for one in trails]),
                "failed": sum(one.failed is not None for one in trails),
            }

        theirs = measured("reference", "every", servers, rate, ask_reference)
        reference.close()
        for kind in options.judges:
            settings = settings_of(kind, servers, folder, store if options.same_decompositions else None)
            found: list[Structure] = []
            with StructureReward(settings, {case.problem_id: [decomposition(case)] for case in cases}) as reward:

                def work(reward: StructureReward = reward, found: list[Structure] = found) -> dict[str, Any]:
                    found[:] = reward.score_texts([case.problem_id for case in cases], [case.text for case in cases])
                    known = [one.score for one in found if one.score is not None]
                    return {"mean": _mean(known), **{key: round(value, 3) for key, value in figures(found).items()}}

                for when in ("first", "again"):
                    line = measured(kind, when, servers, rate, work)
                    faster, fewer = theirs["seconds"] / line["seconds"], theirs["tokens"] / max(1, line["tokens"])
                    told = f", {fewer:.2f} times fewer tokens" if line["tokens"] else ", no tokens"
                    print(f"{kind}, {when}: {faster:.1f} times less wall time{told}", flush=True)
            print(f"\n{kind} beside the reference, completion by completion")
            for what, value in Ways(cases, trails, found).lines():
                print(f"  {what:<54} {value}")
            print(flush=True)


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


if __name__ == "__main__":
    main()
