"""Duplicate problems, and problems that stand in a benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlkd_data.collect.clean import Cleaner, Look, open_cleaner, read_benchmark
from rlkd_data.collect.decontaminate import Benchmark, Decontaminator
from rlkd_data.collect.dedupe import Deduplicator
from rlkd_data.collect.run import collect
from rlkd_data.config import CollectSettings
from rlkd_data.errors import InputError
from rlkd_data.run.resources import resource
from rlkd_data.schema import TRACES
from rlkd_data.tables import read_table

GSM8K = [
    json.loads(line)["problem"]
    for line in resource("pipelines", "data", "gsm8k_socratic_test.jsonl").read_text("utf-8").splitlines()
]
SHOP = (
    "Amanda received $50 as a gift. She plans to buy two cassette tapes that cost $9 each and a headphone set that "
    "costs $25, all of them in the shop at the corner. How much money will she have left?"
)


def found(problems: list[str], benchmark: list[str], n: int = 8) -> list[str | None]:
    held = Benchmark("held", [(f"row {number}", problem) for number, problem in enumerate(benchmark)])
    return [hit and hit.where for hit in Decontaminator([held], n).find(problems)]


def plain_grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = "".join(c if c.isalnum() or c == "_" else " " for c in text.lower()).split()
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}


@pytest.mark.parametrize("n", [1, 3, 8, 13])
def test_hits_are_those_of_a_plain_loop_over_runs_of_words(n: int) -> None:
    problems, benchmark = GSM8K[:150], GSM8K[100:130] + GSM8K[200:]
    known = set().union(*(plain_grams(one, n) for one in benchmark))
    expected = [bool(plain_grams(one, n) & known) for one in problems]
    assert [where is not None for where in found(problems, benchmark, n)] == expected
    assert sum(expected) >= 30


def test_a_hit_keeps_its_evidence() -> None:
    held = Benchmark("held", [("held.jsonl:1", GSM8K[5]), ("held.jsonl:2", f"Intro. {SHOP}")])
    (hit,) = Decontaminator([held]).find([f"Today {SHOP.upper()}"])
    assert hit is not None
    assert (hit.benchmark, hit.where, hit.shared, hit.total) == ("held", "held.jsonl:2", 40, 41)
    assert hit.matching.startswith("amanda received 50 as a gift she plans")
    assert "held, held.jsonl:2: 40 of 41 words in a row are the same: “amanda received" in str(hit)
    assert "the benchmark's problem: “Intro. Amanda" in str(hit)


def test_typing_does_not_hide_a_problem() -> None:
    typed = r"Let $\left(x\right)$ be real with $\dfrac{x}{2} = 3$. Find   the value\, of \textbf{x}, please."
    retyped = "let (x) be REAL with \\(\\frac{x}{2}=3\\) find the value of x please"
    assert found([retyped], [typed]) == ["row 0"]


def test_a_shorter_problem_is_met_only_by_the_same_text() -> None:
    benchmark = ["Compute $2 + 2$.", "Compute $2 + 2$ and then the square root of what you found."]
    assert found(["compute 2 + 2", "Compute 2 + 3", "2 + 2", ""], benchmark) == ["row 0", None, None, None]


def test_runs_do_not_reach_from_one_problem_into_the_next() -> None:
    words = "one two three four five six seven eight"
    assert found(["one two three four", "five six seven eight"], [words]) == [None, None]
    assert found([words], ["one two three four", "five six seven eight"]) == [None]
    assert found([], [words]) == []
    assert found([words], []) == [None]


def test_chinese_is_split_into_characters() -> None:
    assert found(["甲乙丙丁戊己庚辛壬癸"], ["子丑甲乙丙丁戊己庚辛寅卯"]) == ["row 0"]


def test_an_equal_hash_of_other_words_is_no_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Decontaminator([Benchmark("held", [("row", "a b c d e f g h")])])
    held._words = [b"a b c d e f g x".split()]  # as though two runs had one hash
    assert held.find(["a b c d e f g h"]) == [None]


def test_the_same_text_is_a_duplicate_and_another_number_is_not() -> None:
    for mode in ("exact", "near"):
        seen = Deduplicator(mode)
        assert seen.earlier(SHOP, "a") is None
        assert seen.earlier(f"  {SHOP.upper()}\n", "b") == ("a", 1.0)
        assert seen.earlier(SHOP.replace("$9", "$8"), "c") is None
        assert seen.earlier(SHOP.replace("two", "three"), "d") is None
        assert seen.earlier(SHOP.replace("money", "tape"), "e") is None
        assert seen.earlier(SHOP, "f", group="another teacher") is None
    assert Deduplicator("off").earlier(SHOP, "a") is Deduplicator("off").earlier(SHOP, "b") is None


def test_a_near_duplicate_differs_in_what_does_not_matter() -> None:
    long = SHOP.replace("Amanda", "Josie").replace(", all of them", " - all of them").replace(" - all", ", all")
    seen = Deduplicator("near", 0.9)
    assert seen.earlier(SHOP, "a") is None
    earlier = seen.earlier(long, "b")
    assert earlier is not None
    assert earlier[0] == "a"
    assert 0.9 <= earlier[1] < 1
    assert Deduplicator("exact").earlier(long, "b") is None


def test_no_two_real_problems_are_taken_for_the_same() -> None:
    seen = Deduplicator("near", 0.9)
    assert [seen.earlier(problem, str(at)) for at, problem in enumerate(GSM8K)] == [None] * len(GSM8K)


def test_samples_of_one_problem_that_follow_one_another_stay_together() -> None:
    seen = Deduplicator("exact", samples_follow=True)
    order = [("p", "a"), ("p", "b"), ("q", "c"), ("p", "d"), ("p", "e")]
    earlier = [seen.earlier(problem, where) for problem, where in order]
    assert earlier == [None, None, None, ("a", 1.0), ("a", 1.0)]


def test_rows_that_cannot_be_used_make_no_other_a_duplicate() -> None:
    rows = [("bad", SHOP), ("good", SHOP), ("again", SHOP)]
    cleaned = Cleaner(Deduplicator("exact")).each(
        rows, lambda row: None if row[0] == "bad" else Look(row[1], row[0], "teacher")
    )
    assert [unclean and (unclean.reason, unclean.detail) for _, unclean in cleaned] == [
        None,
        None,
        ("duplicate_problem", "again: the same problem as in good"),
    ]


def test_without_benchmarks_nothing_is_read_ahead() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    next(Cleaner(Deduplicator("exact")).each(numbers(), lambda number: Look(str(number), str(number))))
    assert taken == [0]


def test_a_benchmark_is_any_file_with_a_column_of_problems(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("Question,x\nWhat is it?,1\n")
    (tmp_path / "two.jsonl").write_text('{"text": "no"}\n')
    assert read_benchmark(str(tmp_path / "one.csv")).problems == [(f"{tmp_path / 'one.csv'}:row 1", "What is it?")]
    with pytest.raises(InputError, match=r"benchmark '.*two\.jsonl': .*two\.jsonl:1 has no text in a column problem"):
        read_benchmark(str(tmp_path / "two.jsonl"))
    with pytest.raises(InputError, match=r"benchmark 'aime99': no source 'aime99': .*did you mean"):
        open_cleaner(CollectSettings(source="x", decontaminate=("aime99",)))


def test_collect_keeps_what_it_leaves_out_with_the_reason(tmp_path: Path) -> None:
    rows = [
        {"problem": problem, "answer": "1", "reasoning": f"thought {at}", "response": "The answer is 1.", "model": "m"}
        for at, problem in enumerate([GSM8K[0], GSM8K[1], GSM8K[2], f"{GSM8K[0]} "])
    ]
    source, benchmark = tmp_path / "source.jsonl", tmp_path / "benchmark.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    benchmark.write_text(json.dumps({"question": f"Read this. {GSM8K[2]}"}))
    asked = {"source": str(source), "domain": "math", "decontaminate": (str(benchmark),)}
    result = collect(CollectSettings.model_validate(asked), tmp_path / "out")
    assert result.counts == {"ok": 2, "rejected:contaminated": 1, "rejected:duplicate_problem": 1}
    rejected = {
        row["reason"]: row["detail"]
        for batch in read_table(tmp_path / "out", TRACES, ["reason", "detail"], rejected=True)
        for row in batch.to_pylist()
    }
    assert rejected["contaminated"].startswith(f"benchmark.jsonl, {benchmark}:1: ")
    assert rejected["duplicate_problem"] == f"{source}:4: the same problem as in {source}:1"
