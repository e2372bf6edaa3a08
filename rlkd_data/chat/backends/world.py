"""The exact GSRM of rlkd's own world (`rlkd_data/world/`): a backend like any other, that reads instead of generating.

`local:world-gsrm` takes a trace apart by rules, without a fault, in no time: what a structure reward is worth in the
best case. A GSRM that is trained on its decompositions shows what errors cost.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.types import Rejected, Reply, Request
from rlkd_data.errors import InputError
from rlkd_data.schema import Usage
from rlkd_data.structure.render import render
from rlkd_data.world.read import steps
from rlkd_data.world.words import heard

NAME = "world-gsrm"
_VERSION = 1
"""Part of a request: another reading of the same text is another answer."""
_BEFORE = "\nReasoning"
"""What stands before the reasoning in the prompts of an annotator."""


class WorldBackend:
    """Decomposes traces of the world. Raises Rejected (`other_world`) for a text without a sentence of it."""

    model = f"local:{NAME}"
    default_concurrency = 64

    def wire(self, request: Request) -> dict[str, Any]:
        if request.schema_json is not None or request.top_logprobs is not None:
            raise InputError(f"{self.model} gives neither JSON schemas nor log-probabilities")
        return {
            "backend": "local",
            "model": f"{NAME} {_VERSION}",
            "text": request.messages[-1].content,
            "stop": list(request.stop),
        }

    async def ask(self, wire: dict[str, Any]) -> Reply:
        reasoning = wire["text"].rpartition(_BEFORE)[2]
        found = steps(reasoning)
        if not found:
            raise Rejected(f"{self.model} reads no sentence of its world in this text", reason="other_world")
        ends = [said.number for said in heard(reasoning) if said.kind == "makes"]
        text = render(found, str(ends[-1]) if ends else None)
        for stop in wire["stop"]:
            text = text.partition(stop)[0]
        return Reply(text, None, "stop", Usage(), self.model, datetime.now(UTC))

    async def close(self) -> None:
        pass
