"""Formulas compared: math-verify reads them, numbers at chosen points tell, math-verify judges what they cannot.

Runs in a verifier's worker process alone: sympy can take all time and memory that there is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

_DIGITS = 40
_SAME = 10**-25
"""Relative difference below which two numbers, computed to 40 digits, are one."""
_APART = 10**-18
_POINTS = ((1, 1), (2, 3), (3, 7), (5, 4), (4, 11), (7, 3))
"""Where the variables of a formula are put in turn, times a prime each: positive."""
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
_ENOUGH = 3
"""Points at which two formulas with variables must agree."""
_LARGEST_NAMED = 12


class MathVerify:
    """See `scalars.Engine`. Of formulas that differ at one point it says no; that agree at several, yes."""

    def equal(self, one: str, other: str) -> bool | None:
        left, right = _read(one), _read(other)
        if left is None or right is None:
            return None
        found = _same(left, right)
        if found is False and (imaginary := [_with_imaginary(side) for side in (left, right)]) != [left, right]:
            return True if _same(*imaginary) else found
        return found

    def relations(self, one: str, other: str) -> bool | None:
        left, right = _read(one), _read(other)
        if left is None or right is None:
            return None
        return _same_relations(left, right)

    def value(self, formula: str) -> Fraction | None:
        found = _read(formula)
        if found is None or not hasattr(found, "free_symbols") or found.free_symbols:
            return None
        number = _evaluated(found)
        if number is None or not number.is_real:
            return None
        from sympy import Rational

        return Fraction(str(Rational(str(number))))


@lru_cache(maxsize=512)
def _read(latex: str) -> Any:
    """What math-verify reads in a formula; None where it reads none, or only a part of it."""
    from math_verify import LatexExtractionConfig, parse

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns at each call that its time limits are off
    found: list[Any] = parse(f"${latex}$", [LatexExtractionConfig()], parsing_timeout=None)
    return _exact(found[0]) if found and not isinstance(found[0], str) else None


def _exact(found: Any) -> Any:
    """A formula with its decimals as fractions: sums of decimals are not exact otherwise (0.1 + 0.2)."""
    from sympy import Basic, Float, Rational

    if not isinstance(found, Basic):
        return found
    decimals = {one: Rational(str(one)) for one in found.atoms(Float) if one.is_finite}
    return found.xreplace(decimals) if decimals else found


def _with_imaginary(found: Any) -> Any:
    """A formula with `i` for the imaginary unit, which math-verify takes for a variable."""
    from sympy import Basic, I

    if not isinstance(found, Basic):
        return found
    return found.xreplace({one: I for one in found.free_symbols if str(one) == "i"})


def _same(left: Any, right: Any) -> bool | None:  # noqa: PLR0911 - a kind each
    from sympy import Expr, MatrixBase
    from sympy.matrices.expressions.matexpr import MatrixExpr

    if isinstance(left, MatrixExpr | MatrixBase) and isinstance(right, MatrixExpr | MatrixBase):
        return _same_matrices(left, right)
    if not isinstance(left, Expr) or not isinstance(right, Expr):
        return _verified(left, right)
    if left == right:
        return True
    left, right = _unwrapped(left), _unwrapped(right)
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if symbols and _differ_below_zero(left, right, symbols):
        return False
    agreed = 0
    for values in _points(symbols):
        one, other = _evaluated(left.subs(values)), _evaluated(right.subs(values))
        if one is None or other is None:
            continue
        close = _close(one, other)
        if close is False:
            return False
        if close:
            agreed += 1
            if agreed >= (_ENOUGH if symbols else 1):
                return True
    return _verified(left, right)


def _differ_below_zero(left: Any, right: Any, symbols: Sequence[Any]) -> bool:
    """Whether two formulas are real and differ where the variables are negative: `|x|` and `x`."""
    from sympy import Rational

    for top, bottom in ((-3, 2), (-5, 7)):
        values = {symbol: Rational(top * prime, bottom) for symbol, prime in zip(symbols, _PRIMES, strict=False)}
        one, other = _evaluated(left.subs(values)), _evaluated(right.subs(values))
        if one is not None and other is not None and one.is_real and other.is_real and _close(one, other) is False:
            return True
    return False


def _same_matrices(left: Any, right: Any) -> bool | None:
    from sympy import Matrix

    try:
        one, other = Matrix(left.doit()), Matrix(right.doit())
    except (TypeError, ValueError, AttributeError):
        return _verified(left, right)
    if one.shape != other.shape:
        return False
    verdicts = [_same(a, b) for a, b in zip(one, other, strict=True)]
    return False if False in verdicts else None if None in verdicts else True


def _same_relations(left: Any, right: Any) -> bool | None:  # noqa: PLR0911 - a kind each
    from sympy import Eq, Expr, Symbol

    if isinstance(left, Eq) and isinstance(right, Eq):
        sides = (left.lhs, left.rhs, right.lhs, right.rhs)
        if _rebuilt(left) == _rebuilt(right):
            return True
        if all(isinstance(side, Expr) for side in sides):
            found = _proportional(left, right)
            if found is not None:
                return found
            if isinstance(left.lhs, Symbol) and left.lhs == right.lhs and left.lhs not in right.rhs.free_symbols:
                return _same(left.rhs, right.rhs)
        return True if _verified(left, right) or _verified(right, left) else None
    if _verified(left, right) or _verified(right, left):
        return True
    sets = _as_set(left), _as_set(right)
    if None in sets:
        return None
    return bool(sets[0] == sets[1])


def _proportional(left: Any, right: Any) -> bool | None:
    """Whether two equations are the same but for a factor: both sides brought to one, the one is everywhere the same
    multiple of the other. A no is certain of polynomials without a square in them."""
    from sympy import Poly, PolynomialError, fraction, together

    one, other = (fraction(together(_unwrapped(eq.lhs - eq.rhs)))[0] for eq in (left, right))
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if not symbols or one.atoms(*_endless()) or other.atoms(*_endless()):
        return None
    ratios = []
    for values in _points(symbols):
        a, b = _evaluated(one.subs(values)), _evaluated(other.subs(values))
        if a is not None and b is not None and a != 0 and b != 0:
            ratios.append(a / b)
        if len(ratios) >= _ENOUGH:
            break
    if len(ratios) < _ENOUGH:
        return None
    if all(_close(ratio, ratios[0]) for ratio in ratios):
        return True
    try:
        polynomials = [Poly(side, *symbols) for side in (one, other)]
    except PolynomialError:
        return None
    return False if all(poly.is_sqf for poly in polynomials) else None


def _endless() -> tuple[type, ...]:
    from sympy import Integral, Limit, Product, Sum

    return Integral, Limit, Product, Sum


def _rebuilt(found: Any) -> Any:
    """An equation with sums and the like, its factors and terms in sympy's own order; others as they are."""
    from sympy import Basic
    from sympy.core.traversal import bottom_up

    if not found.atoms(*_endless()):
        return found
    return bottom_up(found, lambda one: one.func(*one.args) if isinstance(one, Basic) and one.args else one)


