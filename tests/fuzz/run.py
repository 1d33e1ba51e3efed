"""Fuzzes one target with atheris, guided by what of the engine's code an input reaches: `make fuzz`.

    python tests/fuzz/run.py playbook 300

An input that breaks the target is left in `.fuzz/`; once the cause is mended it belongs into `tests/fuzz/found/`.
"""

import random
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
# Never left: the engine imports much of itself only once it is needed.
atheris.instrument_imports(include=["runbook_engine"]).__enter__()
from fuzz.mutate import mutated  # noqa: E402
from fuzz.seeds import ROOT, seeds  # noqa: E402
from fuzz.targets import TARGETS  # noqa: E402

LONGEST_SECONDS, MOST_MEGABYTES = 20, 1024


def main():
    name, seconds = sys.argv[1], int(sys.argv[2])
    pool = seeds(name)
    place = ROOT / ".fuzz"
    corpus = place / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(pool):
        (corpus / f"seed-{number:03}").write_bytes(data)

    def change(data, most, seed):
        draw = random.Random(seed)
        made = mutated(data, draw, pool) if draw.random() < 0.8 else atheris.Mutate(data, most)
        return made[:most]

    options = [
        *(f"-max_total_time={seconds}", f"-timeout={LONGEST_SECONDS}", f"-rss_limit_mb={MOST_MEGABYTES}"),
        *("-max_len=32768", f"-artifact_prefix={place}/{name}-", "-verbosity=1"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        check = TARGETS[name](Path(folder))
        atheris.Setup([sys.argv[0], *options, str(corpus)], check, custom_mutator=change)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
