"""What is given to people: the wheel holds the package and no more, the sdist the repository, and the wheel runs."""

import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYTHONS = runpy.run_path(str(ROOT / ".ci" / "pythons.py"))

EVERY_MODULE = """\
import pkgutil, runbook_engine
for found in pkgutil.walk_packages(runbook_engine.__path__, "runbook_engine."):
    if not found.name.endswith(("__main__", ".migrations.env")):  # these two do something
        __import__(found.name)
"""


def done(*argv: str | Path, cwd: Path) -> str:
    ended = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the wheel and the sdist of this repository."""
    folder = tmp_path_factory.mktemp("dist")
    done(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def tracked():
    """The files of the repository: in version control, or about to be."""
    if not (ROOT / ".git").exists():
        pytest.skip("no clone: there is no list of what belongs")
    listed = done("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    return {name for name in listed if (ROOT / name).exists()}


def test_the_wheel_holds_the_package_and_its_papers(built, tracked):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    papers = {name for name in names if ".dist-info/" in name}
    manual = {name for name in names if name.endswith(".data/data/share/man/man1/runbook.1")}
    assert len(manual) == 1
    assert names - papers - manual == {name for name in tracked if name.startswith("runbook_engine/")}
    assert {PurePosixPath(name).name for name in papers} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "LICENSE",
        "entry_points.txt",
    }
    assert "runbook_engine/py.typed" in names


def test_the_source_distribution_holds_what_is_in_version_control(built, tracked):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {member.name.split("/", 1)[1] for member in opened.getmembers() if member.isfile()}
    assert names - {"PKG-INFO"} <= tracked
    assert {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "requirements.lock"} <= names


@pytest.fixture(params=PYTHONS["supported"]())
def libraries(request):
    """The folder of the lock's libraries for a Python, each supported one in turn, and that Python."""
    python = PYTHONS["ready"](request.param)
    if python is None:
        pytest.skip(f"no Python {request.param} is prepared here: `make pythons` does that where it finds one")
    return site_of(python), python


def site_of(python):
    """Where a Python has its libraries."""
    return Path(done(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=ROOT).strip())


def asked_for(wheel, extra, libraries, version):
    """The distributions that this wheel asks for, and those that they ask for, as a person gets them by installing it."""
    here = {canonicalize_name(one.name): one for one in metadata.distributions(path=[str(libraries)])}
    mine = {"python_version": version, "python_full_version": f"{version}.0"}
    waiting, seen = [Requirement(f"runbook-engine[{extra}]" if extra else "runbook-engine")], set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for wanted in ({"", *one.extras}) - {known for by, known in seen if by == name}:
            seen.add((name, wanted))
            asks = wheel if name == "runbook-engine" else here[name].requires or []
            reads = [Requirement(line) for line in asks]
            waiting += [
                more for more in reads if more.marker is None or more.marker.evaluate({**mine, "extra": wanted})
            ]
    return [here[name] for name in sorted({name for name, _ in seen} - {"runbook-engine"})]


def lend(distributions, libraries, site):
    """Put these into an environment that has nothing, as if they had been installed there."""
    tops = {PurePosixPath(file).parts[0] for one in distributions for file in one.files}
    for top in tops - {"..", "__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(libraries / top)


def test_the_installed_wheel_with_what_it_asks_for_makes_projects_and_runs_them(built, tmp_path, libraries):
    (wheel,) = built.glob("*.whl")
    lent, python = libraries
    bare = tmp_path / "bare"
    done(python, "-m", "venv", "--without-pip", bare, cwd=tmp_path)
    python = bare / "bin" / "python"
    version = done(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])", cwd=tmp_path).strip()
    done(
        sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=tmp_path
    )
    site = site_of(python)
    (papers,) = metadata.distributions(path=[str(site)])
    lend(asked_for(papers.requires, "", lent, version), lent, site)
    found = done(python, "-c", "import runbook_engine; print(runbook_engine.__file__)", cwd=tmp_path)
    assert Path(found.strip()).is_relative_to(bare)
    runbook = bare / "bin" / "runbook"
    assert (bare / "share" / "man" / "man1" / "runbook.1").read_text().startswith('.\\" Written from')
    assert wheel.name.split("-")[1] in done(runbook, "--version", cwd=tmp_path)
    project = tmp_path / "project"
    done(runbook, "init", project, cwd=tmp_path)
    done(runbook, "validate", "--strict", cwd=project)
    done(runbook, "run", "restore-settings", "--yes", cwd=project)
    done(runbook, "report", "last", "--format", "html", "-o", "report.html", cwd=project)
    assert "restore-settings" in (project / "report.html").read_text()

    rehearsal = tmp_path / "rehearsal"
    done(runbook, "init", "--lab", rehearsal, cwd=tmp_path)
    done(runbook, "validate", "--strict", cwd=rehearsal)
    lend(asked_for(papers.requires, "lab", lent, version), lent, site)
    try:
        done(runbook, "lab", "up", cwd=rehearsal)
        said = done(runbook, "run", "region-failover", "-i", "demo", "-e", "incident=LAB-1", "--dry-run", cwd=rehearsal)
    finally:
        done(runbook, "lab", "down", cwd=rehearsal)
    assert "restore-db" in said

    for extra in papers.metadata.get_all("Provides-Extra"):
        lend(asked_for(papers.requires, extra, lent, version), lent, site)
    done(python, "-W", "error", "-c", EVERY_MODULE, cwd=tmp_path)


def test_a_python_is_found_behind_a_launcher_that_leads_nowhere(tmp_path, monkeypatch):
    version = "{}.{}".format(*sys.version_info)
    shim = tmp_path / "shims" / f"python{version}"
    kept = tmp_path / "pyenv" / "versions" / f"{version}.1" / "bin" / shim.name
    for path in (shim, kept):
        path.parent.mkdir(parents=True)
    shim.write_text("#!/bin/sh\necho no such version >&2\nexit 127\n")
    shim.chmod(0o700)
    kept.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
    assert PYTHONS["found"](version) == kept
    shim.unlink()
    kept.unlink()
    assert PYTHONS["found"](version) is None


def test_the_version_is_told_in_the_changelog(built):
    (wheel,) = built.glob("*.whl")
    version = wheel.name.split("-")[1]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert re.search(
        rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
