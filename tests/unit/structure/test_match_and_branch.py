"""Matching of steps that keeps the order, and the branching structure of several traces."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from rlkd_data.schema import Step
from rlkd_data.structure.branch import Node, grow
from rlkd_data.structure.match import Overlap, match, step_count_agreement

WORDS = st.lists(st.sampled_from("abc"), max_size=6)


def steps(text: str) -> list[Step]:
    return [Step(number, f"choose {word}", f"what is {word}?", word) for number, word in enumerate(text.split(), 1)]


def merged(traces: Mapping[str, str], unknown: str = "") -> list[Node]:
    """The tree where steps are the same if they ask the same; nobody knows of steps about `unknown`."""
    growing = grow({name: steps(text) for name, text in traces.items()})
    try:
        pairs = next(growing)
        while True:
            pairs = growing.send([None if b.answer == unknown else a.sub_problem == b.sub_problem for a, b in pairs])
    except StopIteration as done:
        return list(done.value)


def shape(nodes: Sequence[Node]) -> list[tuple[int, int | None, str, list[str]]]:
    return [(one.node, one.parent, one.step.answer, [name for name, _ in one.traces]) for one in nodes]


@given(WORDS, WORDS)
def test_matching_is_the_longest_and_keeps_both_orders(left: list[str], right: list[str]) -> None:
    pairs = match(len(left), len(right), lambda i, j: left[i] == right[j])
    assert all(left[i] == right[j] for i, j in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(pairs))
    longest = max(
        size
        for size in range(len(left) + 1)
        for chosen in itertools.combinations(left, size)
        if _is_subsequence(chosen, right)
    )
    assert len(pairs) == longest


def _is_subsequence(chosen: Sequence[str], of: Sequence[str]) -> bool:
    rest = iter(of)
    return all(word in rest for word in chosen)


def test_overlap_counts_over_all_rows() -> None:
    whole = Overlap(4, 2, 2) + Overlap(0, 2, 0)
    assert (whole.precision, whole.recall, whole.f1) == (0.5, 0.5, 0.5)
    assert Overlap().f1 == 0.0
    assert step_count_agreement([(2, 2), (2, 3), (1, 1, 1)]) == 2 / 3
    assert step_count_agreement([]) is None


def test_shared_beginnings_are_one_node_and_alternatives_branch() -> None:
    nodes = merged({"t1": "a b c", "t2": "a b d", "t3": "a e", "t4": "f"})
    assert shape(nodes) == [
        (1, None, "a", ["t1", "t2", "t3"]),
        (2, 1, "b", ["t1", "t2"]),
        (3, 2, "c", ["t1"]),
        (4, 2, "d", ["t2"]),
        (5, 1, "e", ["t3"]),
        (6, None, "f", ["t4"]),
    ]
    assert [node.depth for node in nodes] == [1, 2, 3, 3, 2, 1]


def test_a_pair_without_a_verdict_is_not_merged() -> None:
    assert shape(merged({"t1": "a", "t2": "a"}, unknown="a")) == [(1, None, "a", ["t1"]), (2, None, "a", ["t2"])]


def test_nothing_to_merge() -> None:
    assert merged({}) == [] and merged({"t1": ""}) == []


@given(st.dictionaries(st.sampled_from(["t1", "t2", "t3", "t4"]), WORDS.map(" ".join)))
def test_every_step_of_every_trace_is_in_one_node(traces: dict[str, str]) -> None:
    nodes = merged(traces)
    by_number = {node.node: node for node in nodes}
    for name, text in traces.items():
        through = [(node, index) for node in nodes for trace, index in node.traces if trace == name]
        assert [index for _, index in sorted(through, key=lambda pair: pair[1])] == [s.index for s in steps(text)]
        for node, index in through:
            parent = by_number[node.parent].traces if node.parent else ()
            assert node.depth == index and (index == 1 or (name, index - 1) in parent)
