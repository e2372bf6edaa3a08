import pyarrow as pa
import pytest

from rlkd_data.publish import secrets
from rlkd_data.publish.secrets import in_batch, in_text
from rlkd_data.records import to_record
from rlkd_data.schema import DECOMPOSITIONS
from tests.support.report_rows import decomposed, trace

# put together here, so that no scanner takes this file for a leak
KEYS = {
    "OpenAI key": ["sk-" + "a1B2" * 6, "sk-proj-" + "x_Y-9" * 5],
    "Anthropic key": ["sk-ant-" + "api03-" + "Zz9_" * 6],
    "Hugging Face token": ["hf_" + "aBcD" * 9],
    "AWS key": ["AKIA" + "ABCD1234" * 2],
    "GitHub token": ["ghp_" + "a1B2" * 9, "github_pat_" + "11AB" * 6],
    "Slack token": ["xoxb-" + "123456789012-abc"],
    "Google key": ["AIza" + "Sy_12" * 7],
    "private key": ["-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"],
    "bearer token": ["Bearer " + "abc123def456" * 2],
}


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in KEYS.items() for key in keys])
def test_keys_are_found_and_shown_masked(kind: str, key: str) -> None:
    found = in_text(f"Then call it with {key}, and wait.")
    assert found is not None and found[0] == kind
    assert key not in found[1] and len(found[1]) <= 18


@pytest.mark.parametrize(
    "text",
    [
        "the risk-adjusted-return-of-the-portfolio-is-0.25",
        "a task-oriented disk-based sk-learn pipeline with hf_hub_download",
        "the bearer internationalisation of bonds",
        "Bearer of good news",
        "AKIAH is a name, and gh_pages a branch",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_plain_text_is_no_key(text: str) -> None:
    assert in_text(text) is None


def test_keys_are_found_at_any_depth_with_their_column_and_row() -> None:
    rows = [to_record(decomposed(trace(f"t{n}"))) for n in range(5)]
    rows[1]["steps"] = []
    rows[2]["steps"][1]["answer"] = f"use {KEYS['AWS key'][0]}"
    rows[3]["issues"] = ["fine", KEYS["GitHub token"][0]]
    rows[4]["raw"] = KEYS["private key"][0]
    rows[4]["final_answer"] = None
    batch = pa.RecordBatch.from_pylist(rows, schema=DECOMPOSITIONS.arrow)
    for start in (0, 1):  # a slice counts from its own first row
        found = {(one.column, one.row + start, one.kind) for one in in_batch(batch.slice(start))}
        assert found == {("steps.answer", 2, "AWS key"), ("issues", 3, "GitHub token"), ("raw", 4, "private key")}


@pytest.mark.parametrize("key", ["Zz9SENTINELodd", "sk-SENTINEL123", "a+b(c)[d]^$ e"])
def test_a_key_of_the_environment_is_found_whatever_its_shape(monkeypatch, key):
    monkeypatch.setenv("ODD_API_KEY", key)
    monkeypatch.setenv("OTHER_TOKEN", "none")
    text = f"Your header is Bearer {key}."
    assert secrets.in_text(text) == ("value of ODD_API_KEY", f"{key[:2]}…")
    batch = pa.RecordBatch.from_pydict({"a": ["none", text], "b": [{"c": ["none"]}, {"c": [text]}]})
    assert [(one.column, one.row, one.kind) for one in secrets.in_batch(batch)] == [
        ("a", 1, "value of ODD_API_KEY"),
        ("b.c", 1, "value of ODD_API_KEY"),
    ]


@pytest.mark.parametrize(("value", "said"), [("secret", True), ("Password", True), ("EMPTY", True), ("none", False)])
def test_a_plain_word_in_a_key_s_place_is_no_key_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, value: str, said: bool
) -> None:
    monkeypatch.setenv("ODD_API_KEY", value)
    assert in_text(f"Bob has a {value} number.") is None
    assert ("ODD_API_KEY" in secrets.unsought()) is said
