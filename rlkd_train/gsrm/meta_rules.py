"""Meta-reasoning lines by rule, for gold steps that have a sub-question and an answer but say nothing of the choice.

A line says what is known before the step: which quantities it takes up, where each comes from (given in the problem,
found in step k, or general knowledge), which operation joins them, and what is sought. It never holds the step's own
result. It is a function of the step and of what came before it, so that a small model can learn it exactly, and two
steps that do different things get different lines.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from rlkd_data.structure.outcome import NUMBER, arrives_at, numbers, value

MARK = re.compile(r"<<([^<>]*)>>")
"""A calculator mark of GSM8K: `<<16-3-4=9>>`."""
_TERM = r"\(?-?[$€£]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)%?\)?"
_UNITS = r"(?:[ -][A-Za-z][\w/'’.-]*){0,5}"
_WRITTEN = re.compile(rf"({_TERM}(?:{_UNITS}\s*(?:[-+*/×÷–−]|\bx\b)\s*{_TERM})+){_UNITS}\s*=")
_EQUATION = re.compile(r"\b\d*\s?[a-zA-Z]\b[^.=]*=|=[^.=]*\b\d*[a-zA-Z]\b")
_AUXILIARY = re.compile(
    r"\b(?:do|does|did|is|are|was|were|will|would|can|could|has|have|had|should|must|needs?|there|that|if)\b", re.I
)
_HOW = re.compile(r"\bhow\b.*", re.I)
_WHAT = re.compile(r"\bwhat(?:'s| is| are| was| were| will be| would be)\s+(?P<noun>.+)", re.I)
_WHICH = re.compile(r"\b(?:which|what|who|when)\b.*", re.I)
_DO = re.compile(r"^(?:do|does|did)\s+", re.I)
_GOAL_WORDS = 9

_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000, "dozen": 12, "twice": 2,
    "double": 2, "doubled": 2, "thrice": 3, "triple": 3, "tripled": 3, "couple": 2,
}  # fmt: skip
_COUNTED = tuple(_WORDS)[:20]
_PARTS = {"half": (1, 2), "third": (1, 3), "quarter": (1, 4), "fourth": (1, 4), "fifth": (1, 5), "tenth": (1, 10)}


def given_in(problem: str) -> frozenset[Decimal]:
    """The quantities that a problem's text states: digits, number words, percentages also as fractions of one."""
    found = set(numbers(problem))
    for token in re.findall(r"([\d.,]*\d)\s?(?:%|percent)", problem):
        percent = value(token)
        if percent is not None:
            found |= {percent / 100, 1 - percent / 100, 1 + percent / 100}
    for above, below in re.findall(r"(\d+)/(\d+)", problem):
        if int(below):
            found.add(Decimal(above) / Decimal(below))
    for word in re.findall(r"[a-z]+", problem.lower()):
        if word in _WORDS:
            found.add(Decimal(_WORDS[word]))
        part = _PARTS.get(word.removesuffix("s") if word != "halves" else "half")
        if part:
            found |= {Decimal(part[1]), Decimal(part[0]) / Decimal(part[1])}
    return frozenset(found)


def expression(answer: str, answer_raw: str) -> str | None:
    """The arithmetic of a step: its last calculator mark, otherwise the last `a + b =` in its text; or None."""
    for mark in reversed(MARK.findall(answer_raw)):
        left, equals, _ = str(mark).rpartition("=")
        if equals and _tree(left) is not None:
            return left
    for written in reversed(_WRITTEN.findall(answer)):
        plain = re.sub(r"(?<=\d),(?=\d{3})|[$€£%]|[A-Za-z'’]{2,}[\w/'’.-]*", "", written)
        plain = re.sub(r"[×]|\bx\b", "*", plain).replace("÷", "/").translate({0x2013: "-", 0x2212: "-"})
        plain = re.sub(r"\b[A-Za-z]\b|\s", "", plain)
        if _tree(plain) is not None:
            return plain
    return None


def result(answer: str, answer_raw: str) -> Decimal | None:
    """The number that a step arrives at: what its last mark claims, otherwise the last number in its text."""
    for mark in reversed(MARK.findall(answer_raw)):
        claimed = value(mark.rpartition("=")[2])
        if claimed is not None:
            return claimed
    found = numbers(answer)
    return found[-1] if found else None


