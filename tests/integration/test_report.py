"""The page in a browser. Needs `pip install playwright` and a Chromium, Playwright's own or the system's."""

import os
import shutil
from dataclasses import replace

import pytest

from rlkd_data.report.build import write_page
from tests.support.report_rows import (
    HOSTILE,
    completion,
    decomposed,
    sample,
    trace,
    write_decompositions,
    write_evaluation,
    write_run,
    write_traces,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
SYSTEM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        sandbox = [] if not hasattr(os, "geteuid") or os.geteuid() else ["--no-sandbox"]
        try:
            started = running.chromium.launch(executable_path=SYSTEM, args=sandbox)
        except playwright.Error as problem:
            pytest.skip(f"no Chromium could be started: {str(problem).splitlines()[0]}")
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
    group = [completion(1, "p", HOSTILE), completion(1, "p", structure=None, unscored=HOSTILE, n_steps=0)]
    write_run(folder / "grpo", log, [*group, completion(2, "p", gate_at=None, structure=1.0)])
    write_evaluation(folder / "before", [sample("p", False, HOSTILE)], **{"pass@1": 0.0, "pass@1 low": 0.0})
    write_evaluation(folder / "after", [sample("p", True)], **{"pass@1": 1.0, "pass@1 high": 1.0})
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


def count(page):
    page.wait_for_timeout(200)  # the search waits for a pause in typing
    return page.locator("#count").inner_text()


def test_every_part_is_there_and_only_rows_in_sight_are_in_the_document(page):
    assert page.locator("nav a").all_inner_texts() == ["Overview", "Stages", "Training", "Evaluation", "Rows"]
    assert page.locator("#tabs button").all_inner_texts() == ["Traces 120", "Student in training 2", "Evaluation 1"]
    assert 5 < page.locator(".item").count() < 40
    page.locator("#list").evaluate("(list) => { list.scrollTop = list.scrollHeight }")
    playwright.expect(page.locator('.item[aria-posinset="120"]')).to_be_visible()


def test_steps_stand_in_the_text_in_their_colours(page):
    marks = page.locator("#reasoning mark")
    assert marks.all_inner_texts() == ["First the eggs: 2 * 4 = 8.", "Then the rest: 8 + 5 = 13."]
    assert page.locator("#detail .step").count() == 2
    marks.nth(1).hover()
    assert "on" in page.locator('.step[data-step="1"]').get_attribute("class").split()
    colours = marks.evaluate_all("(marks) => marks.map((mark) => getComputedStyle(mark).backgroundColor)")
    assert len(set(colours)) == 2


def test_search_and_filters_narrow_the_list(page):
    page.fill("#search", "apples problem 117")
    assert count(page) == "1 of 120"
    assert "Problem 117" in page.locator("#detail").inner_text()
    page.fill("#search", "no such words")
    assert count(page) == "0 of 120"
    assert "Nothing matches" in page.locator("#detail").inner_text()
    page.fill("#search", "")
    for label, value in (("Domain", "code"), ("Status", "rejected"), ("Reason or mark", "no_steps")):
        page.get_by_label(label, exact=True).select_option(value)
        assert count(page) == "1 of 120"
        page.get_by_label(label, exact=True).select_option("")
    assert count(page) == "120"


def test_a_hostile_row_stays_text(page):
    page.get_by_label("Status", exact=True).select_option("rejected")
    assert page.locator("#detail .problem").text_content() == HOSTILE
    assert page.locator("#reasoning").text_content() == HOSTILE
    for tab in (1, 2):
        page.locator("#tabs button").nth(tab).click()
        assert HOSTILE in page.locator("#detail").text_content()
    assert page.locator("script").count() == 2


def test_keys_move_through_rows_tabs_and_to_the_search(page):
    chosen = page.locator('.item[aria-selected="true"]')
    before = int(chosen.get_attribute("aria-posinset"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert int(chosen.get_attribute("aria-posinset")) == before + 1
    page.keyboard.press("/")
    page.keyboard.type("kj1")
    assert page.locator("#search").input_value() == "kj1"
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert page.locator('#tabs [aria-selected="true"]').inner_text() == "Student in training 2"


def test_the_gate_is_shown_on_the_teachers_steps_and_leads_to_its_trace(page):
    page.keyboard.press("2")
    assert page.locator(".rung").evaluate_all("(rungs) => rungs.map((rung) => rung.className)") == [
        "rung passed",
        "rung gate",
    ]
    assert "Unscored" in page.locator("#detail").inner_text()
    page.get_by_role("button", name="teacher's trace").click()
    assert "Problem 1 of apples" in page.locator("#detail .problem").inner_text()
    page.locator(".sibling", has_text="openai:other").click()
    assert page.locator(".sibling[aria-current]").inner_text().startswith("openai:other")


def test_it_is_light_or_dark_and_fits_a_phone(browser, file):
    seen = set()
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 740})
        page = context.new_page()
        page.goto(file.as_uri())
        for _ in range(2):
            seen.add((scheme, page.evaluate("() => getComputedStyle(document.body).backgroundColor")))
            page.click("#theme")
        for tab in page.locator("#tabs button").all():
            tab.click()
            assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        context.close()
    assert len(seen) == 4
    assert len({colour for _, colour in seen}) == 2
