"""Examples as tokens, checkpoints that can be trusted, and a log without repeated steps."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest

from rlkd_data.chat.types import Message
from rlkd_data.errors import InputError
from rlkd_data.run.progress import Tally
from rlkd_train.sft.examples import IGNORED, Example, encode, write_examples


class Characters:
    """A tokenizer whose tokens are characters; the chat template writes `role:content|`."""

    eos_token_id = 0

    def apply_chat_template(self, messages, add_generation_prompt, tokenize):
        assert add_generation_prompt
        assert not tokenize
        return "".join(f"{m['role'][0]}:{m['content']}|" for m in messages) + "a:"

    def __call__(self, text, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": [ord(c) for c in text]}


ASK = (Message("user", "hi"),)


def rows(path):
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_stream(file).read_all().to_pylist()


def test_the_loss_counts_the_completion_and_its_end_alone():
    ids, labels = encode(Characters(), Example(ASK, "yes"))
    assert "".join(map(chr, ids[:-1])) == "u:hi|a:yes"
    assert labels == [IGNORED] * len("u:hi|a:") + [ord("y"), ord("e"), ord("s"), 0]


def test_an_example_that_is_too_long_is_left_out_and_counted(tmp_path):
    made, tokens = write_examples(
        Characters(), [Example(ASK, "y" * n) for n in (1, 50, 2)], tmp_path / "x.arrow", 20, "examples"
    )
    assert made == {"ok": 2, "rejected:too_long": 1}
    found = rows(tmp_path / "x.arrow")
    assert [row["length"] for row in found] == [len(row["input_ids"]) for row in found] == [9, 10]
    assert tokens == 19


def test_more_examples_than_a_batch_are_all_written(tmp_path):
    examples = (Example(ASK, str(n)) for n in range(600))
    made, _ = write_examples(Characters(), examples, tmp_path / "x.arrow", 100, "examples")
    assert made["ok"] == len(rows(tmp_path / "x.arrow")) == 600


def test_no_example_at_all_is_said_and_leaves_no_file(tmp_path):
    with pytest.raises(InputError, match="1 are longer than max_length=3"):
        write_examples(Characters(), [Example(ASK, "yes")], tmp_path / "x.arrow", 3, "examples")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_writer_leaves_no_examples_file(tmp_path):
    def broken():
        yield Example(ASK, "yes")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_examples(Characters(), broken(), tmp_path / "x.arrow", 100, "examples")
    assert not (tmp_path / "x.arrow").exists()


def checkpoint(folder, step, state):
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    if state is not None:
        (path / "trainer_state.json").write_text(state)
    return path


def test_a_half_written_checkpoint_is_passed_over(tmp_path):
    from rlkd_train.run_folder import last_checkpoint

    whole = checkpoint(tmp_path, 9, "{}")
    checkpoint(tmp_path, 2, "{}")
    torn = checkpoint(tmp_path, 10, '{"global_step": 1')
    empty = checkpoint(tmp_path, 11, None)
    assert last_checkpoint(tmp_path) == whole
    assert not torn.exists()
    assert not empty.exists()
    assert last_checkpoint(tmp_path / "nothing") is None


def test_a_run_that_goes_on_does_not_log_a_step_twice(tmp_path):
    from rlkd_train.run_folder import StepLog, read_log

    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"step": n, "loss": 1.0}) + "\n" for n in (1, 2, 3)) + '{"step": 4, "lo')
    progress = Tally("steps", None)
    callback = StepLog(log, progress)
    state = SimpleNamespace(global_step=2, max_steps=5)
    callback.on_train_begin(None, state, None)
    state.global_step = 3
    callback.on_step_end(None, state, None)
    callback.on_log(None, state, None, logs={"loss": 0.5})
    assert [(line["step"], line["loss"]) for line in read_log(tmp_path)] == [(1, 1.0), (2, 1.0), (3, 0.5)]
    assert (progress.done, progress.total) == (3, 5)
