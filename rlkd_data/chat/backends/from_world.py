"""A student of rlkd's own world (`rlkd_data/world/`): a model of some hundred thousand weights that has learned nothing
yet, and a tokenizer that takes each sentence of the world as one token.

Whatever is no sentence of the world (the words of a prompt, line breaks) is nothing to this tokenizer, so that prompts
stay those that every student is asked with.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rlkd_data.world.words import any_sentence, heard, sentences

NAME = re.compile(r"world-student(?:-mod(\d{1,3}))?")
"""The name after `local:`, with another end of the scale than the world's usual one."""
MODULUS = 35
VERSION = 2
"""Of what `make` makes: another architecture, shape or vocabulary is another model. 1 was of Qwen2's type, whose
tokenizer transformers put in the place of its own."""
_PAD, _END, _ANSWERS = "<|pad|>", "<|end|>", "<|answers|>"
_THOUGHT = ("<think>", "</think>")
_STEPS = 16
"""Steps whose markers are tokens, so that a model of this world can learn to decompose as well."""
_TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}" + _END + "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}" + _ANSWERS + "{% endif %}"
)
_SHAPE = {"hidden_size": 96, "intermediate_size": 288, "num_hidden_layers": 3, "num_attention_heads": 4}
"""What learns this world on two cores within minutes. The architecture is Granite's, which is Llama's with multipliers:
transformers 5 gives models of a type that has a tokenizer of its own (Qwen2, Llama) that one, whatever their folder
says, and this type has none."""
_SPREAD = 0.05
"""Standard deviation of a sentence's vector."""
_POSITIONS = 8192
"""Far more than any text of the world has: who counts them by characters shall not cut one."""


def make(to: Path, modulus: int, seed: int = 0) -> None:
    """Write config, drawn weights and tokenizer to a folder that exists. The same on every machine for a seed."""
    import torch
    from transformers import GenerationConfig, GraniteConfig, GraniteForCausalLM

    from rlkd_data.chat.backends.quiet import quieten

    quieten()
    tokens = tokenizer(modulus)
    config = GraniteConfig(
        **_SHAPE,
        num_key_value_heads=_SHAPE["num_attention_heads"],
        attention_multiplier=(_SHAPE["hidden_size"] / _SHAPE["num_attention_heads"]) ** -0.5,
        vocab_size=len(tokens),
        max_position_embeddings=_POSITIONS,
        tie_word_embeddings=True,
        pad_token_id=tokens.pad_token_id,
        eos_token_id=tokens.eos_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GraniteForCausalLM(config)
        _compose(model.get_input_embeddings().weight, tokens.get_vocab(), modulus)
    model.generation_config = GenerationConfig(pad_token_id=tokens.pad_token_id, eos_token_id=tokens.eos_token_id)
    model.save_pretrained(to)
    tokens.save_pretrained(to)


def _compose(weight: Any, vocabulary: dict[str, int], modulus: int) -> None:
    """Give sentences that name the same thing or number something in common: the vector of each is the sum of drawn
    ones, of its form, its thing, its other thing and its number. Otherwise a model spends most of its training on
    finding out which of a thousand tokens speak of the same. A number is the sum of its remainders: adding on a scale
    of 35 is then adding on one of 5 and on one of 7, which small models learn."""
    import torch

    drawn: dict[Any, Any] = {}
    with torch.no_grad():
        for sentence, token in sorted(vocabulary.items(), key=lambda item: item[1]):
            for said in heard(sentence):
                parts: list[Any] = [said.kind]
                parts += [("thing", said.thing)] if said.thing else []
                parts += [("other", said.other)] if said.other else []
                if said.number is not None:
                    parts += [(factor, said.number % factor) for factor in factors(modulus)]
                for part in parts:
                    if part not in drawn:
                        drawn[part] = torch.randn(weight.shape[1])
                weight[token] = torch.stack([drawn[part] for part in parts]).sum(0) * (_SPREAD / len(parts) ** 0.5)


def factors(number: int) -> tuple[int, ...]:
    """The powers of primes whose product it is: a number below it is told by its remainders by them (the Chinese
    remainder theorem)."""
    found: list[int] = []
    prime = 2
    while number > 1:
        power = 1
        while number % prime == 0:
            number, power = number // prime, power * prime
        found += [power] if power > 1 else []
        prime += 1
    return tuple(found)


def tokenizer(modulus: int) -> Any:
    """The tokenizer of the world: a sentence, a tag of a thought or a marker of a step is a token."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    markers = [
        f"[{part} {step}]:" for step in range(1, _STEPS + 1) for part in ("Meta-reasoning", "Sub-problem", "Answer")
    ]
    known = [
        _PAD,
        _END,
        _ANSWERS,
        *_THOUGHT,
        *markers,
        "[Final answer]:",
        *map(str, range(modulus)),
        *sentences(modulus),
    ]
    pieces = rf"{'|'.join(map(re.escape, _THOUGHT))}|\[[A-Z][a-z-]+(?: \d+| answer)\]:|{any_sentence()}|(?<=\]: )\d+"
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(known)}, unk_token=_PAD))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(pieces), behavior="removed", invert=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=_PAD,
        eos_token=_END,
        additional_special_tokens=[_ANSWERS],
        padding_side="left",
        chat_template=_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=_POSITIONS,
    )
