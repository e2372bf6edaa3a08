"""Exported files as they are taken: `datasets` loads each of them, and TRL trains on those that its trainer knows."""

import pytest

from rlkd_data.export.examples import Choice
from rlkd_data.export.run import ENDINGS, export
from rlkd_data.export.shapes import SHAPES
from rlkd_data.schema import TRACES
from tests.support.tiny_model import save_tiny_model
from tests.support.training_rows import trace, write

PROBLEM = "How much is 3*4?\n“Say.”"
ANSWER = "It is \\boxed{12}."
SAID = f"<think>\n3*4 is three fours.\n</think>\n\n{ANSWER}"


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    write(folder, TRACES, (trace(str(n), "3*4 is three fours.", ANSWER, problem=PROBLEM) for n in range(4)))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def loaded(path, cache):
    from datasets import load_dataset

    kind = "parquet" if path.suffix == ".parquet" else "json"
    return load_dataset(kind, data_files=str(path), cache_dir=str(cache))["train"]


READ = {
    "messages": lambda row: (row["messages"][0]["content"], row["messages"][1]["content"]),
    "sharegpt": lambda row: (row["conversations"][0]["value"], row["conversations"][1]["value"]),
    "alpaca": lambda row: (row["instruction"], row["output"]),
    "prompt-completion": lambda row: (row["prompt"][0]["content"], row["completion"][0]["content"]),
    "verl": lambda row: (row["prompt"][0]["content"], row["extra_info"]["response"]),
}


# datasets reads .zst only where the package zstandard is, which nothing here asks for
@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != ".jsonl.zst"])
@pytest.mark.parametrize("shape", SHAPES)
def test_datasets_loads_each_file(tmp_path, traces, shape, ending):
    export(traces, shape, str(tmp_path / f"out{ending}"))
    rows = loaded(tmp_path / f"out{ending}", tmp_path / "cache")
    assert [READ[shape](row) for row in rows] == [(PROBLEM, SAID)] * 4


@pytest.mark.parametrize(
    ("shape", "thought", "told", "learned"),
    [
        ("messages", "tags", SAID, f"<|user|>{PROBLEM}<|end|><|assistant|>{SAID}<|end|>"),
        ("messages", "beside", ANSWER, f"<|user|>{PROBLEM}<|end|><|assistant|>{ANSWER}<|end|>"),
        ("prompt-completion", "tags", SAID, f"{SAID}<|end|>"),
        ("prompt-completion", "none", ANSWER, f"{ANSWER}<|end|>"),
    ],
)
def test_trl_trains_on_conversations(tmp_path, traces, model, shape, thought, told, learned):
    """The tiny model's template knows no `reasoning_content`, so that reasoning beside the reply is not in its text."""
    from trl import SFTConfig, SFTTrainer

    export(traces, shape, str(tmp_path / "out.jsonl"), Choice(thought=thought))
    config = SFTConfig(
        output_dir=str(tmp_path / "run"),
        max_steps=3,
        per_device_train_batch_size=2,
        learning_rate=0.02,
        lr_scheduler_type="constant",
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
    )
    trainer = SFTTrainer(str(model), config, train_dataset=loaded(tmp_path / "out.jsonl", tmp_path / "cache"))
    batch = trainer.data_collator([trainer.train_dataset[0]])
    text = trainer.processing_class.decode(batch["input_ids"][0])
    assert text == f"<|user|>{PROBLEM}<|end|><|assistant|>{told}<|end|>"
    labels = batch["labels"][0].tolist()
    assert trainer.processing_class.decode([label for label in labels if label >= 0]) == learned
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 3 and losses[-1] < losses[0]
