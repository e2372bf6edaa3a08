r"""Problems with two completions each, of every kind that a verdict has: what a student wrote, for a server that plays
it and for a trainer in whose mouth it is put."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rlkd_data.schema import Domain, Step
from rlkd_data.structure.render import render

SUM = json.dumps({"inputs": ["1 2\n", "4 5\n"], "outputs": ["3\n", "9\n"]})
TOWER = "9^{9^{9^{9}}}"
"""Takes all the processor time that it is given."""
CAPITAL = "What is the capital of France?\nA. Lyon\nB. Paris\nC. Marseille\nD. Nice"
VALUE = "How much is it?\n(A) 5\n(B) 7\n(C) \\frac{1}{2}\n(D) none of these"


def program(body: str) -> str:
    return f"```python\na, b = map(int, input().split())\n{body}\n```"


STORED: Sequence[tuple[str, str | None, Domain, str, str]] = (
    ("How much is one half?", "1/2", "math", "\\boxed{0.5}", "\\boxed{\\frac{2}{3}}"),
    ("Which city is it? " + CAPITAL, "B", "science", "\\boxed{Paris}", "\\boxed{\\text{C}}"),
    ("Which city, again? " + CAPITAL, "Paris", "science", "The answer is B, not A.", "<answer>Lyon</answer>"),
    ("Which value? " + VALUE, "C", "math", "\\boxed{0.5}", "\\boxed{7}"),
    ("How long is the way?", "36 cm", "math", "\\boxed{36}", "\\boxed{36\\text{ m}}"),
    ("How far is it?", "5 km", "math", "\\boxed{5 km}", "\\boxed{5000 m}"),
    ("How long does it take?", "2 hours 30 minutes", "math", "\\boxed{150 minutes}", "\\boxed{30 minutes}"),
    ("Which x?", "x < 4", "math", "\\boxed{(-\\infty, 4)}", "\\boxed{x \\le 4}"),
    ("What are the roots?", "3, 5", "math", "\\boxed{5} and \\boxed{3}", "\\boxed{3}. Wait, \\boxed{5}"),
    ("Simplify it.", "x+\\sqrt{2}", "math", "\\boxed{\\sqrt{2}+x}", "\\boxed{x-\\sqrt{2}}"),
    ("How many of each?", "9 chickens and 10 rabbits", "math", "\\boxed{9 \\text{ chickens and } 10 \\text{ rabbits}}",
     "\\boxed{10}"),
    ("How many are left?", "18", "math", "#### 18", "I do not know, there are many of them."),
    ("How many were there?", "40", "math", "\\boxed{40}", "\\boxed{"),
    ("How many will there be?", "41", "math", "The final answer is 41.", "\\boxed{41}, no, \\boxed{}"),
    ("What is the tower?", "2^{10}", "math", "\\boxed{1024}", f"\\boxed{{{TOWER}}}"),
    ("Which share is it?", "25\\%", "math", "\\boxed{0.25}", "\\boxed{0.2}"),
    ("What is the price?", "$0.50", "math", "\\boxed{50 \\text{ cents}}", "\\boxed{\\$5}"),
    ("How large is it?", "12345", "math", "\\boxed{12\\,345}", "\\boxed{1.2345e5}"),
    ("Who was it?", "the knight of the north", "puzzle", "\\boxed{the knight of the north}",
     "\\boxed{someone from afar}"),
    ("Is it so?", "True", "science", "\\boxed{Yes}", "\\boxed{No}"),
    ("Nobody knows this one.", None, "math", "\\boxed{1}", "\\boxed{2}"),
    ("Add the two numbers.", SUM, "code", program("print(a + b)"), program("print(3)")),
    ("Add two numbers.", SUM, "code", program("print(sum([a, b]))"), "It is their sum."),
    ("Fill the grid.", "[[1, 2], [3, 4]]", "puzzle", "\\boxed{[[1, 2], [3, 4]]}", "\\boxed{[[1, 2], [4, 3]]}"),
    ("How much is it, rounded to four decimal places?", "0.8333", "math", "\\boxed{5/6}", "\\boxed{0.83}"),
)  # fmt: skip
"""Problem, gold answer, domain, and what the two completions end in."""


def completion_of(prompt: str, number: int) -> str:
    """The `number`th completion (from 0) of the problem that a prompt asks; each with its thought."""
    row = next(row for row in STORED if row[0] in prompt)
    return f"<think>\nI look at it, {number}.\n</think>\n\n{row[3 + number]}"


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """A server that is the student, by the request's seed, and the GSRM."""
    asked = body["messages"][-1]["content"]
    if body["model"] == "student":
        return {"text": completion_of(asked, body["seed"])}
    return {"text": render([Step(1, "I look at it.", "What is it?", "so")])}
