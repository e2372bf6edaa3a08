"""A GGUF file's weights and tokenizer as transformers keeps them. Slow enough to be done once."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch


def convert(folder: Path, file: str, to: Path) -> None:
    """Dequantise a GGUF file into safetensors (bfloat16, as the original weights are)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rlkd_data.chat.backends.quiet import quieten

    quieten()
    with contextlib.redirect_stderr(io.StringIO()), _read_once():  # a bar of the conversion's own, and three readings
        quantised = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    config = quantised.config
    del config.quantization_config  # its presence makes save_pretrained refuse
    config._name_or_path = ""
    with torch.device("meta"):  # its own weights would be drawn for nothing
        plain = AutoModelForCausalLM.from_config(config)
    plain.load_state_dict(quantised.state_dict(), assign=True)
    plain.tie_weights()
    plain.to(torch.bfloat16).save_pretrained(to)
    tokenizer.save_pretrained(to)


@contextlib.contextmanager
def _read_once() -> Iterator[None]:
    """transformers 5.24 reads a file for its configuration, its weights and its tokenizer anew, and makes the table of
    tensor names anew for each layer: for SmolLM2 that is three quarters of the conversion's time."""
    import gguf
    import numpy as np

    class Reader(gguf.GGUFReader):  # type: ignore[misc]
        """Its half a million small slices are of a plain array: slicing a memory map costs several times as much."""

        @property
        def data(self) -> Any:
            return self._data

        @data.setter
        def data(self, mapped: Any) -> None:
            self._data = np.asarray(mapped)

    with (
        patch.object(gguf, "GGUFReader", cache(Reader)),
        patch.object(gguf, "get_tensor_name_map", cache(gguf.get_tensor_name_map)),
    ):
        yield
