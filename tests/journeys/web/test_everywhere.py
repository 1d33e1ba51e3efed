"""Every page: on a phone, without scripts, by keyboard, with hostile text, and with no other machine to be reached."""

import json
from urllib.parse import urlsplit

import pytest
from support.dashboard_project import hostile_runbook


@pytest.fixture(scope="module")
def runs(site):
    """Runs of all kinds: one with text that wants to act, one held, one on many targets, one that waits."""
    hostile_runbook(site.root)
    hostile = site.run("hostile", "--note", "<script>alert('note')</script>")
    site("pause", hostile, "--reason", "<img src=x onerror=alert('reason')>", "--as", "dana")
    site("run", "fleet-check", "--yes")
    fleet = site("runs", "--output", "json")
    held = site.run("failover")
    site("approve", held, "declare", "--as", "dana", "--reason", "</textarea><script>alert('approve')</script>")
    found = {one["runbook"]: one["id"] for one in reversed(json.loads(fleet))}
    return {"hostile": hostile, "held": held, "fleet": found["fleet-check"]}


@pytest.fixture(scope="module")
def paths(runs):
    return [
        "/", "/?status=waiting", *(f"/runs/{run}" for run in runs.values()),
        f"/runs/{runs['fleet']}/tasks?step=settings", f"/runs/{runs['hostile']}/task?task=shouts@localhost",
        "/runbooks", "/runbooks/failover", "/runbooks/hostile", "/compliance", "/journal?check=yes",
        f"/journal?check=yes&run={runs['held']}", "/runs/nothing",
    ]  # fmt: skip


def test_hostile_text_is_read_and_does_nothing(browser, runs, paths):
    for path in paths:
        browser.open(path)
        assert browser.script("return window.acted") is None
        found = browser.complaints()
        assert not [one for one in found if "404" not in one], (path, found)
    browser.open(f"/runs/{runs['hostile']}")
    browser.see("<script>alert('note')</script>", "<img src=x onerror=alert('reason')>")
    assert "<script>window.acted=1</script>" in browser.text
    assert not browser.all("main script, main img")


def test_no_request_leaves_this_machine(browser, site, paths):
    for path in paths:
        browser.open(path)
    asked = browser.asked_for()
    assert len(asked) > len(paths)
    assert {urlsplit(one).netloc for one in asked} == {urlsplit(site.url).netloc}


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_has_to_be_scrolled_sideways_and_buttons_are_big_enough(browser, paths, width):
    browser.size(width, phone=width < 500)
    for path in paths:
        browser.open(path)
        wide = browser.script("return document.documentElement.scrollWidth")
        assert wide <= width, path
        small = browser.script(
            "return [...document.querySelectorAll('button, .button, summary, select, .top a')]"
            ".filter(one => one.offsetParent && one.getBoundingClientRect().height < 43.5).map(one => one.textContent)"
        )
        assert not small, path


def test_the_names_of_the_pages_stand_in_one_line_each_however_wide_the_phone(browser):
    browser.open("/compliance")
    browser.script("document.querySelector('.who span').textContent = 'Eli · engineering'")
    for width in range(320, 720, 10):
        browser.size(width, phone=True)
        tall = browser.script(
            "return [...document.querySelectorAll('.top a, .top button')]"
            ".filter(one => one.getBoundingClientRect().height > 60).map(one => one.textContent)"
        )
        assert not tall, width


def test_a_report_and_the_marks_hold_on_a_small_phone(browser, runs):
    browser.size(360, phone=True)
    for run in runs.values():
        browser.open(f"/runs/{run}/report")
        wide = browser.script(
            "return [...document.querySelectorAll('body *')]"
            ".filter(one => !one.closest('.scroll') && one.getBoundingClientRect().right > 360.5)"
            ".map(one => one.tagName + '.' + one.getAttribute('class') + ' ' + one.textContent.slice(0, 40))"
        )
        assert not wide
        assert browser.script("return document.documentElement.scrollWidth") <= 360
        browser.open(f"/runs/{run}")
        columns = browser.script("return getComputedStyle(document.querySelector('.cards')).gridTemplateColumns")
        assert len(columns.split()) == 1


def test_without_scripts_everything_can_be_read_and_answered(browser, site):
    run = site.run("sign-off")
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(f"/runs/{run}")
        browser.wait(lambda: browser.all('#asks button[value="decline"]') or browser.driver.refresh())
        assert browser.one("noscript meta[http-equiv='refresh']").get_attribute("content") == "20" or browser.all(
            "meta[http-equiv='refresh']"
        )
        assert "Is all well?" in browser.text
        browser.one("#asks textarea").send_keys("not today")
        browser.button("decline", "#asks").click()
        browser.wait(lambda: browser.driver.refresh() or "not today" in browser.text)
        browser.wait(lambda: site.status(run)["status"] == "failed")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_keyboard_reaches_what_is_to_be_answered_and_shows_where_it_is(browser, runs):
    from selenium.webdriver.common.keys import Keys

    browser.open(f"/runs/{runs['held']}")
    browser.see("deploy is held")
    seen, outlines = [], []
    for _ in range(60):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        name, outline = browser.script(
            "const one = document.activeElement;"
            "return [one.value || one.textContent.trim(), getComputedStyle(one).outlineStyle]"
        )
        seen.append(name)
        outlines.append(outline)
        if name == "ignore":
            break
    assert seen[0] == "Skip to the content"
    assert {"retry", "skip", "ignore"} <= set(seen)
    assert "none" not in outlines


def test_a_run_that_changes_is_said_aloud_once(browser, runs, site):
    browser.wait(lambda: len(site.status(runs["held"])["held"]) == 3 and site.status(runs["held"])["gates"])
    browser.open(f"/runs/{runs['held']}")
    browser.see("deploy is held")
    place = browser.one("#heard")
    assert place.get_attribute("aria-live") == "polite"
    assert browser.script("return document.getElementById('heard').textContent") == ""
    site("skip", runs["held"], "deploy@web1", "--reason", "it is gone", "--as", "eli")
    browser.wait(lambda: "of 11 tasks ended" in browser.script("return document.getElementById('heard').textContent"))


def test_on_paper_nothing_is_left_out_and_nothing_can_be_pressed(browser, runs):
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        browser.open(f"/runs/{runs['held']}")
        browser.see("deploy is held")
        assert not [one for one in browser.all("button") if one.is_displayed()]
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_duties_can_be_taken_away_as_a_calendar_and_as_json(browser, paths):
    browser.open("/compliance")
    calendar = browser.script("return fetch('/compliance.ics').then(answer => answer.text())")
    assert calendar.startswith("BEGIN:VCALENDAR")
    assert {one["runbook"] for one in browser.script("return fetch('/compliance.json').then(answer => answer.json())")} == {
        "failover", "fleet-check",
    }  # fmt: skip
