"""A source in another order or in part, with lines that hold nothing, and the licence that it comes under."""

import json
from collections import Counter

import pytest

from rlkd_data.collect import hub
from rlkd_data.collect.adapters.base import Broken
from rlkd_data.collect.order import in_order
from rlkd_data.collect.sources import open_source
from rlkd_data.config import CollectSettings
from rlkd_data.errors import InputError

RECORDS = [(f"row {n}", {"problem": f"p{n}", "answer": n}) for n in range(100)]


def taken(**asked):
    return [record["answer"] for _, record in in_order(iter(RECORDS), asked.get("shuffle"), asked.get("sample"))]


def test_a_shuffle_is_the_same_order_for_a_seed():
    first = taken(shuffle=7)
    assert sorted(first) == list(range(100)) and first != sorted(first)
    assert taken(shuffle=7) == first and taken(shuffle=8) != first
    assert first[:5] == [83, 30, 73, 89, 55]  # on every machine


def test_a_sample_keeps_the_sources_order_and_grows_without_losing_rows():
    few, more = taken(sample=10), taken(sample=30)
    assert few == sorted(few) and len(few) == 10
    assert set(few) < set(more) and len(more) == 30
    assert taken(sample=10, shuffle=0) == taken(shuffle=0)[:10]
    assert taken(sample=500) == list(range(100))


def test_samples_are_even():
    counts = Counter(one for seed in range(300) for one in taken(sample=10, shuffle=seed))
    assert len(counts) == 100 and max(counts.values()) < 60  # 30 expected, deviation 5.2


def test_records_that_wait_are_as_they_were(monkeypatch):
    monkeypatch.setattr("rlkd_data.collect.order._IN_MEMORY", 64)
    records = [("a:1", {"problem": "é \ud83d"}), ("a:2", Broken("{", "a:2 is broken")), ("a:3", {"n": [1.5, None]})]
    found = dict(in_order(iter(records), 1, None))
    assert found == dict(records) and found["a:2"].detail == "a:2 is broken"


def opened(path, **settings):
    return open_source(CollectSettings(source=str(path), **settings))


def test_lines_without_a_row_are_told_and_kept(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join("{broken\n" if n in (0, 3, 4, 5, 6) else json.dumps({"problem": f"p{n}"}) + "\n" for n in range(9))
    )
    source = opened(path)
    found = [record for _, record in source.records]
    assert sum(isinstance(record, Broken) for record in found) == 5 and len(found) == 9
    assert capsys.readouterr().err.count("kept in rejected/, the rest goes on") == 3
    with pytest.raises(InputError, match=r"rows\.jsonl:1 is not JSON"):
        opened(path, strict=True)


def test_a_file_of_nothing_but_broken_lines_is_no_source(tmp_path):
    (tmp_path / "rows.jsonl").write_text("no JSON\n" * 50)
    with pytest.raises(InputError, match=r"rows\.jsonl:1 is not JSON"):
        opened(tmp_path / "rows.jsonl")


def test_limits_count_after_the_shuffle(tmp_path):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(record) + "\n" for _, record in RECORDS))
    found = [record["answer"] for _, record in opened(tmp_path / "rows.jsonl", shuffle=7, offset=2).records]
    assert found == taken(shuffle=7)[2:]


@pytest.mark.parametrize(
    ("name", "config", "asked", "license_"),
    [
        ("math500", None, ("HuggingFaceH4/MATH-500", None, "test"), "mit"),
        ("HuggingFaceH4/MATH-500", None, ("HuggingFaceH4/MATH-500", None, "test"), "mit"),
        ("huggingfaceh4/math-500", None, ("huggingfaceh4/math-500", None, "test"), "mit"),
        ("openai/gsm8k", None, ("openai/gsm8k", "main", "train"), "mit"),
        ("openai/gsm8k", "socratic", ("openai/gsm8k", "socratic", "train"), "mit"),
        ("simplescaling/s1K", None, ("simplescaling/s1K", None, "train"), "card's"),
        ("some/body", None, ("some/body", None, "train"), "card's"),
    ],
)
def test_a_known_set_is_known_by_its_hub_id_too(monkeypatch, name, config, asked, license_):
    called = []

    def hub_rows(*arguments):
        called.append(arguments[:3])
        return hub.HubRows(
            iter([("row 1", {"question": "q", "answer": "a ** b\n#### 1", "problem": "p"})]), name, "card's"
        )

    monkeypatch.setattr("rlkd_data.collect.hub.hub_rows", hub_rows)
    source = open_source(CollectSettings(source=name, config=config))
    assert (source.license, called) == (license_, [asked])


def test_files_at_an_address_are_a_source():
    import fsspec

    fsspec.filesystem("memory").pipe("/bucket/one/rows.jsonl", b'{"problem": "p"}\n')
    source = open_source(CollectSettings(source="memory://bucket/one/rows.jsonl"))
    assert [record for _, record in source.records] == [{"problem": "p"}] and source.license is None
