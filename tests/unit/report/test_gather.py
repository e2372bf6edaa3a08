import json

import pytest

from rlkd_data.errors import InputError
from rlkd_data.report import gather as module
from rlkd_data.report.folders import find
from rlkd_data.report.gather import gather
from rlkd_data.report.rows import LONGEST
from rlkd_data.report.runs import MOST_POINTS
from rlkd_data.report.survey import Figures
from tests.support.report_rows import (
    REASONING,
    completion,
    decomposed,
    sample,
    student_steps,
    trace,
    verdicts,
    write_comparison,
    write_decompositions,
    write_evaluation,
    write_on_the_way,
    write_run,
    write_stage,
    write_traces,
)


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline's folder: two traces and a rejected one, one decomposed, one not to be, a run, two evaluations."""
    good, bad, cut = trace("t1"), trace("t2", domain="code", correct=None), trace("t3")
    write_traces(write_stage(tmp_path / "traces", "collect", started_at="1"), [good, bad], [(cut, "truncated")])
    write_decompositions(
        write_stage(tmp_path / "steps", "decompose", started_at="2"),
        [decomposed(good, issues=("duplicate_steps",))],
        [(decomposed(bad, raw="I cannot."), "no_steps")],
    )
    log = [
        {"step": 1, "rewards/structure/mean": 0.25, "note": "text"},
        {"step": 2, "loss": float("nan")},
        '{"step": 3,',
    ]
    write_run(
        tmp_path / "grpo", log, [completion(1, "p"), completion(1, "p", structure=None, unscored="judge:timeout")]
    )
    write_evaluation(tmp_path / "before", [sample("p", False), sample("q", None)], **{"pass@1": 0.0})
    write_evaluation(tmp_path / "after", [sample("p", True)], **{"pass@1": 1.0})
    return tmp_path


def test_a_pipelines_folder_stands_for_its_stages_but_not_for_an_earlier_report(pipeline):
    write_stage(pipeline / "report", "report")
    kinds = {folder.path.name: folder.kind for folder in find([pipeline])}
    assert kinds == {
        "traces": "traces",
        "steps": "decompositions",
        "grpo": "run",
        "before": "samples",
        "after": "samples",
    }
    assert [folder.path.name for folder in find([pipeline])][:2] == ["traces", "steps"]


