import tracemalloc
from array import array

from hypothesis import given
from hypothesis import strategies as st

from rlkd_data.report.histogram import histogram


def test_nothing_to_count():
    assert histogram([]) is None


def test_whole_numbers_have_a_bin_each():
    found = histogram([2, 3, 3, 5], whole=True)
    assert (found["low"], found["width"], found["counts"], found["open"]) == (2, 1, [1, 2, 0, 1], False)
    assert found["median"] == 3


def test_lengths_have_bins_of_a_round_width():
    found = histogram([0, 120, 999])
    assert found["width"] == 50
    assert (found["counts"][0], found["counts"][2], found["counts"][-1]) == (1, 1, 1)


def test_one_giant_does_not_stretch_the_axis():
    found = histogram([*range(1000), 1_000_000])
    assert found["open"]
    assert found["low"] + found["width"] * len(found["counts"]) < 2000
    assert found["most"] == 1_000_000


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200), st.booleans())
def test_every_value_is_in_one_bin(values, whole):
    found = histogram(values, whole=whole)
    assert sum(found["counts"]) == len(values)
    assert 1 <= len(found["counts"]) <= 60
    assert found["open"] or max(values) < found["low"] + found["width"] * len(found["counts"])


def test_a_million_values_take_the_room_of_an_array():
    values = array("I", range(1_000_000))
    tracemalloc.start()
    try:
        found = histogram(values)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(found["counts"]) == len(values)
    assert most < 6 * len(values), "bytes; as a list of numbers they take over 36 each"
