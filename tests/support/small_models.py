"""What a student, a GSRM and a judge answer on a fake server, each by the words it is asked: so a benchmark that needs
real models can be tried out without any."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.render import render


def answer(body: dict[str, Any]) -> dict[str, str]:
    asked: str = body["messages"][-1]["content"]
    if "Reasoning:" in asked:
        return {"text": _steps(asked.partition("Reasoning:")[2])}
    if "response_format" in body:
        pairs = re.split(r"^Pair \d+", asked, flags=re.MULTILINE)[1:]
        return {"text": json.dumps({str(n): _word(pair) for n, pair in enumerate(pairs, 1)})}
    if "yes or no" in asked:
        return {"text": _word(asked)}
    return {"text": f"Attempt {body.get('seed')} at it: {asked[-60:]}"}


def _word(text: str) -> str:
    return "no" if zlib.crc32(text.encode()) % 5 == 0 else "yes"


def _steps(reasoning: str) -> str:
    number = zlib.crc32(reasoning.encode())
    return render(
        [
            Step(
                n,
                f"Look at part {n} of {number}.",
                f"What is part {n} of {number}?",
                f"{n} + {number % 2} = {n + number % 2}",
            )
            for n in range(1, 2 + number % 3)
        ]
    )
