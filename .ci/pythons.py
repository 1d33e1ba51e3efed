"""Looks after the supported Pythons: `make pythons` finds them and prepares each, `make test-pythons` tests on each.

Which ones are supported is what `pyproject.toml` says in its classifiers. One that this machine lacks is told, and
skipped. The Python that runs this needs no preparing: it is the one of `.venv`.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".cache" / "pythons"
CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")
ASKED = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2], sys.implementation.name)"
STAMP = ".ready"
LONGEST_ANSWER_SECONDS = 60


def main() -> int:
    """Prepare the Pythons, and test on them where tests are named; 1 when one of them failed, or nothing is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", nargs=argparse.REMAINDER, help="run pytest on each, with these words")
    words = parser.parse_args().test
    ends = {version: _one(version, words) for version in supported()}
    print(*(f"Python {version}: {end}" for version, end in ends.items()), sep="\n", flush=True)
    return int(any(end.startswith("FAILED") for end in ends.values()))


def supported() -> list[str]:
    """Give the versions that the package promises to run on, as `3.11`, the oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [found[1] for one in project["classifiers"] if (found := CLASSIFIER.fullmatch(one))]


def found(version: str) -> Path | None:
    """Find an interpreter of this version that can make environments: on PATH, then where pyenv and uv keep theirs."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python")
    on_path = [Path(folder) / name for folder in os.get_exec_path() if folder]
    kept = [*sorted(pyenv.glob(f"versions/*/bin/{name}")), *sorted(uv.glob(f"*/bin/{name}"))]
    return next((one for one in [*on_path, *kept] if _is(one, version)), None)


def ready(version: str) -> Path | None:
    """Give the Python of an environment that has what the lock has now and this checkout; None when nobody made one."""
    if version == "{}.{}".format(*sys.version_info):
        return Path(sys.executable)
    stamp = ENVIRONMENTS / version / STAMP
    is_ready = stamp.exists() and stamp.read_text(encoding="utf-8") == _made_of()
    return ENVIRONMENTS / version / "bin" / "python" if is_ready else None


def prepare(version: str, interpreter: Path) -> None:
    """Make that environment. Raises `subprocess.CalledProcessError` when it can't be made."""
    home = ENVIRONMENTS / version
    shutil.rmtree(home, ignore_errors=True)
    # The lock is whole, so nothing is left to resolve; and what is never imported need not be compiled.
    pip = [home / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
    for words in (
        [interpreter, "-m", "venv", home],
        [*pip, "--no-compile", "--require-hashes", "-r", "requirements.lock"],
        [*pip, "--no-build-isolation", "--editable", "."],
    ):
        subprocess.run(words, cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    (home / STAMP).write_text(_made_of(), encoding="utf-8")


def _made_of() -> str:
    contents = (ROOT / name for name in ("requirements.lock", "pyproject.toml"))
    return hashlib.sha256(b"".join(one.read_bytes() for one in contents)).hexdigest()


def _one(version: str, words: list[str] | None) -> str:
    """Prepare one, test on it, and tell how that ended."""
    python = ready(version)
    if python is None:
        interpreter = found(version)
        if interpreter is None:
            return "SKIPPED, there is none on this machine"
        try:
            prepare(version, interpreter)
        except subprocess.CalledProcessError as error:
            return f"FAILED, {interpreter} got no environment (exit code {error.returncode})"
        python = ready(version)
    if words is None:
        return f"ready, {python}"
    print(f"Python {version}: {python}", flush=True)
    done = subprocess.run([python, "-m", "pytest", *words], cwd=ROOT, check=False)
    return f"FAILED, pytest ended with exit code {done.returncode}" if done.returncode else "passed"


def _is(candidate: Path, version: str) -> bool:
    """Whether this is a CPython of that version; a launcher that leads nowhere (pyenv has such) is not."""
    if not os.access(candidate, os.X_OK):
        return False
    try:
        said = subprocess.run(
            [candidate, "-c", ASKED], capture_output=True, text=True, check=False, timeout=LONGEST_ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.split() == [version, "cpython"]


if __name__ == "__main__":
    sys.exit(main())
