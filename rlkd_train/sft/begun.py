"""What the main process of a supervised run tells the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Begun:
    """What every process of a run must know of its beginning. `checkpointing`: activations are computed again."""

    examples: Path
    checkpoint: Path | None
    checkpointing: bool