def _as_set(found: Any) -> Any:
    from sympy import Set

    if isinstance(found, Set):
        return found
    try:
        return _unwrapped(found).as_set() if len(found.free_symbols) == 1 else None
    except (NotImplementedError, AttributeError, TypeError, ValueError):
        return None


def _verified(left: Any, right: Any) -> bool | None:
    from math_verify import verify

    return bool(verify(left, right, timeout_seconds=None, allow_set_relation_comp=True, numeric_precision=_DIGITS))


def _points(symbols: Sequence[Any]) -> Iterator[dict[Any, Any]]:
    from sympy import Rational

    if len(symbols) > _LARGEST_NAMED:
        return
    for top, bottom in _POINTS if symbols else _POINTS[:1]:
        yield {symbol: Rational(top * prime, bottom) for symbol, prime in zip(symbols, _PRIMES, strict=False)}


def _unwrapped(found: Any) -> Any:
    """`f(x)`, of which nothing is known, as a variable of its own."""
    from sympy import Symbol
    from sympy.core.function import AppliedUndef

    applied = found.atoms(AppliedUndef)
    return found.xreplace({one: Symbol(str(one)) for one in applied}) if applied else found


def _evaluated(found: Any) -> Any:
    """A number to 40 digits, or None where there is none."""
    try:
        number = found.evalf(_DIGITS)
    except (TypeError, ValueError, ArithmeticError, AttributeError, NotImplementedError):
        return None
    if not number.is_number:
        return None
    known = all(part.is_Float or part.is_Rational for part in number.as_real_imag())
    return number if known and number.is_finite else None


def _close(one: Any, other: Any) -> bool | None:
    """Whether two computed numbers are one; None where their digits do not tell."""
    scale = max(abs(one), abs(other))
    if scale == 0:
        return True
    apart = abs(one - other) / scale
    return True if apart < _SAME else False if apart > _APART else None
