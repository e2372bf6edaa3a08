"""The table of an evaluation, which is written whole at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlkd_data.tables import REJECTED, is_table, shards


def clear_table(out: Path) -> None:
    """Remove the shards of an earlier, interrupted evaluation."""
    for shard in shards(out) if is_table(out) else []:
        shard.unlink()
    shutil.rmtree(out / REJECTED, ignore_errors=True)