def test_a_folder_that_is_given_twice_counts_once(pipeline):
    assert len(find([pipeline / "traces", pipeline, pipeline / "traces"])) == 5


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_folder_that_holds_nothing_of_ours_is_refused_by_name(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        gather([tmp_path / name])


def test_figures_are_of_all_rows(pipeline):
    figures = gather([pipeline])["figures"]
    assert (figures["traces"]["rows"], figures["traces"]["reasons"]) == (2, [("truncated", 1)])
    assert dict(figures["traces"]["facts"]["answer"]) == {"right": 1, "not verified": 1}
    assert figures["traces"]["cost_usd"] == 1.5
    assert figures["traces"]["tokens"] == 90
    steps = figures["decompositions"]
    assert (steps["rows"], steps["reasons"], steps["n_steps"], steps["grounded"]) == (1, [("no_steps", 1)], 2, 2)
    assert steps["facts"]["issue"] == [("duplicate_steps", 1)]


def test_a_column_with_another_value_in_each_row_is_counted_up_to_a_bound():
    figures = Figures()
    for number in range(20_000):
        figures.count("source", f"https://a.example/{number}")
        figures.count("source", "the first of all" if number else None)
    shown = dict(figures.shown()["facts"]["source"])
    assert len(shown) <= 5001 and sum(shown.values()) == 40_000
    assert (shown["the first of all"], shown["not given"], shown["(others)"]) == (19_999, 1, 20_000 - 4998)


def test_every_trace_has_a_row_with_what_became_of_it(pipeline):
    rows = {row["id"]: row for row in gather([pipeline])["rows"]}
    assert {name: row["status"] for name, row in rows.items()} == {"t1": "ok", "t2": "rejected", "t3": "rejected"}
    assert (rows["t2"]["reason"], rows["t2"]["raw"], rows["t3"]["reason"]) == ("no_steps", "I cannot.", "truncated")
    assert rows["t1"]["raw"] is None


def test_a_trace_that_nobody_decomposed_is_shown_as_such(tmp_path):
    rows = gather([write_traces(tmp_path / "traces", [trace("t1")])])["rows"]
    assert [row["status"] for row in rows] == ["not decomposed"]


def test_a_decomposition_without_its_trace_says_so(pipeline):
    rows = gather([pipeline / "steps"])["rows"]
    assert [(row["has_trace"], row["reasoning"]) for row in rows] == [(False, ""), (False, "")]


def test_spans_are_in_the_units_of_a_browser(pipeline):
    row = next(row for row in gather([pipeline])["rows"] if row["id"] == "t1")
    units = REASONING.encode("utf-16-le")
    told = [units[2 * start : 2 * end].decode("utf-16-le") for *_, start, end in row["steps"]]
    assert told == ["First the eggs: 2 * 4 = 8.", "Then the rest: 8 + 5 = 13."]


def test_a_text_beyond_measure_is_cut_and_its_span_with_it(tmp_path):
    long = trace("t1", reasoning=REASONING + "x" * LONGEST)
    write_traces(tmp_path / "traces", [long])
    write_decompositions(tmp_path / "steps", [decomposed(long)])
    [row] = gather([tmp_path])["rows"]
    assert (len(row["reasoning"]), row["cut"]) == (LONGEST, True)
    assert row["steps"][0][3] == 0
    assert row["steps"][1][3:] == [None, None]


def test_a_log_gives_its_numbers_and_a_line_that_a_kill_cut_short_is_left_out(pipeline):
    [run] = gather([pipeline])["runs"]
    assert (run["name"], run["log"][0]) == ("grpo", {"step": 1, "rewards/structure/mean": 0.25})
    assert len(run["log"]) == 2


def test_a_long_log_is_thinned(tmp_path):
    write_run(tmp_path / "run", [{"step": step, "loss": 1.0} for step in range(3 * MOST_POINTS)])
    [run] = gather([tmp_path / "run"])["runs"]
    assert len(run["log"]) == MOST_POINTS


def test_completions_of_one_problem_at_one_step_are_a_group(pipeline):
    [group] = gather([pipeline])["groups"]
    assert [one["unscored"] for one in group["completions"]] == [None, "judge:timeout"]
    assert group["completions"][0]["rewards"] == {"structure": 0.5, "accuracy": 1.0, "format": 0.0}


def test_samples_of_one_problem_stand_together_over_evaluations(pipeline):
    problems = {problem["problem_id"]: problem for problem in gather([pipeline])["problems"]}
    told = {(one["evaluation"], one["correct"]) for one in problems["p"]["samples"]}
    assert told == {("before", False), ("after", True)}


def test_a_run_that_has_only_begun_is_shown_with_what_there_is(tmp_path):
    run = write_stage(tmp_path / "grpo", "grpo", status="running")
    (run / "log.jsonl").write_text("")
    found = gather([run])
    assert (found["runs"], found["stages"][0]["status"]) == ([], "running")


def test_a_login_in_a_servers_address_does_not_reach_the_page(tmp_path):
    settings = {"base_url": "https://user:secret@host.example/v1", "sampling": {"seed": 0, "top_p": None}}
    write_traces(write_stage(tmp_path / "traces", "collect", settings=settings), [trace("t1")])
    found = gather([tmp_path / "traces"])
    assert "secret" not in json.dumps(found)
    assert found["stages"][0]["settings"] == {"base_url": "https://host.example/v1", "sampling.seed": "0"}


def test_of_more_rows_than_a_page_holds_a_part_is_taken_and_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_TRACES", 30)
    monkeypatch.setattr(module, "_EACH", 2)
    rows = [trace(f"t{number}") for number in range(200)]
    write_traces(tmp_path / "traces", rows, [(trace("odd"), "truncated")])
    write_decompositions(tmp_path / "steps", [decomposed(row) for row in rows])
    write_run(tmp_path / "grpo", [], [completion(1, "p", teacher="t123")])
    found = gather([tmp_path])
    names = {row["id"] for row in found["rows"]}
    assert (len(names), found["held"]["traces"]) == (30, [30, 201])
    assert {"odd", "t123"} <= names  # the only one with its reason; the teacher of a completion on the page
    assert all(row["reasoning"] and row["steps"] for row in found["rows"] if row["id"] != "odd")
    assert found["figures"]["traces"]["rows"] == 200


def test_figures_stand_by_their_names_nested_ones_too(tmp_path):
    figures = {"agreement: matched-step F1": 0.5, "by domain": {"math": {"step F1": 0.25}}, "judge": "exact"}
    steps = write_stage(tmp_path / "steps", "decompose", result={"counts": {"ok": 1}, "figures": figures})
    write_decompositions(steps, [decomposed(trace("t1"))])
    [stage] = gather([steps])["stages"]
    assert stage["figures"] == {"agreement: matched-step F1": 0.5, "by domain: math: step F1": 0.25}
    assert stage["notes"] == {"judge": "exact"}


def test_scores_inside_a_folder_of_decompositions_are_a_stage_of_their_own(tmp_path):
    write_decompositions(write_stage(tmp_path / "steps", "decompose"), [decomposed(trace("t1"))])
    write_stage(tmp_path / "steps" / "score", "score", result={"figures": {"step F1": 0.75}})
    for given in ([tmp_path], [tmp_path / "steps"], [tmp_path / "steps", tmp_path / "steps" / "score"]):
        stages = gather(given)["stages"]
        assert [(stage["name"], stage["stage"]) for stage in stages] == [
            ("steps", "decompose"),
            ("steps/score", "score"),
        ]
        assert stages[1]["figures"] == {"step F1": 0.75}


def test_a_completion_has_its_steps_and_verdicts(tmp_path):
    told = {"steps": student_steps(("Begin", "How many?", "8")), "verdicts": verdicts("t1", ((True, "equal"),))}
    write_run(tmp_path / "grpo", [], [completion(1, "p", **told)])
    [group] = gather([tmp_path / "grpo"])["groups"]
    [one] = group["completions"]
    assert one["steps"] == [["Begin", "How many?", "8"]]
    assert one["parts"] == [[(True, "equal"), None, None, None]]


def test_evaluations_on_the_way_are_curves_and_the_first_and_the_last_have_their_samples(tmp_path):
    run = write_run(tmp_path / "grpo", [{"step": 1, "loss": 1.0}])
    ends = {"pass@1": {"low": 0.1, "high": 0.5}, "structure": "odd"}
    told = [
        (step, [sample("p", step > 5)], {"pass@1": step / 20, "structure": 0.1, "best": True}, ends)
        for step in (0, 10, 5)
    ]
    write_on_the_way(run, told)
    found = gather([run])
    assert found["curves"] == [
        {
            "name": "grpo",
            "stage": "grpo",
            "seeds": 1,
            "points": {
                "pass@1": [(0, 0.0, 0.1, 0.5), (5, 0.25, 0.1, 0.5), (10, 0.5, 0.1, 0.5)],
                "structure": [(step, 0.1, None, None) for step in (0, 5, 10)],
            },
        }
    ]
    [problem] = found["problems"]
    assert [one["evaluation"] for one in problem["samples"]] == ["grpo/step-0", "grpo/step-10"]
    stages = {stage["name"]: stage for stage in found["stages"]}
    assert stages["grpo/step-10"]["stage"] == "eval" and stages["grpo/step-10"]["figures"]["pass@1"] == 0.5


def test_a_run_without_evaluations_has_no_curves(pipeline):
    assert gather([pipeline])["curves"] == []


def test_a_comparison_is_shown_and_what_is_none_is_left_out(tmp_path):
    write_comparison(tmp_path / "compared", "base", "rlkd")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "compare.json").write_text('{"arms": 3}')
    [one] = gather([tmp_path])["comparisons"]
    assert (one["name"], one["baseline"], [arm["arm"] for arm in one["arms"]]) == ("compared", "base", ["base", "rlkd"])
    assert gather([tmp_path])["stages"] == []


