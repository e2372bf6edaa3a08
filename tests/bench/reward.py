"""What a batch of structure scores costs: ours beside the call pattern of the public reference implementation.

    python tests/bench/reward.py [--judges llm llm-batched] [--wordings 4] [--words 1241] [--teacher-words 2637]
                                 [--decompose 1.5] [--judge 0.05] [--concurrency 32]

8 problems × 8 completions of 8 steps; a server in another process takes 1.5 s a decomposition and 50 ms a verdict, and
counts calls and tokens (words, of prompt and reply). Both sides decompose with the same prompt, get the same verdicts,
and have to come to the same scores. "first": nothing is known yet; "again": the same batch once more; "restarted": the
same batch in a new process's place, with what the store kept.

The floor is requests × latency ÷ requests at once: one kind of call after the other in a thread of the reference, both
kinds beside each other, through a client each, in ours. `--wordings` is in how
many ways students word the same thought: with 1000 hardly two completions share a pair, so nothing is saved by merging.
The lengths are medians of real traces: DeepSeek-R1 as the teacher, R1-Distill-Qwen-7B as the student; the shorter they
are, the larger the judge's part of the tokens, in which the two sides differ less.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlkd_train.config import StructureSettings
from rlkd_train.reward.structure import StructureReward
from tests.support.reference_pattern import ReferencePattern
from tests.support.reward_cases import Case, cases, decomposition
from tests.support.servers import RunningServer, running_priced_server

REFERENCE = "reference"


def measured(
    name: str, when: str, server: RunningServer, at_once: int, options: Any, score: Callable[[], list[float]]
) -> tuple[dict[str, Any], list[float]]:
    """One line of the result, and the scores."""
    server.reset()
    start = time.perf_counter()
    scores = score()
    seconds = time.perf_counter() - start
    stats = server.stats()
    calls, tokens = stats["calls"], stats["tokens"]
    work = calls["decompose"] * options.decompose, calls["judge"] * options.judge
    floor = (sum(work) if name == REFERENCE else max(work)) / at_once
    line = {
        "who": name,
        "when": when,
        "seconds": round(seconds, 3),
        "floor": round(floor, 3),
        "decompositions": calls["decompose"],
        "judge_calls": calls["judge"],
        "tokens": sum(tokens.values()),
        "judge_tokens": tokens["judge"],
        "most_at_once": stats["most_at_once"],
    }
    print(json.dumps(line), flush=True)
    return line, scores


def ours(
    server: RunningServer, batch: Sequence[Case], kind: str, options: Any, store: Path
) -> list[tuple[dict[str, Any], list[float]]]:
    chat = {"base_url": server.base_url, "store": str(store), "concurrency": options.concurrency}
    settings = StructureSettings.model_validate(
        {
            **chat,
            "gsrm": "openai:m",
            "normalise": "sum",
            "grounded": False,
            "judge": {**chat, "kind": kind, "model": "openai:m"},
        }
    )
    teachers = {case.problem_id: [decomposition(case)] for case in batch}
    lines = []

    def score(reward: StructureReward) -> list[float]:
        found = reward.score_texts([case.problem_id for case in batch], [case.text for case in batch])
        assert all(one.score is not None for one in found), [one.unscored for one in found if one.score is None][:3]
        return [one.score for one in found if one.score is not None]

    for whens in (("first", "again"), ("restarted",)):
        with StructureReward(settings, teachers) as reward:
            for when in whens:
                lines.append(measured(kind, when, server, options.concurrency, options, lambda r=reward: score(r)))  # type: ignore[misc]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judges", nargs="+", default=["llm", "llm-batched"])
    parser.add_argument("--wordings", type=int, default=4)
    parser.add_argument("--words", type=int, default=1241, help="of a student's reasoning")
    parser.add_argument("--teacher-words", type=int, default=2637, help="of a teacher's reasoning")
    parser.add_argument("--decompose", type=float, default=1.5)
    parser.add_argument("--judge", type=float, default=0.05)
    parser.add_argument("--concurrency", type=int, default=32, help="ours; the `openai:` backend's own")
    options = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    batch = list(cases(options.wordings, options.words, options.teacher_words))
    threads = min(32, (os.cpu_count() or 1) + 4)
    given = {name: getattr(options, name) for name in ("decompose", "judge", "wordings", "words", "teacher_words")}
    print(json.dumps({"completions": len(batch), "threads_of_the_reference": threads, **given}))
    with tempfile.TemporaryDirectory() as folder, running_priced_server(**given) as server:
        reference = ReferencePattern(server.base_url, server.base_url)
        before, expected = measured(REFERENCE, "every", server, threads, options, lambda: reference.score(batch))
        reference.close()
        for kind in options.judges:
            for line, scores in ours(server, batch, kind, options, Path(folder) / f"{kind}.sqlite"):
                assert scores == expected, "the two sides came to different scores"
                faster = before["seconds"] / line["seconds"]
                fewer = f", {before['tokens'] / line['tokens']:.2f} times fewer tokens" if line["tokens"] else ""
                print(f"{kind}, {line['when']}: same scores, {faster:.1f} times less wall time{fewer}", flush=True)


if __name__ == "__main__":
    main()
