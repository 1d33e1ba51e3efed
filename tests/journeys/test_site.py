"""The documentation as a site: every page is in its navigation, and it is whole without a network.

Building it needs an environment of its own, which takes half a minute to install: `make site` does both, what CI runs
does not, and the tests of the built site are skipped there.
"""

import html.parser
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
OWN = ROOT / ".cache" / "site" / "bin" / "mkdocs"


def paths_in(nav):
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            (below,) = entry.values()
            yield from [below] if isinstance(below, str) else paths_in(below)


def test_the_navigation_names_every_page_once():
    named = list(paths_in(CONFIG["nav"]))
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def test_the_sections_are_those_of_diataxis_and_the_decisions():
    sections = {name: list(paths_in(below)) for entry in CONFIG["nav"][1:] for name, below in entry.items()}
    assert list(sections) == ["Tutorial", "How-to", "Reference", "Policy", "Explanation", "Decisions"]
    for name, pages in sections.items():
        if name != "Policy":
            assert {page.split("/")[0] for page in pages} == {name.lower()}
    assert sections["Decisions"] == sorted(sections["Decisions"])


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("site_hooks", DOCS / "site_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("see [it](../../SECURITY.md#report)", "see it (`SECURITY.md`)"),
        ("[a](../index.md), [b](other.md#c), [c](#d)", "[a](../index.md), [b](other.md#c), [c](#d)"),
        ("[out](https://example.com/x)", "[out](https://example.com/x)"),
        ("`steps['a'](../../x)` stays", "`steps['a'](../../x)` stays"),
        ("```console run\n$ a [b](../../c)\n```", "```console\n$ a [b](../../c)\n```"),
        ("1. a\n\n   b\n2. c", "1. a\n\n    b\n\n2. c"),
        ("1. a:\n\n   ```sh\n   b\n\n     c\n   ```\n", "1. a:\n\n    ```sh\n    b\n\n      c\n    ```\n"),
    ],
)
def test_a_page_is_read_as_code_hosts_read_it(hooks, written, read):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="how-to/ci.md"))
    assert hooks.on_page_markdown(written, page=page) == read


@pytest.mark.parametrize(
    ("heading", "anchor"), [("5. Kill it", "5-kill-it"), ("Who's there — now?", "whos-there--now")]
)
def test_anchors_are_those_of_code_hosts(hooks, heading, anchor):
    assert hooks.slug(heading, "-") == anchor


class Resources(html.parser.HTMLParser):
    """What a page loads or sends to, links that a reader may follow aside."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        wanted = {name: value for name, value in attributes if name in {"src", "href", "srcset", "action", "data"}}
        if tag != "a":
            self.found += [value or "" for value in wanted.values()]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    mkdocs = str(OWN) if OWN.exists() else shutil.which("mkdocs")
    if mkdocs is None:
        pytest.skip("mkdocs-material is not installed: `make site` does that")
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [mkdocs, "build", "--quiet", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md"))), "every page, and the one for what is not there"
    for page in pages:
        parser = Resources()
        parser.feed(page.read_text(encoding="utf-8"))
        assert parser.found
        assert not [at for at in parser.found if re.match(r"(?:[a-z]+:)?//", at)], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_every_page_can_be_searched_for_from_a_disk(site):
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    found = {entry["location"].partition("#")[0] for entry in json.loads(index.removeprefix("var __index = "))["docs"]}
    pages = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")}
    assert pages <= found
    assert "assets/iframe-worker.js" in (site / "index.html").read_text(encoding="utf-8")


def test_a_browser_without_a_network_finds_pages_on_a_disk(site):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no chromium, or no driver for it")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(word)
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    try:
        window.get((site / "how-to" / "ci.html").as_uri() + "?q=threat+model")
        hits = WebDriverWait(window, 60).until(
            lambda _: window.find_elements(By.CSS_SELECTOR, ".md-search-result__item")
        )
        assert any("explanation/threat-model.html" in hit.get_attribute("innerHTML") for hit in hits)
        seen = [json.loads(entry["message"])["message"] for entry in window.get_log("performance")]
        asked = {one["params"]["request"]["url"] for one in seen if one["method"] == "Network.requestWillBeSent"}
        assert any(url.endswith("/assets/iframe-worker.js") for url in asked)
        assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    finally:
        window.quit()