def test_a_sample_has_its_steps_and_leads_to_its_teacher(tmp_path):
    write_traces(tmp_path / "traces", [trace(f"t{number}") for number in range(3)])
    told = {"steps": student_steps(("Begin", "How many?", "8")), "verdicts": verdicts("t2", ((True, "equal"),))}
    write_evaluation(tmp_path / "after", [sample("p", True, teacher="t2", gate_at=None, n_steps=1, **told)])
    found = gather([tmp_path])
    [one] = found["problems"][0]["samples"]
    assert (one["steps"], one["teacher"], one["n_steps"]) == ([["Begin", "How many?", "8"]], "t2", 1)
    assert one["parts"] == [[(True, "equal"), None, None, None]]


def test_a_page_to_send_takes_less_and_says_what_it_leaves_out(tmp_path):
    write_traces(tmp_path / "traces", [trace(f"t{number}", reasoning=5 * REASONING) for number in range(900)])
    write_run(tmp_path / "grpo", [], [completion(step, f"p{step}", 5 * REASONING) for step in range(900)])
    small, whole = gather([tmp_path], megabytes=0.1)["held"], gather([tmp_path])["held"]
    assert whole["traces"] == [900, 900] and whole["completions"] == [900, 900]
    assert 0 < small["traces"][0] < 900 == small["traces"][1], small
    assert 0 < small["completions"][0] < 900 == small["completions"][1], small
    with pytest.raises(InputError, match="a page of nan megabytes"):
        gather([tmp_path], megabytes=float("nan"))
