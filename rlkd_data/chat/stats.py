"""What a client did: how often it asked, and the tokens of what came."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlkd_data.schema import Usage


@dataclass
class Stats:
    """What a client did.

    `asked`: requests that went to the backend, each counted once; `retries`: the tries after the first; `merged`:
    those that shared the reply of the same request in flight. `usage` counts only replies that were asked for now.
    """

    asked: int = 0
    from_store: int = 0
    merged: int = 0
    retries: int = 0
    failed: int = 0
    usage: Usage = field(default_factory=Usage)

    def add(self, usage: Usage) -> None:
        self.usage = Usage(
            self.usage.prompt_tokens + usage.prompt_tokens,
            self.usage.cached_tokens + usage.cached_tokens,
            self.usage.completion_tokens + usage.completion_tokens,
            self.usage.reasoning_tokens + usage.reasoning_tokens,
        )
