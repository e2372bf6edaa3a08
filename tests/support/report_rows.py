"""Tables and runs for the tests of the report and of inspect: small, written by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from rlkd_data.schema import (
    BRANCHES,
    DECOMPOSITIONS,
    TRACES,
    Branch,
    Decomposition,
    Passage,
    Sampling,
    Step,
    Trace,
    Usage,
)
from rlkd_data.structure.branch import grow
from rlkd_data.tables import TableWriter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)><!-- &lt; \u2028 \u2029 😀"
REASONING = "First the eggs: 2 * 4 = 8. Hmm 😀. Then the rest: 8 + 5 = 13."


def trace(name, *, problem="How many eggs?", reasoning=REASONING, domain="math", correct=True, teacher="openai:r1"):
    return Trace(
        trace_id=name,
        problem_id=f"problem of {name}",
        problem=problem,
        domain=domain,
        answer="13",
        reasoning=reasoning,
        response="It is 13.",
        final_answer="13",
        is_correct=correct,
        verification="math-verify" if correct is not None else "null: no gold answer",
        teacher=teacher,
        source="written for this test",
        license="Apache-2.0",
        sampling=Sampling(temperature=0.6),
        finish_reason="stop",
        usage=Usage(prompt_tokens=10, completion_tokens=20),
        cost_usd=0.5,
        created_at=NOW,
    )


def steps(reasoning=REASONING):
    """Two steps; the second's span stands behind a character that takes two UTF-16 units."""
    spans = [(0, reasoning.index(" Hmm")), (reasoning.index("Then"), len(reasoning))]
    return (
        Step(1, "Begin with the eggs", "How many eggs?", "2 * 4 = 8", *spans[0]),
        Step(2, "Add what is left", "How many in all?", "8 + 5 = 13", *spans[1]),
    )


def decomposed(row, found=None, *, issues=(), raw=""):
    return Decomposition(
        trace_id=row.trace_id,
        problem_id=row.problem_id,
        problem=row.problem,
        domain=row.domain,
        answer=row.answer,
        annotator="openai:gpt-4o",
        prompt_id="p-1",
        steps=steps(row.reasoning) if found is None else found,
        final_answer="13",
        status="ok",
        issues=issues,
        raw=raw,
        usage=None,
        cost_usd=0.25,
        created_at=NOW,
    )


def write_traces(folder, rows, rejected=()):
    with TableWriter(folder, TRACES) as table:
        for row in rows:
            table.add(row)
        for row, reason in rejected:
            table.reject(row, reason, "why")
    return folder


def write_decompositions(folder, rows, rejected=()):
    with TableWriter(folder, DECOMPOSITIONS) as table:
        for row in rows:
            table.add(row)
        for row, reason in rejected:
            table.reject(replace(row, status="rejected", steps=()), reason, "why")
    return folder


def walk(*questions):
    """Steps that ask these questions, one after the other."""
    return tuple(Step(index, f"Towards {q}", q, f"{q}, then") for index, q in enumerate(questions, 1))


def tree(row, traces, judge="the same question"):
    """The nodes of a problem's traces (steps by trace id), where steps that ask the same are the same."""
    growing = grow(traces)
    verdicts = None
    while True:
        try:
            pairs = growing.send(verdicts)
        except StopIteration as done:
            nodes = done.value
            break
        verdicts = [one.sub_problem == other.sub_problem for one, other in pairs]
    for node in nodes:
        passages = tuple(Passage(name, step) for name, step in node.traces)
        texts = (node.step.meta_reasoning, node.step.sub_problem, node.step.answer)
        told = (row.problem_id, row.problem, row.domain)
        yield Branch(*told, node.node, node.parent, node.depth, *texts, passages, judge)


def write_branches(folder, trees):
    """A branches table; `trees` are rows with the steps by trace id of each."""
    with TableWriter(folder, BRANCHES) as table:
        for row, traces in trees:
            for node in tree(row, traces):
                table.add(node)
    return folder


