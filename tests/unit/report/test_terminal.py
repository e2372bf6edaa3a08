import io

import pytest
from rich.console import Console

from rlkd_data.errors import TableError
from rlkd_data.report.terminal import inspect_table
from tests.support.report_rows import decomposed, trace, write_decompositions, write_parquet, write_stage, write_traces


def inspected(folder):
    stream = io.StringIO()
    inspect_table(folder, Console(file=stream, width=120))
    return stream.getvalue()


def test_a_row_is_laid_out_as_steps(tmp_path):
    write_stage(tmp_path, "decompose", settings={"annotator": "openai:gpt-4o"}, finished_at="2026-01-01")
    shown = inspected(write_decompositions(tmp_path, [decomposed(trace("t1"))]))
    assert "1 rows, made by decompose with openai:gpt-4o, done 2026-01-01" in shown
    at = [shown.index(part) for part in ("step 1", "Begin with the eggs", "2 * 4 = 8", "step 2", "How many in all?")]
    assert at == sorted(at)


def test_columns_counts_and_rejections_are_shown(tmp_path):
    rows = [trace("t1"), trace("t2", correct=False), trace("t3", correct=False)]
    shown = inspected(write_traces(tmp_path, rows, [(trace("t4"), "truncated"), (trace("t5"), "truncated")]))
    assert "3 rows" in shown
    assert "{prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens}" in shown
    lines = [line.split() for line in shown.splitlines()]
    assert ["is_correct", "2", "false"] in lines
    assert ["1", "true"] in lines
    assert ["reason", "2", "truncated"] in lines


def test_a_table_of_rejected_rows_alone_shows_one_of_them(tmp_path):
    shown = inspected(write_decompositions(tmp_path, [], [(decomposed(trace("t1"), raw="I cannot."), "no_steps")]))
    assert "0 rows" in shown
    assert "I cannot." in shown


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    shown = inspected(
        write_traces(tmp_path, [trace("t1", problem="a\x1b]0;owned\x07b\x9b31m [bold]c", teacher="\x1b[2J")])
    )
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}
    assert "a␛]0;owned␇b�31m [bold]c" in shown


def test_a_parquet_file_of_somebody_else_is_shown_too(tmp_path):
    write_parquet(tmp_path, [{"question": "How many eggs?", "n": 3}])
    assert "How many eggs?" in inspected(tmp_path)
    assert "1 rows" in inspected(tmp_path / "part-00000.parquet")


def test_a_folder_without_a_table_is_refused_by_name(tmp_path):
    with pytest.raises(TableError, match=str(tmp_path)):
        inspect_table(tmp_path, Console(file=io.StringIO()))
