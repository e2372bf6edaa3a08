"""Replies of a test server that plays an annotator, a GSRM and a teacher: what is asked tells which."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.render import render
from tests.support.fake_server import Answer, canonical

DECOMPOSE = "apart into"


def answer(body: dict[str, Any]) -> Answer:
    """A decomposition of the last message's reasoning, a step a line, where one is asked for; otherwise a solution
    whose answer depends on the whole request."""
    prompt = body["messages"][-1]["content"]
    everything = canonical(body)
    if DECOMPOSE in everything:
        lines = [line for line in prompt.partition("Reasoning:")[2].splitlines() if line.strip()] or ["nothing"]
        steps = [Step(n, f"Take up line {n}.", f"What does line {n} say?", line) for n, line in enumerate(lines[:8], 1)]
        found = re.findall(r"\d+", "\n".join(lines))
        return {"text": render(steps, found[-1] if found else None)}
    number = int.from_bytes(hashlib.sha256(everything.encode()).digest()[:2], "big")
    return {"text": f"The final answer is \\boxed{{{number}}}.", "reasoning": f"I add the parts.\nThat is {number}."}