def write_stage(folder, stage, **record):
    folder.mkdir(parents=True, exist_ok=True)
    told = {"stage": stage, "status": "done", "settings": {}, "versions": {"rlkd": "0.1.0"}, "result": {}} | record
    (folder / "stage.json").write_text(json.dumps(told))
    return folder


def completion(step, problem_id, text="8 + 5 = 13", **values):
    return {
        "step": step,
        "problem_id": problem_id,
        "problem": "How many eggs?",
        "completion": text,
        "structure": 0.5,
        "accuracy": 1.0,
        "format": 0.0,
        "unscored": None,
        "n_steps": 2,
        "gate_at": 2,
        "teacher": "t1",
    } | values


def verdicts(teacher, *steps):
    """Verdicts on the parts of steps in order, (match, how) each; what nobody asked about is left out."""
    return [
        {"teacher": teacher, "step": index, "part": part, "match": match, "how": how}
        for index, step in enumerate(steps, 1)
        for part, (match, how) in zip(("meta", "sub_problem", "answer"), step, strict=False)
    ]


def student_steps(*steps):
    """Steps as a completions table has them; each is (meta-reasoning, sub-problem, answer)."""
    nowhere = {"span_start": None, "span_end": None}
    return [
        {"index": index, "meta_reasoning": meta, "sub_problem": question, "answer": answer} | nowhere
        for index, (meta, question, answer) in enumerate(steps, 1)
    ]


def write_run(folder, log, completions=()):
    """A folder as `rlkd-train grpo` leaves it; `log` are lines, texts as they are and mappings as JSON."""
    write_stage(folder, "grpo")
    lines = [line if isinstance(line, str) else json.dumps(line) for line in log]
    (folder / "log.jsonl").write_text("\n".join(lines))
    if completions:
        write_parquet(folder / "completions", list(completions))
    return folder


def sample(problem_id, correct, text="It is 13.", **values):
    return {
        "problem_id": problem_id,
        "problem": "How many eggs?",
        "answer": "13",
        "completion": text,
        "final_answer": "13",
        "is_correct": correct,
        "verification": "math-verify",
        "completion_tokens": 5,
        "truncated": False,
        "structure": 0.25,
        "unscored": None,
    } | values


def write_on_the_way(run, evaluations):
    """Evaluations on the way of a run: (step, rows, figures, intervals) each."""
    for step, rows, figures, _ in evaluations:
        write_parquet(run / "evaluations" / f"step-{step}", rows)
        (run / "evaluations" / f"step-{step}" / "figures.json").write_text(json.dumps(figures | {"intervals": {}}))
    lines = [json.dumps({"step": step, **told, "intervals": ends}) for step, _, told, ends in evaluations]
    (run / "evaluations.jsonl").write_text("\n".join([*lines, '{"step": 9, "pa']))


def write_comparison(folder, *arms, figure="pass@1", note="a note"):
    """What `rlkd-train compare` writes: the first arm is the baseline, of the others only the last is told apart."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = {"low": 0.1, "high": 0.4, "problems": 20}
    measured = [{"arm": name, "figure": figure, "value": 0.25, "by_seed": [0.2, 0.3], "seed_sd": 0.07} for name in arms]
    told = {"figure": figure, "baseline": arms[0], "difference": 0.125, "higher": 9, "equal": 7, "lower": 4}
    told |= {"p": 0.02, "test": "sign flips, exact", "p_seeds": None, "p_family": 0.04, "detectable": 0.2}
    apart = [told | ends | {"arm": name, "told": name == arms[-1]} for name in arms[1:]]
    held = {"arms": [{"arm": name, "runs": ["x"]} for name in arms], "baseline": arms[0], "level": 0.05}
    held |= {"measured": [one | ends for one in measured], "differences": apart, "notes": [note]}
    (folder / "compare.json").write_text(json.dumps(held))
    return folder


def write_evaluation(folder, rows, **figures):
    write_stage(folder, "eval", result={"counts": {"ok": len(rows)}, "figures": figures})
    write_parquet(folder, rows)
    return folder


def write_parquet(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")
