"""What is given to people: the wheel holds the package and no more, the sdist the repository, and the wheel runs."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]


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


def _pythons():
    """This environment's Python, and those of others with the lock's libraries that RUNBOOK_PYTHONS names."""
    return [sys.executable, *filter(None, os.environ.get("RUNBOOK_PYTHONS", "").split(os.pathsep))]


@pytest.mark.parametrize("python", _pythons(), ids=range(len(_pythons())))
def test_the_installed_wheel_makes_a_project_and_runs_it(built, tmp_path, python):
    (wheel,) = built.glob("*.whl")
    bare = tmp_path / "bare"
    done(python, "-m", "venv", "--without-pip", bare, cwd=tmp_path)
    libraries = done(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    python = bare / "bin" / "python"
    done(
        sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=tmp_path
    )
    # The libraries are those of that environment; read behind the wheel, so that no checkout stands in for it.
    site = Path(done(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    (site / "libraries.pth").write_text(libraries + "\n")
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
    assert "region-failover" in done(runbook, "init", "--lab", tmp_path / "lab", cwd=tmp_path)


def test_the_version_is_told_in_the_changelog(built):
    (wheel,) = built.glob("*.whl")
    version = wheel.name.split("-")[1]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert re.search(
        rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
