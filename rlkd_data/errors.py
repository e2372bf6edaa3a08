"""The errors that reach a user: each message says what is wrong, where, and what to do next.

The command line prints them as one line and leaves with `exit_code`; anything else that escapes is a fault of ours
(exit status 1).
"""

import difflib
from collections.abc import Iterable


def first_line(problem: BaseException) -> str:
    """What an error of somebody else's says first, to stand within a sentence."""
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0].rstrip(".")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Which of the known names may have been meant."""
    names = list(known)
    alike = [other for other in names if other.lower() == name.lower()]
    return next(iter(alike or difflib.get_close_matches(name, names, n=1, cutoff=0.5)), None)


class RlkdError(Exception):
    """A problem that we can explain. `exit_code` is the process's exit status."""

    exit_code = 1


class InputError(RlkdError):
    """The user's input is wrong: a file, a column, a setting, a model name, a key that is not set."""

    exit_code = 2


class MissingDependency(InputError):
    """An optional package is not installed."""

    def __init__(self, package: str, purpose: str, extra: str | None = None) -> None:
        install = f"pip install 'rlkd[{extra}]'" if extra else f"pip install {package}"
        super().__init__(f"{purpose} needs the package {package!r}, which is not installed: {install}")


class TableError(InputError):
    """A table, or one file of it, is not what its schema says; the message names file and column."""


class BudgetReached(RlkdError):
    """The money or token cap is reached. All finished work is kept."""

    exit_code = 3


class ModelError(RlkdError):
    """A model, in-process or served, could not answer, and asking again does not help."""


class HubError(RlkdError):
    """The Hub could not be reached, or gave up. What was uploaded is kept there, and the same command continues."""
