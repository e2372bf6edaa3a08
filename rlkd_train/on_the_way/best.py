"""The weights of the best evaluation so far, beside the checkpoints, which come and go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from rlkd_data.files import write_whole

NOTE = "evaluation.json"
"""In the folder: the line of the evaluation that the weights were best in."""


def keep(model: Any, tokenizer: Any, folder: Path, base: str, line: dict[str, Any]) -> None:
    """Put the model's weights into `folder` in place of those that are there, as they are: whole weights, or an adapter
    on `base`. The folder appears whole or not at all."""
    from peft import PeftModel

    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    if isinstance(model, PeftModel):
        model.save_pretrained(temporary, save_embedding_layers=False, selected_adapters=[model.active_adapter])
        path = temporary / "adapter_config.json"
        told = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(told | {"base_model_name_or_path": base}, indent=2), encoding="utf-8")
    else:
        model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    write_whole(temporary / NOTE, json.dumps(line) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
