"""A teacher that is loaded beside the student."""

from __future__ import annotations

from typing import Any

from rlkd_data.errors import InputError
from rlkd_train.config import DistillSettings


def load_teacher(settings: DistillSettings, student: Any, tokenizer: Any) -> Any:
    """The teacher's weights, frozen, of as many tokens as the student's. Raises InputError where it cannot be found,
    and where its tokens are others than the student's: their probabilities could not be compared.

    Models of a family share their tokens, but pad the table of them to different sizes (Qwen2.5's to 151,936 and
    152,064): what the teacher has beyond the student's is padding, and is cut off.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rlkd_data.chat.backends.models import resolve
    from rlkd_train.student import in_bfloat16

    found = resolve(settings.teacher.removeprefix("local:"))
    theirs = AutoTokenizer.from_pretrained(found.path).get_vocab()
    ours = tokenizer.get_vocab()
    if differing := sum(ours.get(token) != number for token, number in theirs.items()):
        raise InputError(
            f"teacher {settings.teacher}: {differing} of its {len(theirs)} tokens are not the student's: take a "
            "teacher of the student's family"
        )
    dtype = torch.bfloat16 if in_bfloat16(settings) else torch.float32
    model = AutoModelForCausalLM.from_pretrained(found.base.path if found.base else found.path, dtype=dtype)
    if found.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.path).merge_and_unload()
    size = student.config.get_text_config().vocab_size
    if (own := model.config.get_text_config().vocab_size) != size:
        if own < size:
            raise InputError(f"teacher {settings.teacher}: it has places for {own} tokens, the student for {size}")
        model.resize_token_embeddings(size)
    return model.requires_grad_(False).eval()
