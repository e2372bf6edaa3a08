"""What a fake annotator writes, for the model servers of tests (`--reply-function tests.support.annotator:NAME`).

Each reads the problem and the reasoning out of the request, as a model would, and nothing else.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.as_json import render_json
from rlkd_data.structure.numbers import result_of
from rlkd_data.structure.render import render

_ASKED = re.compile(r"\AProblem:\n(?P<problem>.*?)\n\nReasoning[^\n]*:\n(?P<reasoning>.*)\Z", re.DOTALL)


def asked(body: dict[str, Any]) -> tuple[str, str, int]:
    """(problem, reasoning, how many replies the annotator has given about them) of the last thing that was asked."""
    messages = [m for m in body["messages"] if m["role"] != "system"]
    at = max(i for i, m in enumerate(messages) if m["role"] == "user" and _ASKED.match(m["content"]))
    found = _ASKED.match(messages[at]["content"])
    assert found
    return found["problem"], found["reasoning"], sum(m["role"] == "assistant" for m in messages[at:])


def steps_of(reasoning: str) -> tuple[Step, ...]:
    """A faithful decomposition: each paragraph is a step whose answer is the paragraph."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", reasoning) if part.strip()]
    return tuple(
        Step(i, "It has to be seen what follows.", f"What does part {i} ({digest(part)}) find?", part)
        for i, part in enumerate(paragraphs, 1)
    )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def faithful(body: dict[str, Any]) -> dict[str, Any]:
    write = render_json if "response_format" in body or "output_config" in body else render
    return {"text": write(steps_of(asked(body)[1]))}


def cut_off(body: dict[str, Any]) -> dict[str, Any]:
    """A faithful reply, 300 characters at a time: it goes on where it was told that it stopped."""
    messages = body["messages"]
    said = messages[-2]["content"] if asked(body)[2] else ""
    whole = render(steps_of(asked(body)[1]))
    end = len(said) + 300
    return {"text": whole[len(said) : end], "finish_reason": "length" if end < len(whole) else "stop"}


def sloppy(body: dict[str, Any]) -> dict[str, Any]:
    """A reply that cannot be read, and a faithful one when it is told what was wrong."""
    told = body["messages"][-1]["content"]
    return (
        faithful(body) if "not marked in the form" in told else {"text": "First it counts the eggs. Then it is done."}
    )


def hostile(body: dict[str, Any]) -> dict[str, Any]:
    """One of many kinds of replies, chosen by the text: plausible, broken, invented, refused, empty, endless."""
    _, reasoning, replies = asked(body)
    good = steps_of(reasoning)
    text = render(good, result_of(reasoning))
    kinds = [
        {"text": text},
        {"text": "```\n" + text + "\n```"},
        {"text": "Sure!\n\n" + text.replace("[", "**[").replace("]:", "]:**")},
        {"text": text[: len(text) // 2], "finish_reason": "length"},
        {"text": text + "\n\n" + text},
        {"text": ""},
        {"text": "I am sorry, I cannot help with that.", "finish_reason": "refusal"},
        {"text": "</think>" + text.replace("Meta-reasoning", "Meat-reasoning").replace("Sub-problem", "Query")},
        {"text": render((Step(1, "m", "What is it? And why? How?", "31415926535 moons of cheese"),), "7")},
        {"text": "[Meta-reasoning 1]:\n" * 2000},
        {"text": render(tuple(reversed(good)))},
        {"text": reasoning},
        {"text": "<script>alert(1)</script>{{ 7 * 7 }}\x00\ud800" + text},
        {"text": '{"steps": [' * 500},
    ]
    return kinds[(int(digest(reasoning), 16) + replies) % len(kinds)]


def fickle(body: dict[str, Any]) -> dict[str, Any]:
    """A faithful decomposition without its last step, where it is sampled with another seed than 0."""
    steps = steps_of(asked(body)[1])
    return {"text": render(steps[:-1] if body.get("seed") else steps)}
