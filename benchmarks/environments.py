"""The peers' own environments, made from the locks when they are first needed."""

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"


def environment(name: str) -> Path:
    """Give the bin folder of the environment that `<name>.lock` describes; made anew when the lock changed."""
    lock = HERE / f"{name}.lock"
    folder = CACHE / name
    stamp = folder / ".made-from"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"installing {lock.name} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--require-hashes", "-r", lock],
            check=True,
        )  # fmt: skip
        stamp.write_text(digest)
    return folder / "bin"


def version(name: str, distribution: str) -> str:
    """Give the version of a distribution in one of the environments."""
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    python = environment(name) / "python"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
