"""Who decomposed the teachers' traces, beside who decomposes the students'.

Two annotators word the same step in ways of their own, and cut it elsewhere: a structure score between them says more
of the annotators than of the student, and the paper's gate closes at the first step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rlkd_data.errors import InputError
from rlkd_data.prompts import GSRM, prompt_id
from rlkd_data.schema import Decomposition

FLAG = "--allow-other-annotator"


def others(teachers: Mapping[str, Sequence[Decomposition]], gsrm: str) -> Counter[str]:
    """How many decompositions are by whom, of those that were not made as `gsrm` makes them: by another model, or by
    the same one with another prompt."""
    found: Counter[str] = Counter()
    asked = prompt_id(*GSRM)
    for rows in teachers.values():
        for row in rows:
            if not same_model(row.annotator, gsrm):
                found[row.annotator] += 1
            elif row.prompt_id != asked:
                found[f"{row.annotator} with another prompt"] += 1
    return found


def check(teachers: Mapping[str, Sequence[Decomposition]], gsrm: str, *, allowed: bool) -> None:
    """Raise InputError where teachers were decomposed by another annotator than the students will be, unless that is
    allowed."""
    if allowed:
        return
    found = others(teachers, gsrm)
    if not found:
        return
    who, _ = found.most_common(1)[0]
    total = sum(map(len, teachers.values()))
    raise InputError(
        f"{found.total()} of {total} decompositions of teachers are by {who}, while students are decomposed by {gsrm}: "
        f"two annotators word the same step differently, so that scores between them mean little. Decompose the traces "
        f"again with the same GSRM (rlkd-data decompose TRACES --annotator {gsrm} --prompt zero-shot), or allow it "
        f"with {FLAG} (structure.allow_other_annotator: true)"
    )


def same_model(one: str, other: str) -> bool:
    """Whether two names of models mean the same one: a local model by its folder, another by its name at whatever
    backend serves it."""
    if one == other:
        return True
    first, second = one.partition(":"), other.partition(":")
    if first[0] == second[0] == "local":
        return _folder(first[2]) == _folder(second[2])
    return "local" not in (first[0], second[0]) and first[2] == second[2]


def _folder(name: str) -> str:
    from rlkd_data.chat.backends.models import resolve

    try:
        return str(resolve(name).path.resolve())
    except InputError:
        return name
