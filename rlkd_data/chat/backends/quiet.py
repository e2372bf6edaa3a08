"""transformers and peft without bars and warnings of their own: a person sees rlkd's progress, not its parts'."""

from __future__ import annotations

import warnings


def quieten() -> None:
    """Call before loading a model."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    # peft asks a model for what transformers has renamed; their users can do nothing about that
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
