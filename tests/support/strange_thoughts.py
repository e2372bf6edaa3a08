"""Where servers put a thought, and replies that are none. Which is wanted stands in the prompt, `(way: NAME)`, so that
one run meets them all."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.strange_ways import ANSWER, THOUGHT, Said, Way, always, chat

HARMONY = ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>")
MARKS = {
    "tags": ("<think>\n", "\n</think>\n\n"),
    "brackets": ("[THINK]", "[/THINK]"),
    "seed": ("<seed:think>", "</seed:think>"),
    "kimi": ("◁think▷", "◁/think▷"),
    "harmony": HARMONY,
    "harmony_stripped": ("analysis", "assistantfinal"),
    "template_opened": ("", "\n</think>\n\n"),
}
"""What stands before a thought and behind it, in the text itself."""


def _apart(thought: str, said: str | None) -> dict[str, dict[str, Any]]:
    """Messages that hold a thought apart from what is said."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}, {"type": "text", "text": said}]
    details = [{"type": "reasoning.text", "text": thought[:30]}, {"type": "reasoning.text", "text": thought[30:]}]
    return {
        "reasoning_content": {"content": said, "reasoning_content": thought},
        "reasoning": {"content": said, "reasoning": thought},
        "parts": {"content": parts},
        "details": {"content": said, "reasoning_details": details},
        "twice": {"content": f"<think>{thought}</think>{said}", "reasoning": thought},
        "empty_tags_beside": {"content": f"<think>\n\n</think>\n\n{said}", "reasoning_content": thought},
    }


def thinking(thought: str, said: str) -> dict[str, Way]:
    """Every way in which a thought comes with what is said."""
    inside = {name: {"content": f"{opens}{thought}{closes}{said}"} for name, (opens, closes) in MARKS.items()}
    return {name: always(chat(message)) for name, message in (inside | _apart(thought, said)).items()}


def _unpriced(message: dict[str, Any]) -> Said:
    said = chat(message)
    del said.body["usage"]
    return said


WITHDRAWN = "So \\boxed{42}? No: two more fell, so the answer is \\boxed{4"
WHOLE = {"content": ANSWER, "reasoning_content": THOUGHT}
REPLIES: dict[str, Way] = thinking(THOUGHT, ANSWER) | {
    "empty_thought": always(chat({"content": f"<think>\n\n</think>\n\n{THOUGHT}\n\n{ANSWER}"})),
    "answer_tag": always(chat({"content": f"<think>{THOUGHT}</think>\n<answer>42</answer>"})),
    "mentions_opening": always(chat({"content": f"<think>{THOUGHT}</think>{ANSWER} (See <think>.)"})),
    "mentions_both": always(chat({"content": f"<think>{THOUGHT}</think>{ANSWER} (See <think> and </think>.)"})),
    "thought_mentions": always(chat({"content": f"<think>A </think> ends it. {THOUGHT}</think>{ANSWER}"})),
    "no_usage": always(_unpriced(WHOLE)),
    "thought_only": always(chat({"content": None, "reasoning_content": THOUGHT})),
    "empty_text": always(chat({"content": "", "reasoning_content": THOUGHT})),
    "prefilled_cut": always(chat({"content": THOUGHT[:60]}, "length")),
    "cut_box": always(chat({"content": f"<think>{THOUGHT}</think>{WITHDRAWN}"}, "length")),
    "cut_thought": always(chat({"content": f"<think>{THOUGHT[:60]}"}, "stop")),
    "filtered": always(chat({"content": None}, "content_filter")),
    "refuses": always(chat({"content": None, "refusal": "I can't help with that."})),
    "ciphered": always(chat({"content": ANSWER, "reasoning_details": [{"type": "reasoning.encrypted", "data": "z"}]})),
    "half_marks": always(chat({"content": f"{THOUGHT}<|channel|>final {ANSWER}"})),
    "said_right_broken_off": always(chat(WHOLE, "error", error={"code": 502, "message": "Provider hung up"})),
}

FOUND = "There are 45 chairs in all."
STEPS = f"""[Meta-reasoning 1]: First find out how many chairs there are.
[Sub-problem 1]: How many chairs are in 5 rows of 9?
[Answer 1]: {FOUND}

[Meta-reasoning 2]: Then take away the broken ones.
[Sub-problem 2]: How many chairs can be used?
[Answer 2]: Of these 3 are broken, and 42 can be used.

[Final answer]: 42"""
DRAFT = """Two steps, then. Let me draft:

[Meta-reasoning 1]: Count the rows.
[Sub-problem 1]: How many rows?
[Answer 1]: 5

No, that is too fine."""
_STEPS = [
    {
        "meta_reasoning": "First find out how many chairs there are.",
        "sub_problem": "How many chairs are in 5 rows of 9?",
        "answer": FOUND,
    },
    {
        "meta_reasoning": "Then take away the broken ones.",
        "sub_problem": "How many chairs can be used?",
        "answer": "Of these 3 are broken, and 42 can be used.",
    },
]
FENCED = f"Here it is:\n```json\n{json.dumps({'steps': _STEPS, 'final_answer': '42'})}\n```\nDone."
ANNOTATED: dict[str, Way] = thinking(DRAFT, STEPS) | {
    "plain": always(chat({"content": STEPS})),
    "fenced": always(chat({"content": FENCED})),
    "fenced_behind_a_thought": always(chat({"content": f"<think>{DRAFT}</think>{FENCED}"})),
    "all_is_thought": always(chat({"content": None, "reasoning_content": STEPS})),
    "thought_never_ends": always(chat({"content": f"<think>{DRAFT}"})),
    "annotator_filtered": always(chat({"content": None}, "content_filter")),
}


def as_asked(ways: dict[str, Way]) -> Way:
    """Answers in the way that the messages name last."""

    def way(body: dict[str, Any], number: int) -> Said:
        named = re.findall(r"\(way: (\w+)\)", json.dumps(body["messages"]))
        return ways[named[-1]](body, number)

    return way


WAYS: dict[str, Way] = {"replies": as_asked(REPLIES), "annotators": as_asked(ANNOTATED)}
