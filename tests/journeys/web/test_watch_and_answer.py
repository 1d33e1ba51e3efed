"""People watch a run that another process advances, and answer what it waits for, in a browser."""

import re
import subprocess

import pytest
from selenium.common.exceptions import NoSuchElementException


@pytest.fixture(autouse=True)
def _ended(site):
    yield
    site.end_runs()


def said(site, run):
    return [(one["event"]["kind"], one["actor"]["name"]) for one in site.events(run)]


def test_a_run_is_watched_and_its_gate_approved(site, browser):
    run = site.run("failover")
    browser.open("/")
    browser.see("failover")
    browser.one(f'a[href="/runs/{run}"]').click()
    browser.see("Fail over to the standby region", "Approve declare@localhost")
    browser.one("#asks textarea").send_keys("called the provider")
    browser.button("approve", "#asks").click()
    # Nothing is loaded again by hand from here on: what the other process does is seen as it does it.
    browser.see("By hand: call-provider@localhost", "deploy is held on 3 targets", "no space left on device")
    assert ("gate.approved", "dana") in said(site, run)
    approved = next(one for one in site.events(run) if one["event"]["kind"] == "gate.approved")
    assert approved["event"]["reason"] == "called the provider"
    assert "by the dashboard" in approved["actor"]["host"]
    assert not browser.complaints()

    # It is held, the disk is cleaned, and it is tried again; the manual task is another role's.
    assert "Only engineering can answer." in browser.text
    (site.root / "ready").touch()
    browser.one('form[id^="form:hold"] textarea').send_keys("the disk is clean")
    browser.button("retry", 'form[id^="form:hold"]').click()
    browser.wait(lambda: "deploy is held" not in browser.text)
    browser.log_in("eli")
    browser.open(f"/runs/{run}")
    browser.one("#asks textarea").send_keys("ticket 4711")
    browser.button("pass", "#asks").click()
    browser.see("succeeded")
    assert site.status(run)["status"] == "succeeded"
    browser.see("ticket 4711")
    assert not browser.complaints()


def test_the_list_of_runs_shows_a_new_one_by_itself(site, browser):
    browser.open("/")
    browser.see("Runs")
    run = site.run("sign-off")
    browser.see(run, "declare@localhost waits for director")


def test_a_decline_ends_the_gate(site, browser):
    run = site.run("failover")
    browser.open(f"/runs/{run}")
    browser.see("Approve declare")
    browser.one("#asks textarea").send_keys("the region is back")
    browser.button("decline", "#asks").click()
    browser.see("failed", "the region is back")
    browser.wait(lambda: site.status(run)["status"] == "failed")


def test_an_abort_is_confirmed_first(site, browser):
    run = site.run("failover")
    browser.open(f"/runs/{run}")
    browser.see("Approve declare")
    with pytest.raises(NoSuchElementException):
        browser.one("#abort[open]")
    browser.one("#abort summary").click()
    browser.one("#abort textarea").send_keys("a false alarm")
    browser.button("abort", "#abort").click()
    assert browser.one('#abort input[name="sure"]:invalid')  # the browser asks for it, and sends nothing
    assert site.status(run)["aborting"] is None
    browser.one('#abort input[name="sure"]').click()
    browser.button("abort", "#abort").click()
    browser.see("aborted")
    assert site.status(run)["status"] == "aborted"


def test_a_run_is_paused_noted_and_goes_on(site, browser):
    run = site.run("failover")
    browser.open(f"/runs/{run}")
    browser.see("Steer this run")
    browser.one('form[id="form:pause"] input[name="reason"]').send_keys("wait for the provider")
    browser.button("pause").click()
    browser.see("Paused. wait for the provider")
    browser.one('form[id="form:note"] textarea').send_keys("they call back at four")
    browser.button("note").click()
    browser.see("they call back at four")
    browser.button("continue").click()
    browser.wait(lambda: "Paused" not in browser.text)
    assert site.status(run)["paused"] is None


def test_what_is_being_written_opened_and_scrolled_to_stays_when_the_run_changes(site, browser):
    run = site.run("failover")
    browser.open(f"/runs/{run}")
    browser.see("Approve declare")
    writing = browser.one("#asks textarea")
    writing.send_keys("I am just wri")
    browser.one("#step-restore summary").click()
    browser.script(
        "window.mark = document.querySelector('#asks textarea'); mark.focus(); mark.setSelectionRange(2, 4); scrollTo(0, 150)"
    )
    browser.script("document.documentElement.style.overflowAnchor = 'none'")  # as in browsers that don't hold the place
    before = browser.script("return mark.getBoundingClientRect().top")
    site("pause", run, "--reason", "look here: " + "a long reason " * 30, "--as", "eli")
    browser.see("look here")
    now = browser.script(
        "return [mark.isConnected, document.activeElement === mark, mark.value, mark.selectionStart, mark.selectionEnd,"
        " document.querySelector('#step-restore').open, mark.getBoundingClientRect().top]"
    )
    assert now[:6] == [True, True, "I am just wri", 2, 4, True]
    assert now[6] == pytest.approx(before, abs=3)
    writing.send_keys("ting")  # (into the selection)
    # Somebody else answers meanwhile: the words stay, and can be sent no more.
    site("continue", run)
    site("approve", run, "declare", "--as", "dana")
    browser.see("This was answered, or is not asked any more.")
    assert browser.script("return mark.isConnected && mark.value") == "I ting just wri"
    assert not [one for one in browser.all(".stale button") if one.is_enabled()]


