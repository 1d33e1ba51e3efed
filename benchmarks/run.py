"""Runs peers and product in turn, and writes benchmarks/results.md; fails only when one of them did not do its work."""

import argparse
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from environments import CACHE, HERE
from machine import describe
from measure import WorkError
from parts import PARTS, Setting
from report import Section, markdown, merged, plain

RESULTS = HERE / "results.md"


def main() -> int:
    """Measure what was asked for."""
    given = _arguments()
    CACHE.mkdir(parents=True, exist_ok=True)
    # Not in /tmp, which may be memory: a journal's fsync shall cost what it costs.
    folder = Path(tempfile.mkdtemp(prefix="work-", dir=CACHE))
    setting = Setting(folder, given.times, given.quick, given.hosts, not given.without_peers, _say)
    whole = not (given.only or given.quick or given.without_peers)
    sections: list[Section] = []
    load = os.getloadavg()[0]
    failed = False
    try:
        facts = describe(folder) if whole else []
        for name in given.only or PARTS:
            try:
                sections += PARTS[name](setting)
            except WorkError as error:
                _say(f"error: {error}")
                text = f"**This part failed, so it has no figures:** {str(error).splitlines()[0]}"
                sections.append(Section(name, text, ["", ""], []))
                failed = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if whole:
        RESULTS.write_text(markdown(facts, sections, f"{datetime.now(UTC):%Y-%m-%d}"))
        print(f"written to {RESULTS}")
    elif given.only and sections and not (given.quick or given.without_peers or failed):
        note = f"(Measured by itself on {datetime.now(UTC):%Y-%m-%d}; load at its beginning {load:.1f}.)"
        RESULTS.write_text(merged(RESULTS.read_text(), sections, note))
        print(f"its part written to {RESULTS}")
    print(plain(sections, judged=not given.quick))
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=list(PARTS),
        help="one part, put in its place in results.md; give it again for more",
    )
    parser.add_argument("--quick", action="store_true", help="little work, once: does everything run?")
    parser.add_argument("--times", type=int, help="how often each contender works (default: 5, quick: 1)")
    parser.add_argument("--hosts", type=int, help="hosts in the comparison with peers (default: 50, quick: 3)")
    parser.add_argument("--without-peers", action="store_true", help="install and measure none of the other tools")
    given = parser.parse_args()
    given.times = given.times or (1 if given.quick else 5)
    given.hosts = given.hosts or (3 if given.quick else 50)
    return given


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
