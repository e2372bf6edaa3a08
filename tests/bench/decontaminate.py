"""How fast problems are held against benchmarks, beside a plain Python loop over sets of n-grams, in the same run.

    python tests/bench/decontaminate.py [--problems FILE.jsonl] [--benchmark FILE.jsonl] [--rows 100000] [--ngram 8]

Without files the problems are those that the pipelines ship, repeated, each time with a few words changed, and the
benchmark is every fourth of them. Problems come in batches of 256, as `collect` gives them. The floor is the time to
read the problems' bytes once from memory, at the bandwidth that copying a large array reaches here.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlkd_data.collect.decontaminate import Benchmark, Decontaminator
from rlkd_data.run.resources import resource

_WORD = re.compile(r"\w+")
_BATCH = 256


def read(path: Path) -> list[str]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [row.get("problem") or row["question"] for row in rows]


def changed(problem: str, draw: random.Random) -> str:
    """Every fourth word replaced, so that a row shares little with the one that it was made of."""
    words = problem.split(" ")
    return " ".join(f"w{draw.randrange(10**6)}" if draw.random() < 0.25 else word for word in words)


def grams(problem: str, n: int) -> list[str]:
    words = _WORD.findall(problem.lower())
    return [" ".join(words[at : at + n]) for at in range(len(words) - n + 1)]


def plain(problems: Sequence[str], benchmark: Sequence[str], n: int) -> tuple[int, float, float]:
    """Hits, seconds to build and seconds to look up."""
    start = time.perf_counter()
    known = {gram for problem in benchmark for gram in grams(problem, n)}
    built = time.perf_counter()
    hits = sum(any(gram in known for gram in grams(problem, n)) for problem in problems)
    return hits, built - start, time.perf_counter() - built


def ours(problems: Sequence[str], benchmark: Sequence[str], n: int) -> tuple[int, float, float]:
    start = time.perf_counter()
    held = Decontaminator([Benchmark("held", [(str(at), one) for at, one in enumerate(benchmark)])], n)
    built = time.perf_counter()
    hits, iterator = 0, iter(problems)
    while together := list(itertools.islice(iterator, _BATCH)):
        hits += sum(hit is not None for hit in held.find(together))
    return hits, built - start, time.perf_counter() - built


def bandwidth() -> float:
    """Bytes a second that can be read from memory."""
    block = np.ones(1 << 27, np.uint8)
    return max(block.nbytes / _timed(block.copy) for _ in range(3))


def _timed(work: object) -> float:
    assert callable(work)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=Path)
    parser.add_argument("--benchmark", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--ngram", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    shipped = asked.problems or resource("pipelines", "data", "gsm8k_socratic_test.jsonl")
    texts, draw = read(shipped), random.Random(0)
    benchmark = read(asked.benchmark) if asked.benchmark else texts[::4]
    problems = texts if asked.problems else []
    for at in range(asked.rows if not asked.problems else 0):
        problems.append(changed(texts[at % len(texts)], draw))
    size = sum(len(problem.encode()) for problem in problems)
    floor = size / bandwidth()
    print(json.dumps({"rows": len(problems), "megabytes": round(size / 1e6, 1), "benchmark_rows": len(benchmark)}))
    for name, work in {"rlkd": ours, "plain Python set": plain}.items():
        rounds = [work(problems, benchmark, asked.ngram) for _ in range(asked.repeats)]
        seconds = min(found[2] for found in rounds)
        figures = {
            "what": name,
            "hits": rounds[0][0],
            "build_seconds": round(min(found[1] for found in rounds), 3),
            "seconds": round(seconds, 3),
            "rows_per_second": round(len(problems) / seconds),
            "megabytes_per_second": round(size / 1e6 / seconds, 1),
            "times_the_floor": round(seconds / floor),
        }
        print(json.dumps(figures))
    print(json.dumps({"floor_seconds": round(floor, 5), "floor": "the problems' bytes read once from memory"}))


if __name__ == "__main__":
    main()
