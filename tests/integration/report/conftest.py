"""The report page, opened in a browser: `pip install playwright`, and a Chromium, Playwright's own or the system's."""

import os
from dataclasses import replace

import pytest

from rlkd_data.report.build import write_page
from tests.support.browser import HOW, NO_BROWSER, SYSTEM
from tests.support.report_rows import (
    HOSTILE,
    completion,
    decomposed,
    sample,
    student_steps,
    trace,
    verdicts,
    walk,
    write_branches,
    write_comparison,
    write_decompositions,
    write_evaluation,
    write_on_the_way,
    write_run,
    write_stage,
    write_traces,
)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    with playwright.sync_playwright() as running:
        sandbox = [] if not hasattr(os, "geteuid") or os.geteuid() else ["--no-sandbox"]
        try:
            started = running.chromium.launch(executable_path=SYSTEM, args=sandbox)
        except playwright.Error as problem:
            pytest.skip(f"{NO_BROWSER} ({str(problem).splitlines()[0]}): {HOW}")
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page of 120 traces, one of them hostile in every text, a run of two steps and two evaluations."""
    folder = tmp_path_factory.mktemp("report")
    rows = [trace(f"t{number}", problem=f"Problem {number} of apples") for number in range(118)]
    rows.append(trace("sibling", problem="Problem 1 of apples", teacher="openai:other"))
    rows[-1] = replace(rows[-1], problem_id=rows[1].problem_id)
    hostile = trace("hostile", problem=HOSTILE, reasoning=HOSTILE, domain="code", teacher=HOSTILE)
    write_traces(folder / "traces", [*rows, hostile])
    write_decompositions(
        folder / "steps",
        [decomposed(row) for row in rows],
        [(decomposed(hostile, (), issues=(HOSTILE,), raw=HOSTILE), "no_steps")],
    )
    log = [{"step": step, "rewards/structure/mean": 0.1 * step, "loss": 1.0, HOSTILE: 1.0} for step in (1, 2)]
    told = {
        "steps": student_steps((HOSTILE, "How many eggs?", "8"), ("Guess", HOSTILE, HOSTILE), ("Stop", "Why?", "so")),
        "verdicts": verdicts("t1", ((True, HOSTILE), (True, "equal"), (False, "number")), ((False, HOSTILE),)),
        "n_steps": 3,
    }
    lost = {
        "steps": student_steps(("Begin", "How many eggs?", "8")),
        "verdicts": verdicts("t1", ((True, "llm"), (None, "unavailable"))),
        "unscored": "judge:unavailable",
        "structure": None,
        "teacher": None,
        "gate_at": None,
    }
    write_run(folder / "judged", [], [completion(1, "p", **told), completion(1, "p", **lost)])
    ways = {"t1": walk("How many?", "Left?", "All?"), "sibling": walk("How many?", HOSTILE), "gone": walk("How many?")}
    write_branches(folder / "branches", [(rows[1], ways), (rows[2], {HOSTILE: walk(HOSTILE), "t2": walk("x")})])
    write_stage(folder / "steps" / "score", "score", result={"figures": {"step F1": 0.75, HOSTILE: 0.5}})
    group = [completion(1, "p", HOSTILE), completion(1, "p", structure=None, unscored=HOSTILE, n_steps=0)]
    write_run(folder / "grpo", log, [*group, completion(2, "p", gate_at=None, structure=1.0)])
    write_evaluation(folder / "before", [sample("p", False, HOSTILE)], **{"pass@1": 0.0, "pass@1 low": 0.0})
    steps = told | {"teacher": "t1", "gate_at": 2}
    after = [sample("p", True, **steps), sample("p", None), sample("p", False, "cut", truncated=True)]
    write_evaluation(folder / "after", after, **{"pass@1": 1.0, "pass@1 high": 1.0})
    ends = {name: {"low": 0.1, "high": 0.6} for name in ("pass@1", HOSTILE)}
    figures = {"pass@1": 0.25, "completion tokens": 90.0, "structure": 0.1, HOSTILE: 0.5}
    write_on_the_way(folder / "grpo", [(step, [sample("q", None)], figures, ends) for step in (0, 2)])
    write_on_the_way(folder / "judged", [(step, [sample("q", None)], figures, ends) for step in (0, 1, 2)])
    write_comparison(folder / "compared", "base", HOSTILE, "rlkd", figure="pass@1", note=HOSTILE)
    write_page([folder], folder / "report.html", HOSTILE)
    return folder / "report.html"


@pytest.fixture
def page(browser, file):
    """The page, opened; afterwards: nothing was complained about, nothing was asked of anybody, nothing has run."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    complaints, asked = [], []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(file.as_uri())
    yield opened
    title = opened.title()
    images = opened.locator("img").count()
    context.close()
    assert complaints == []
    assert asked == [file.as_uri()]
    assert " ".join(HOSTILE.split()) == " ".join(title.split())
    assert images == 0