def test_who_lacks_the_role_has_no_button_and_is_told_who_can(site, browser):
    run = site.run("failover")
    browser.log_in("lee")
    browser.open(f"/runs/{run}")
    browser.see("Approve declare", "dana: Dana Example, +1 555 0100")
    assert not browser.all("main form")


def test_the_one_time_link_logs_in_and_stays_in_no_address(site, browser):
    site("run", "failover", "--dry-run", "--yes")
    serving = subprocess.Popen(
        site._argv("serve", "--port", "0", "--as", "dana"), cwd=site.root, env=site._environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        link = next(found[0] for line in serving.stdout if (found := re.search(r"http://\S+/login#\S+", line)))
        browser.driver.get(link)
        browser.see("Log out", "failover")
        assert "#" not in browser.driver.current_url
        browser.driver.get("about:blank")
        browser.driver.get(link)  # whoever is logged in is asked, and the secret leaves the address all the same
        browser.see("You are logged in as")
        assert "#" not in browser.driver.current_url
        browser.one(".who button").click()
        browser.see("Log in")
        browser.driver.get("about:blank")
        browser.driver.get(link)
        browser.see("Not let in")
    finally:
        serving.terminate()
        serving.communicate(timeout=60)


def test_when_the_dashboard_goes_the_page_says_so_and_when_it_is_back_the_page_goes_on(site, browser, tmp_path_factory):
    other = type(site)(tmp_path_factory.mktemp("other") / "project")
    try:
        run = other.run("failover")
        there = type(browser)(browser.driver, other)
        there.log_in("dana")
        there.open(f"/runs/{run}")
        there.see("Approve declare")
        other._serving.terminate()
        other._serving.wait(60)
        there.see("What stands here may be old")
        assert "Approve declare" in there.text
        other("pause", run, "--reason", "the dashboard is away", "--as", "eli")
        other.serve(other.url.rpartition(":")[2])
        there.see("You are logged out")  # a dashboard that begins anew knows nobody
        assert "the dashboard is away" not in there.text
        first = there.driver.current_window_handle
        there.driver.switch_to.new_window("tab")
        there.log_in("dana")
        there.driver.close()
        there.driver.switch_to.window(first)
        there.asked_for()
        # Nothing is loaded again by hand: what happened meanwhile is there, and what happens now is told at once.
        there.see("the dashboard is away")
        there.wait(lambda: any(address.endswith(f"/runs/{run}/events") for address in there.asked_for()))
        other("continue", run)
        there.wait(lambda: "the dashboard is away" not in there.one("#run-head").text)
        assert "You are logged out" not in there.text
    finally:
        other.close()


PUTS_OUT = """
runbook: puts-out
steps:
  - id: restore
    timeout: 5m
    command.run: {shell: "echo 'table 1 <b>bold</b>'; echo $SECRET; printf '\\\\033[31m\\\\n' >&2; for word in more end; do while [ ! -e $word ]; do sleep 0.1; done; echo came to $word; done", cwd: ROOT}
    environment: {SECRET: "{{ secret('env:WORD_OF_SITE') }}"}
"""


def test_what_a_task_puts_out_is_seen_as_it_comes_and_nothing_of_a_killed_process_stays(site, browser, monkeypatch):
    monkeypatch.setenv("WORD_OF_SITE", "open sesame")
    (site.root / "runbooks" / "puts-out.yml").write_text(PUTS_OUT.replace("ROOT", str(site.root)))
    run = site.run("puts-out")
    browser.open(f"/runs/{run}")
    browser.see("Output of what runs", "table 1 <b>bold</b>", "[redacted]", "\\x1b[31m")
    assert not browser.all("#running b")
    (site.root / "more").touch()
    browser.wait(lambda: "came to more" in browser.one("#running").text)
    browser.one("#running a").click()
    browser.see("table 1 <b>bold</b>\n[redacted]\ncame to more", "So far, by")
    browser.driver.back()
    # The process that advances the run dies, and the command goes on: what is shown is this attempt's, or nothing.
    site.end_runs()
    browser.see("nobody advances it")
    assert site.say("resume", run, "--yes", "--detach")[0].split()[0] == run
    browser.wait(lambda: "attempt 2" in browser.one("#running").text)
    assert "attempt 1" not in browser.one("#running").text
    assert "came to more" in browser.one("#running").text
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(f"/runs/{run}")
        assert "came to more" in browser.one("#running").text, "without scripts it is there when the page is loaded"
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.open(f"/runs/{run}")
    (site.root / "end").touch()
    browser.wait(lambda: "succeeded" in browser.one("#run-head").text)
    browser.wait(lambda: not browser.one("#running").text)
    assert "table 1 <b>bold</b>\n[redacted]\ncame to more\ncame to end" in browser.one("#output").text
    assert not browser.complaints()