def meta_line(
    *, question: str, answer: str, answer_raw: str, given: frozenset[Decimal], results: Sequence[Decimal | None]
) -> str:
    """The line for one step. `given`: the problem's quantities; `results`: what each earlier step arrived at."""
    outcome = result(answer, answer_raw)
    secret = frozenset(found for found in (outcome, arrives_at(answer)) if found is not None)
    sought = goal(question, secret)
    to_find = f" to find {sought}" if sought else ""
    arithmetic = expression(answer, answer_raw)
    tree = _tree(arithmetic) if arithmetic is not None else None
    if tree is None or not any(isinstance(node, ast.BinOp) for node in ast.walk(tree)):
        return _without_arithmetic(answer, outcome, results, to_find)
    naming = _Naming(answer, given, results, secret)
    return f"{_describe(tree, naming)}{to_find}."


class _Naming:
    """How a step's quantities are called: by where they come from, and as the answer writes them."""

    def __init__(
        self, answer: str, given: frozenset[Decimal], results: Sequence[Decimal | None], secret: frozenset[Decimal]
    ) -> None:
        self.given, self.results, self.secret = given, results, secret
        self.written = {
            value(token): f"0{token}" if token.startswith(".") else token for token in reversed(NUMBER.findall(answer))
        }

    def origin(self, quantity: Decimal) -> str:
        """`given`, `step two` or `known`."""
        if quantity in self.given:
            return "given"
        for k in range(len(self.results), 0, -1):
            if self.results[k - 1] == quantity:
                return _step(k)
        return "known"

    def call(self, quantities: Sequence[Decimal]) -> str:
        """`the given 3 and 4`, `the 9 from step one`; without the number, where it would tell the result: `what step
        two found`."""
        parts: list[str] = []
        plain: list[str] = []
        last = None
        for quantity in [*quantities, None]:
            origin = self.origin(quantity) if quantity is not None else None
            hidden = quantity is not None and quantity in self.secret
            if plain and (origin != last or hidden):
                parts.append(f"the {last} {_and(plain)}")
                plain = []
            if quantity is None or origin is None:
                break
            number = self.written.get(quantity) or f"{quantity.normalize():f}"
            if hidden:
                parts.append(f"what {origin} found" if origin.startswith("step") else f"a {origin} quantity")
            elif origin.startswith("step"):
                parts.append(f"the {number} from {origin}")
            else:
                plain.append(number)
            last = origin
        return _and(parts)


def goal(question: str, secret: frozenset[Decimal]) -> str | None:
    """What a sub-question seeks, in a few words (`how many eggs`, `the total cost of the paint`), or None where it
    cannot be told, or would tell a secret number."""
    asked = question.strip().rstrip("?").strip()
    noun = _WHAT.search(asked)
    if noun:
        words = noun["noun"].split()
        found = " ".join(words[:_GOAL_WORDS])
    else:
        start = _HOW.search(asked) or _WHICH.search(asked)
        if start is None:
            return None
        text = start.group()
        auxiliary = _AUXILIARY.search(text, 4)
        words = text[: auxiliary.start()].split() if auxiliary else text.split()
        if auxiliary and len(words) <= 2:  # `how much` alone would be the same for every step
            words += _DO.sub("", text[auxiliary.start() :]).split()
        found = " ".join(words[:_GOAL_WORDS])
        found = found[:1].lower() + found[1:]
    found = found.rstrip(" ,.;:")
    if not found or secret & given_in(found):
        return None
    return found


