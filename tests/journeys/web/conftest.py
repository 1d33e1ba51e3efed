"""A real `runbook serve`, runs in processes of their own, and a real browser that looks at them."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from support.dashboard_project import make_project
from support.own_path import own_path

PATIENCE = 60  # seconds
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Site:
    """A project with its dashboard."""

    def __init__(self, root: Path) -> None:
        self.root = make_project(root)
        self.log = root / "serve.log"
        self.url = self.serve()

    def serve(self, port: str = "0") -> str:
        """Start the dashboard; gives its address."""
        with self.log.open("w") as out:
            words = ("serve", "--port", port, "--no-link")
            self._serving = subprocess.Popen(
                self._argv(*words), cwd=self.root, env=self._environment(), stdout=out, stderr=out
            )
        return self._wait_for_address()

    def __call__(self, *words: str) -> str:
        return self.say(*words)[0]

    def say(self, *words: str) -> tuple[str, str]:
        """Call the command line; gives what it prints, and what it says besides."""
        done = subprocess.run(
            self._argv(*words), cwd=self.root, env=self._environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout, done.stderr

    def run(self, name: str, *more: str) -> str:
        """Begin a run that goes on in a process of its own, and waits there for people."""
        out, err = self.say("run", name, "--yes", "--detach", "--as", "eli", *more)
        assert out.strip(), err
        return out.split()[0]

    def status(self, run: str) -> dict:
        return json.loads(self("status", run, "--output", "json"))

    def events(self, run: str) -> list[dict]:
        return json.loads(self("audit", "log", run, "--output", "json"))

    def token(self, person: str) -> str:
        return self("serve", "--new-token", person).strip()

    def end_runs(self) -> None:
        """End the processes that advance runs; only one advances a runbook on an inventory at a time."""
        for run in json.loads(self("runs", "--output", "json")):
            holder = self.status(run["id"])["holder"] if run["status"] == "open" else None
            if pid := re.search(r"pid (\d+)", holder or ""):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid[1]), signal.SIGKILL)

    def close(self) -> None:
        """End the dashboard, and every run that still goes on."""
        self.end_runs()
        self._serving.terminate()
        try:
            self._serving.wait(PATIENCE)
        finally:
            self._serving.kill()
            self._serving.wait()

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "runbook_engine.cli.main", *words]

    def _environment(self) -> dict[str, str]:
        unwanted = {"RUNBOOK_JOURNAL", "RUNBOOK_OPERATOR", "RUNBOOK_DEBUG", "NO_COLOR", "CI"}
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        return {**kept, "TZ": "UTC", "PYTHONPATH": own_path()}

    def _wait_for_address(self) -> str:
        for _ in range(20 * PATIENCE):
            if found := re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text()):
                return found[0]
            assert self._serving.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())


class Browser:
    """A browser of a person who is logged in."""

    def __init__(self, driver: webdriver.Chrome, site: Site) -> None:
        self.driver, self.site = driver, site

    def log_in(self, person: str) -> None:
        self.driver.get(f"{self.site.url}/login")
        self.driver.delete_all_cookies()
        self.driver.get(f"{self.site.url}/login")
        self.one("#token").send_keys(self.site.token(person))
        self.one("#login button").click()
        self.wait(lambda: "/login" not in self.driver.current_url)

    def open(self, path: str) -> None:
        self.driver.get(f"{self.site.url}{path}")

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def button(self, answer: str, within: str = "main") -> WebElement:
        return self.one(f'{within} button[value="{answer}"]')

    @property
    def text(self) -> str:
        return self.one("body").text

    def wait(self, that) -> None:
        """Wait until something is so; a page that is exchanged meanwhile is looked at again."""
        waiting = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1, ignored_exceptions=[Exception])
        waiting.until(lambda _: that(), message=self.site.log.read_text()[-2000:])

    def see(self, *texts: str) -> None:
        self.wait(lambda: all(text in self.text for text in texts))

    def script(self, text: str, *values):
        return self.driver.execute_script(text, *values)

    def size(self, width: int, height: int = 800, *, phone: bool = False) -> None:
        how = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", how)

    def complaints(self) -> list[str]:
        """What the browser's console says since it was asked last: errors, and what the policy forbade."""
        return [one["message"] for one in self.driver.get_log("browser") if one["level"] in {"SEVERE", "WARNING"}]

    def asked_for(self) -> set[str]:
        """Addresses that pages asked for since it was asked last."""
        told = [json.loads(one["message"])["message"] for one in self.driver.get_log("performance")]
        return {one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"}


@pytest.fixture(scope="session")
def driver():
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    steering = shutil.which("chromedriver")
    if program is None or steering is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"):
        options.add_argument(word)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(steering))
    made.set_page_load_timeout(PATIENCE)
    yield made
    made.quit()


@pytest.fixture(scope="module")
def site(driver, tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("site") / "project")
    yield made
    made.close()


@pytest.fixture
def browser(driver, site):
    made = Browser(driver, site)
    made.size(1280)
    made.log_in("dana")
    made.complaints()
    made.asked_for()
    return made
