"""Columns laid out by hand are those that Arrow makes of the same values."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlkd_data.columns import column_of, table_of

_TEXT = st.text(st.characters(codec="utf-8"), max_size=9)
_INT = st.integers(-(1 << 63), (1 << 63) - 1)
_TIME = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
_INNER = pa.struct([pa.field("n", pa.int64()), pa.field("t", pa.string())])
_RECORD = st.fixed_dictionaries({"n": st.none() | _INT}, optional={"t": st.none() | _TEXT})
_KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.string(), _TEXT),
    (pa.bool_(), st.booleans()),
    (pa.int64(), _INT),
    (pa.float64(), st.floats() | st.integers(-(1 << 40), 1 << 40)),
    (pa.timestamp("us", tz="UTC"), _TIME),
    (_INNER, _RECORD),
    (pa.list_(pa.string()), st.lists(st.none() | _TEXT, max_size=4)),
    (pa.list_(_INNER), st.lists(st.none() | _RECORD, max_size=4)),
]


@pytest.mark.parametrize(("kind", "values"), _KINDS, ids=[str(kind)[:20] for kind, _ in _KINDS])
@given(data=st.data())
def test_a_column_is_what_arrow_makes(kind: pa.DataType, values: st.SearchStrategy[Any], data: st.DataObject) -> None:
    given_ = data.draw(st.lists(st.none() | values, max_size=40))
    made = column_of(given_, kind)
    made.validate(full=True)
    assert made.type == kind and made.null_count == sum(value is None for value in given_)
    assert repr(made.to_pylist()) == repr(pa.array(given_, kind).to_pylist())


@pytest.mark.parametrize(
    ("kind", "values"),
    [(pa.int64(), [1 << 63]), (pa.int64(), ["1"]), (pa.int64(), [True]), (pa.string(), [1]), (_INNER, [3])],
)
def test_what_is_not_of_its_type_is_arrow_s_to_say(kind: pa.DataType, values: list[Any]) -> None:
    wanted: Any
    try:
        wanted = pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError) as problem:
        wanted = type(problem)
    if isinstance(wanted, type):
        with pytest.raises(wanted):
            column_of(values, kind)
    else:
        assert column_of(values, kind) == wanted


def test_half_a_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        table_of([{"a": "\ud800"}], pa.schema([pa.field("a", pa.string())]))


def test_a_table_is_written_and_read_without_pandas() -> None:
    code = """
import pathlib, sys, tempfile
from rlkd_data.schema import BRANCHES, Branch, Passage
from rlkd_data.tables import TableWriter, read_rows
row = Branch("p", "t", "math", 1, None, 0, "m", "s", "a", (Passage("x", 1),), "judge")
with tempfile.TemporaryDirectory() as folder:
    with TableWriter(pathlib.Path(folder), BRANCHES) as writer:
        writer.add(row)
    assert list(read_rows(pathlib.Path(folder), BRANCHES)) == [row]
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
