"""Trees of traces on the page, in a browser."""

from rlkd_data.report.build import write_page
from tests.support.report_rows import trace, walk, write_branches


def nodes(page):
    return page.locator(".node").evaluate_all(
        "(all) => all.map((one) => [one.dataset.node, one.getAttribute('aria-expanded')].join(' '))"
    )


def test_a_tree_shows_where_the_traces_part_and_leads_to_their_steps(page):
    page.get_by_text("Trees").click()
    assert page.locator(".tree .fold").first.inner_text() == "▾ parts 2 ways"
    assert page.locator(".ending").all_inner_texts() == ["1 trace ends here"]
    assert len(nodes(page)) == 4
    assert page.locator(".node-traces b").all_inner_texts()[0] == "3"
    page.locator(".tree .fold").first.click()
    assert nodes(page) == ["1 false"]
    page.locator(".tree .fold").first.click()
    page.locator(".node-head", has_text="Left?").click()
    assert page.locator(".node-panel .text").all_inner_texts() == ["Towards Left?", "Left?", "Left?, then"]
    page.locator(".node-head").first.click()
    passages = page.locator(".node-panel").first.locator(".sibling")
    assert sorted(passages.evaluate_all("(all) => all.map((one) => one.tagName)")) == ["BUTTON", "BUTTON", "SPAN"]
    page.locator(".node-panel button", has_text="openai:other").first.click()
    assert page.locator('#tabs [aria-selected="true"]').inner_text() == "Traces 120"
    assert page.locator(".sibling[aria-current]").inner_text().startswith("openai:other")
    assert "on" in page.locator('.step[data-step="0"]').get_attribute("class").split()
    page.get_by_role("button", name="as a tree").click()
    assert page.locator(".tree").count() == 1


def test_a_large_tree_opens_as_its_shape(browser, tmp_path):
    traces = {f"t{n}": walk("x", *(f"{n} {step}" for step in range(30))) for n in range(3)}
    write_branches(tmp_path / "branches", [(trace("t1"), traces)])
    write_page([tmp_path / "branches"], tmp_path / "report.html", "Large")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator(".node").count() == 4
    assert page.locator(".fold").all_inner_texts() == ["▾ parts 3 ways", *["▸ 29 more steps"] * 3]
    page.get_by_role("button", name="open all").click()
    assert page.locator(".node").count() == 91
    page.get_by_role("button", name="close all").click()
    assert page.locator(".node").count() == 4
    page.close()


def test_keys_walk_through_a_tree(page):
    page.get_by_text("Trees").click()
    page.locator(".node").first.focus()
    at = page.locator(".node:focus")
    for key, node, expanded in (
        ("ArrowDown", "2", None),
        ("ArrowUp", "1", "true"),
        ("ArrowLeft", "1", "false"),
        ("ArrowRight", "1", "true"),
        ("ArrowRight", "2", None),
        ("End", "4", None),
        ("Home", "1", "true"),
    ):
        page.keyboard.press(key)
        assert at.get_attribute("data-node") == node
        assert expanded is None or at.get_attribute("aria-expanded") == expanded
    page.keyboard.press("Enter")
    assert page.locator(".node-panel").count() == 1
    assert page.locator('.item[aria-selected="true"]').get_attribute("aria-posinset") == "1"
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.id") == "list"
