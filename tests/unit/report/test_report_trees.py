import pytest

from rlkd_data.report import gather as module
from rlkd_data.report.folders import find
from rlkd_data.report.gather import gather
from rlkd_data.report.trees import branching
from tests.support.report_rows import decomposed, trace, walk, write_branches, write_decompositions, write_traces

TRACES = {"a": walk("x", "y", "z"), "b": walk("x", "y"), "c": walk("x", "w")}


@pytest.fixture
def table(tmp_path):
    return write_branches(tmp_path / "branches", [(trace("t1"), TRACES)])


def test_a_branches_table_is_told_by_its_columns(table):
    assert [(folder.kind, folder.stage) for folder in find([table])] == [("branches", "branches")]


def test_a_tree_has_its_nodes_with_the_traces_through_them(table):
    [tree], total = branching([table], 10, 10_000)
    assert total == 1
    names = [one["id"] for one in tree["traces"]]
    shape = [
        (node, parent, question, {names[which] for which, _ in passages})
        for node, parent, _, question, _, passages in tree["nodes"]
    ]
    assert shape == [
        (1, None, "x", {"a", "b", "c"}),
        (2, 1, "y", {"a", "b"}),
        (3, 2, "z", {"a"}),
        (4, 1, "w", {"c"}),
    ]
    assert [step for *_, passages in tree["nodes"] for _, step in passages] == [1, 1, 1, 2, 2, 3, 2]


def test_traces_tell_whose_they_are_and_whether_they_are_right(table, tmp_path):
    rows = [trace("a", correct=True), trace("b", correct=False, teacher="openai:other")]
    write_traces(tmp_path / "traces", rows, [(trace("c", correct=None), "truncated")])
    [tree] = gather([tmp_path])["trees"]
    told = {one["id"]: (one["teacher"], one["correct"]) for one in tree["traces"]}
    assert told == {"a": ("openai:r1", True), "b": ("openai:other", False), "c": ("openai:r1", None)}


def test_without_a_traces_table_nothing_is_said_of_them(table):
    [tree] = gather([table])["trees"]
    assert {(one["teacher"], one["correct"]) for one in tree["traces"]} == {(None, None)}


def test_of_many_trees_a_part_is_taken_whole_and_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_TREES", 7)
    write_branches(tmp_path / "branches", [(trace(f"t{number}"), TRACES) for number in range(50)])
    found = gather([tmp_path])
    assert found["held"]["trees"] == [7, 50]
    assert [len(tree["nodes"]) for tree in found["trees"]] == [4] * 7


def test_trees_take_no_more_than_their_size(tmp_path):
    write_branches(tmp_path / "branches", [(trace(f"t{number}"), TRACES) for number in range(50)])
    trees, total = branching([tmp_path / "branches"], 500, 1000)
    assert 1 <= len(trees) < 20
    assert total == 50


def test_the_traces_of_a_tree_are_on_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_TRACES", 10)
    monkeypatch.setattr(module, "_EACH", 1)
    rows = [trace(f"t{number}") for number in range(200)]
    write_traces(tmp_path / "traces", rows)
    write_decompositions(tmp_path / "steps", [decomposed(row) for row in rows])
    write_branches(tmp_path / "branches", [(rows[0], {"t123": walk("x"), "t45": walk("x", "y")})])
    assert {"t123", "t45"} <= {row["id"] for row in gather([tmp_path])["rows"]}
