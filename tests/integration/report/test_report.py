"""The page in a browser: its lists, details, samples and curves."""

import pytest

from rlkd_data.report.build import write_page
from tests.support.report_rows import (
    HOSTILE,
    decomposed,
    sample,
    trace,
    write_decompositions,
    write_on_the_way,
    write_run,
    write_traces,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")


def count(page):
    page.wait_for_timeout(200)  # the search waits for a pause in typing
    return page.locator("#count").inner_text()


def test_every_part_is_there_and_only_rows_in_sight_are_in_the_document(page):
    assert page.locator("nav a").all_inner_texts() == [
        *("Overview", "Stages", "Training", "Evaluation", "Comparison", "Rows")
    ]
    assert page.locator("#tabs button").all_inner_texts() == [
        "Traces 120",
        "Trees 2",
        "Student in training 3",
        "Evaluation 2",
    ]
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
    for tab in ("completions", "samples"):
        page.locator(f'#tabs [data-view="{tab}"]').click()
        assert HOSTILE in page.locator("#detail").text_content()
    page.get_by_text("Trees").click()
    page.keyboard.press("j")
    page.locator(".node-head", has_text="script").click()
    assert HOSTILE in page.locator(".node-panel .question").text_content()
    judged(page)
    assert HOSTILE in page.locator(".how").all_text_contents()
    assert HOSTILE in page.locator(".side").all_text_contents()
    assert HOSTILE in page.locator("#measured").text_content()
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
    assert page.evaluate("() => document.activeElement.id") == "list"
    page.keyboard.press("3")
    assert page.locator('#tabs [aria-selected="true"]').inner_text() == "Student in training 3"


def test_the_gate_is_shown_on_the_teachers_steps_and_leads_to_its_trace(page):
    page.keyboard.press("3")
    page.get_by_label("Run", exact=True).select_option("grpo")
    assert page.locator(".rung").evaluate_all("(rungs) => rungs.map((rung) => rung.className)") == [
        "rung passed",
        "rung gate",
    ]
    assert "Unscored" in page.locator("#detail").inner_text()
    page.get_by_role("button", name="teacher's trace").click()
    assert "Problem 1 of apples" in page.locator("#detail .problem").inner_text()
    page.locator(".sibling", has_text="openai:other").click()
    assert page.locator(".sibling[aria-current]").inner_text().startswith("openai:other")


def judged(page):
    """The alignment of the run that has one."""
    page.locator('#tabs [data-view="completions"]').click()
    page.get_by_label("Run", exact=True).select_option("judged")
    playwright.expect(page.locator(".aligned").first).to_be_visible()


def test_steps_stand_beside_the_teachers_with_every_verdict_and_the_gate(page):
    judged(page)
    first = page.locator(".aligned").first
    assert first.locator(".pair-head").all_inner_texts() == [
        "Step 1\nscores ½",
        "Step 2\nscores 0",
        "Step 3\nonly the student has this step",
    ]
    signs = first.locator(".verdict").evaluate_all("(all) => all.map((one) => one.className)")
    assert signs == ["verdict match", "verdict match", "verdict differs", "verdict differs", *["verdict none"] * 5]
    assert first.locator('[data-side="Teacher"]').first.inner_text() == "Begin with the eggs"
    assert first.locator(".gate-line").count() == 1
    gate = first.locator(".pair").nth(1).evaluate("(pair) => [...pair.children].map((one) => one.className)")
    assert gate == ["pair-head", "compared", "gate-line", "compared asks behind", "compared behind"]
    assert "behind" in first.locator(".pair").nth(2).get_attribute("class").split()


def test_an_unscored_alignment_shows_the_verdict_that_did_not_come(page):
    judged(page)
    page.get_by_text("Step by step").nth(1).click()
    second = page.locator(".aligned").nth(1)
    assert second.locator(".verdict").evaluate_all("(all) => all.map((one) => one.className)")[:3] == [
        "verdict match",
        "verdict unknown",
        "verdict none",
    ]
    assert "unavailable" in second.inner_text()
    assert second.locator(".pair-head").first.inner_text() == "Step 1\nno score"


def test_samples_of_the_arms_stand_side_by_side_one_of_each_at_a_time(page):
    page.locator('#tabs [data-view="samples"]').click()
    arms = page.locator("#detail .arm")
    assert arms.locator(".eyebrow").all_inner_texts() == ["after, 1/3 right", "before, 0/1 right"]
    assert "sample 1 of 3" in page.locator(".pager").inner_text()
    arms.first.get_by_text("Step by step").click()
    assert arms.first.locator(".pair-head").first.inner_text() == "Step 1\nscores ½"
    assert arms.first.locator('[data-side="Teacher"]').first.inner_text() == "Begin with the eggs"
    after = page.get_by_role("button", name="next ›")
    after.click()
    assert "not verified" in arms.first.inner_text() and "only 1 sample" in arms.last.inner_text()
    assert page.evaluate("() => document.activeElement.dataset.pager") == "after"
    after.click()
    assert "sample 3 of 3" in page.locator(".pager").inner_text() and after.is_disabled()
    page.get_by_label("Samples shown").select_option("truncated")
    assert "cut off" in arms.first.inner_text() and "no truncated sample" in arms.last.inner_text()
    page.get_by_label("Samples", exact=True).select_option("right")
    assert count(page) == "1 of 2"


def test_curves_have_bands_and_arms_are_compared_in_a_table(page):
    charts = page.locator("#curves .chart")
    assert charts.locator("strong").all_inner_texts()[:3] == ["Accuracy", "Completion length", "Structure alignment"]
    assert charts.first.locator(".band").count() == 2 and charts.nth(1).locator(".band").count() == 0
    table = page.locator("#comparison-list table")
    assert table.nth(0).locator("tbody td").first.inner_text() == "25.0 % 10.0 % to 40.0 %, seeds ±7.0 %"
    rows = [row.inner_text().split("\t") for row in table.nth(1).locator("tbody tr").all()]
    assert [row[2:5] for row in rows] == [["+12.5 % +10.0 % to +40.0 %", "0.04", "9 7 4"]] * 2
    assert "not to be told from chance (from about 20.0 %)" in rows[0][5] and rows[1][5] == "higher"
    assert HOSTILE in page.locator("#comparison-list").text_content()


def test_seeds_of_an_arm_are_one_line_with_a_band_and_a_ninth_arm_has_a_look_of_its_own(browser, tmp_path):
    for number in range(9):
        for seed in (1, 2):
            log = [{"step": step, "loss": 1 / (step + seed)} for step in (1, 2)]
            run = write_run(tmp_path / f"arm{number}-seed{seed}", log)
            told = {"pass@1": number / 10 + seed / 100}
            steps = (0, 2, 4) if number == seed == 1 else (0, 2)  # one seed is further than its arm
            write_on_the_way(run, [(step, [sample("p", seed == 1)], told, {}) for step in steps])
    write_page([tmp_path], tmp_path / "report.html", "Seeds", seeds=True)
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    curves, logs = page.locator("#curves"), page.locator("#training")
    names = [f"arm{number} (2 seeds)" for number in range(9)]
    names[1] = "arm1 (2 seeds, step 2 of 4: not all are further)"
    assert curves.locator(".legend").all_inner_texts() == names
    for charts in (curves.locator(".chart").first, logs.locator(".chart", has_text="Loss")):
        assert [charts.locator(kind).count() for kind in (".line", ".band", ".line.d1")] == [9, 9, 1]
    assert "from the lowest to the highest" in curves.inner_text() and "from the lowest" in logs.inner_text()
    assert "2 seeds" in page.locator("#evaluation-table th").nth(1).inner_text()
    arm = page.locator("#detail .arm").first
    assert arm.locator(".eyebrow").inner_text() == "arm0/step-0, 1/2 right"
    assert "arm0-seed1/step-0" in arm.inner_text()
    page.close()


def test_of_a_long_problem_the_beginning_is_shown_first(browser, tmp_path):
    long = "Assemble the program. " * 200
    write_traces(tmp_path / "traces", [trace("t1", problem=long)])
    write_run(tmp_path / "grpo", [{"step": 1, "loss": 1.0}])
    write_page([tmp_path], tmp_path / "report.html", "Long")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    tall = "(one) => one.clientHeight"
    before = page.locator("#detail .problem").evaluate(tall)
    page.get_by_role("button", name="the whole problem").click()
    assert page.locator("#detail .problem").evaluate(tall) > 2 * before
    assert page.locator("#detail .problem").text_content() == long
    assert "null" not in page.locator("#training").inner_text()
    page.close()


def test_what_stages_measured_is_in_the_overview(page):
    card = page.locator(".measured", has_text="steps/score")
    assert card.locator("dt").first.inner_text() == "step F1"
    assert card.locator("dd").first.inner_text() == "0.75"


def test_a_list_of_ten_thousand_rows_scrolls_filters_and_searches(browser, tmp_path):
    rows = [
        trace(f"t{number}", problem=f"Problem {number}", domain=("math", "code")[number % 2]) for number in range(9900)
    ]
    short = [(trace(f"r{number}", problem=f"Rejected {number}"), "truncated") for number in range(100)]
    write_traces(tmp_path / "traces", rows, short)
    write_decompositions(tmp_path / "steps", [decomposed(row) for row in rows[:100]])
    write_page([tmp_path], tmp_path / "report.html", "Many")
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator("#count").inner_text() == "10,000"
    page.locator("#list").evaluate("(list) => { list.scrollTop = list.scrollHeight }")
    playwright.expect(page.locator('.item[aria-posinset="10000"]')).to_be_visible()
    assert page.locator(".item").count() < 40
    page.fill("#search", "problem 9871")
    playwright.expect(page.locator("#count")).to_have_text("1 of 10,000")
    page.fill("#search", "")
    playwright.expect(page.locator("#count")).to_have_text("10,000")
    page.get_by_label("Reason or mark", exact=True).select_option("truncated")
    playwright.expect(page.locator("#count")).to_have_text("100 of 10,000")
    page.get_by_label("Status", exact=True).select_option("rejected")
    page.get_by_label("Domain", exact=True).select_option("code")
    playwright.expect(page.locator("#count")).to_have_text("0 of 10,000")
    page.close()


def test_it_is_light_or_dark_and_fits_a_phone(browser, file):
    seen = set()
    for scheme, width in (("light", 360), ("dark", 390)):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 740})
        page = context.new_page()
        page.goto(file.as_uri())
        for _ in range(2):
            seen.add((scheme, page.evaluate("() => getComputedStyle(document.body).backgroundColor")))
            page.click("#theme")
        for tab in page.locator("#tabs button").all():
            tab.click()
            for head in page.locator(".node-head").all():
                head.click()
            assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        context.close()
    assert len(seen) == 4
    assert len({colour for _, colour in seen}) == 2
