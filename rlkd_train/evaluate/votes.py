"""Which answers of a model's samples are the same, so that they vote together (cons@k)."""

from __future__ import annotations

from collections.abc import Sequence

from rlkd_data.answers.verify import Job, Verifier
from rlkd_train.evaluate.samples import Sample
from rlkd_train.problems import Task


def votes(samples: Sequence[Sample], tasks: Sequence[Task], verifier: Verifier) -> list[str | None]:
    """For each sample the answer that it votes for: of answers that are the same (1/2 and 0.5), the one that came
    first; None where it gave none. In each round the first answer of a problem that is not counted yet is compared with
    the others that are not, of all problems at once."""
    by_id = {task.problem_id: task for task in tasks}
    chosen: dict[tuple[str, str], str] = {}
    open_: dict[str, list[str]] = {}
    for one in samples:
        if one.final_answer is not None and one.final_answer not in open_.setdefault(one.problem_id, []):
            open_[one.problem_id].append(one.final_answer)
    while open_:
        pairs = [(name, found[0], other) for name, found in open_.items() for other in found[1:]]
        jobs = [Job(first, other, by_id[name].domain, by_id[name].problem) for name, first, other in pairs]
        verdicts = zip(pairs, verifier.verify_all(jobs), strict=True)
        same = {(name, other) for (name, _, other), verdict in verdicts if verdict.is_correct}
        for name, found in open_.items():
            chosen |= {(name, one): found[0] for one in found if one == found[0] or (name, one) in same}
        left = {name: [one for one in found if (name, one) not in chosen] for name, found in open_.items()}
        open_ = {name: found for name, found in left.items() if found}
    return [None if one.final_answer is None else chosen[one.problem_id, one.final_answer] for one in samples]
