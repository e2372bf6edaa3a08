"""What was paid for before the files moved is still found: the same requests have the same store keys, and the same
replies become the same rows.

`tests/data/before_the_move` was made by rlkd at 6b73093: its response store, and the rows of four tables. No server
runs here, so a request whose key had changed would fail.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.local import LocalBackend
from rlkd_data.chat.store import request_key
from rlkd_data.chat.types import Request
from rlkd_data.prompts import gsrm_messages
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Sampling, TableSchema
from rlkd_data.tables import read_table
from tests.support.cli import cli

BEFORE = Path(__file__).parents[1] / "data" / "before_the_move"
SOURCE = Path(__file__).parents[1] / "data" / "collect" / "gsm8k.jsonl"
KEYS = ["155360a08dd19490", "1be10bc8b111946d"]
"""Of two requests of a local model, greedy and drawn."""
OPENAI, ANTHROPIC = "http://127.0.0.1:18399/v1", "http://127.0.0.1:18398"


def rows(folder: Path, schema: TableSchema[Any]) -> list[dict[str, Any]]:
    found = [row for batch in read_table(folder, schema) for row in batch.to_pylist()]
    plain = json.loads(json.dumps(found, default=str))
    return sorted(plain, key=lambda row: json.dumps(row, sort_keys=True))


def test_ids_tables_and_store_keys_are_as_before(tmp_path: Path) -> None:
    shutil.copy(BEFORE / "responses.sqlite", tmp_path / "store.sqlite")
    before = json.loads((BEFORE / "rows.json").read_text(encoding="utf-8"))
    kept = ["--store", tmp_path / "store.sqlite", "--base-url"]
    sampled = ["--teacher", "openai:teacher", "--samples", 2, "--temperature", 0.7, "--seed", 3]
    commands: dict[str, list[Any]] = {
        "sampled": ["collect", SOURCE, *sampled, *kept, OPENAI],
        "few_shot": ["decompose", tmp_path / "sampled", "--annotator", "openai:annotator", *kept, OPENAI],
        "as_json": [
            *["decompose", tmp_path / "sampled", "--annotator", "anthropic:annotator", "--format", "json"],
            *[*kept, ANTHROPIC],
        ],
        "zero_shot": [
            *["decompose", tmp_path / "sampled", "--annotator", "openai:gsrm", "--prompt", "zero-shot"],
            *["--max-tokens", 600, *kept, OPENAI],
        ],
    }
    for name, command in commands.items():
        done = cli(*command, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        schema = TRACES if name == "sampled" else DECOMPOSITIONS
        expected = sorted(before[name], key=lambda row: json.dumps(row, sort_keys=True))
        for row, old in zip(rows(tmp_path / name, schema), expected, strict=True):
            assert {key: row[key] for key in old} == old


def test_a_local_models_requests_have_the_keys_they_had() -> None:
    backend = LocalBackend.__new__(LocalBackend)  # the key needs the weights' name, not the weights
    backend.model, backend._identity = "local:gsrm-smollm2", "gsrm-smollm2@0123456789abcdef"
    messages = gsrm_messages("How many eggs?", "There are 3 and 4, so 7.")
    greedy = Request(messages, Sampling(temperature=0.0, max_tokens=400))
    drawn = Request(messages, Sampling(temperature=0.7, top_p=0.95, max_tokens=160, seed=0, sample_index=1), ("\n\n",))
    assert [request_key(backend.wire(one), one.sampling.sample_index).hex()[:16] for one in (greedy, drawn)] == KEYS
