"""`rlkd-data` as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cli(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; keys of the fake providers are set, the Hub is not asked."""
    return subprocess.run(
        [sys.executable, "-c", "from rlkd_data.cli import main; main()", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "HF_HUB_OFFLINE": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