def _tree(text: str) -> ast.expr | None:
    """A syntax tree of numbers and the four operations, or None where the text is anything else."""
    try:
        tree = ast.parse(re.sub(r"(?<![\d.])0+(?=\d)", "", text.replace(",", "").strip()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    allowed = (ast.BinOp, ast.UnaryOp, ast.Constant, ast.operator, ast.unaryop)
    return tree if all(isinstance(node, allowed) for node in ast.walk(tree)) and _evaluate(tree) is not None else None


_OPERATIONS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _evaluate(tree: ast.expr) -> Decimal | None:
    try:
        match tree:
            case ast.Constant(value=int() | float() as number):
                return Decimal(str(number))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
                inside = _evaluate(inner)
                return inside if inside is None or isinstance(sign, ast.UAdd) else -inside
            case ast.BinOp(left=left, op=join, right=right) if type(join) in _OPERATIONS:
                a, b = _evaluate(left), _evaluate(right)
                return None if a is None or b is None else _OPERATIONS[type(join)](a, b)
    except (ArithmeticError, RecursionError):
        pass
    return None


def _leaves(tree: ast.expr) -> list[Decimal]:
    """The quantities of an expression, in order, without signs."""
    match tree:
        case ast.Constant(value=int() | float() as number):
            return [Decimal(str(number))]
        case ast.UnaryOp(operand=inner):
            return _leaves(inner)
        case ast.BinOp(left=left, right=right):
            return _leaves(left) + _leaves(right)
    return []


def _is_leaf(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) or (isinstance(tree, ast.UnaryOp) and _is_leaf(tree.operand))


def _chain(tree: ast.expr, operation: type[ast.operator]) -> tuple[ast.expr, list[ast.expr]]:
    """`a - b - c` as (a, [b, c])."""
    rest: list[ast.expr] = []
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, operation):
        rest.insert(0, tree.right)
        tree = tree.left
    return tree, rest


def _describe(tree: ast.expr, naming: _Naming) -> str:
    for kind, form in (
        (ast.Add, "Add {all}"),
        (ast.Sub, "Subtract {rest} from {first}"),
        (ast.Mult, "Multiply {first} by {rest}"),
        (ast.Div, "Divide {first} by {rest}"),
    ):
        first, rest = _chain(tree, kind)
        if rest and _is_leaf(first) and all(map(_is_leaf, rest)):
            later = [leaf for part in rest for leaf in _leaves(part)]
            start = _leaves(first)
            return form.format(all=naming.call(start + later), first=naming.call(start), rest=naming.call(later))
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Mult, ast.Div)) and _is_leaf(tree.right):
        then = "multiply" if isinstance(tree.op, ast.Mult) else "divide"
        if isinstance(tree.left, ast.BinOp) and _is_leaf(tree.left.left) and _is_leaf(tree.left.right):
            return f"{_describe(tree.left, naming)} and {then} by {naming.call(_leaves(tree.right))}"
    return f"{_operations(tree)} with {naming.call(_leaves(tree))}"


def _operations(tree: ast.expr) -> str:
    """`Multiply and add`: the operations of a nested expression, in the order in which they are carried out."""
    names: list[str] = []

    def visit(node: ast.expr) -> None:
        if isinstance(node, ast.BinOp):
            visit(node.left)
            visit(node.right)
            name = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}[type(node.op)]
            if name not in names:
                names.append(name)
        elif isinstance(node, ast.UnaryOp):
            visit(node.operand)

    visit(tree)
    return (_and(names) or "calculate").capitalize()


def _without_arithmetic(answer: str, outcome: Decimal | None, results: Sequence[Decimal | None], to_find: str) -> str:
    lower = answer.lower()
    if re.search(r"\blet\b", lower):
        return f"Name the unknown with a letter{to_find}."
    if _EQUATION.search(answer):
        for sign, line in (
            ("substitut", "Put one equation into the other"),
            ("like terms", "Combine the like terms of the equation"),
            ("divid", "Divide both sides of the equation"),
            ("subtract", "Subtract the same from both sides of the equation"),
            ("add", "Add the same to both sides of the equation"),
            ("multipl", "Multiply out the equation"),
        ):
            if sign in lower:
                return f"{line}{to_find}."
        return f"Write what is known as an equation{to_find}."
    before = {found for found in results if found is not None}
    if outcome is not None and outcome in before:
        latest = max(k for k, found in enumerate(results, 1) if found == outcome)
        return f"Take up what {_step(latest)} found{to_find}."
    if outcome is not None:
        return f"Read the quantity off the problem{to_find}."
    return f"Say in words what follows from the problem{to_find}."


def _step(number: int) -> str:
    """`step two`: in words, so that it is not taken for a quantity."""
    return f"step {_COUNTED[number - 1]}" if number <= len(_COUNTED) else "an earlier step"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" and {parts[-1]}" if parts else ""
