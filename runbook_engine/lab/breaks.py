"""What can be broken in the lab, by name: the words of `runbook lab break` and `mend`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook_engine.lab.errors import LabError

REGIONS = ("us-east-1", "eu-west-1")


@dataclass(frozen=True, slots=True)
class Breakage:
    """A kind of trouble. One that is `regional` is said with a region."""

    name: str
    meaning: str
    regional: bool = False


BREAKAGES = (
    Breakage("region", "the app's hosts die, the region's APIs answer 503, the status page says so", regional=True),
    Breakage("app", "the app's hosts of the region die; its APIs go on, and the status page is silent", regional=True),
    Breakage("throttling", "every third request to AWS is refused as one too many"),
    Breakage("slow-restore", "a restored database stays `creating` for a while"),
    Breakage("wrong-data", "what backups bring lacks a part; mended, what they brought is right"),
    Breakage("mail", "the mail server refuses connections"),
    Breakage("status-page", "the status pages are unreadable"),
    Breakage("dns", "the name server gives no answer"),
)


@dataclass(frozen=True, slots=True, order=True)
class Broken:
    """One thing that is broken: its kind, and the region if it has one."""

    what: str
    region: str | None = None

    def __str__(self) -> str:
        """As it is said to `break` and `mend`."""
        return self.what if self.region is None else f"{self.what} {self.region}"


def parse(words: Sequence[str]) -> Broken:
    """Read `region us-east-1` or `mail`; raises LabError, which names what there is."""
    kind = next((found for found in BREAKAGES if words and found.name == words[0]), None)
    if kind is None:
        named = words[0] if words else ""
        raise LabError(f"nothing here is called {named!r}", _near(named, [found.name for found in BREAKAGES]))
    if not kind.regional:
        if len(words) > 1:
            raise LabError(f"{kind.name} stands alone, without {' '.join(words[1:])!r}", f"say {kind.name}")
        return Broken(kind.name)
    if len(words) == 1:
        raise LabError(f"which {kind.name}?", f"say {kind.name} {' or '.join(REGIONS)}")
    if len(words) > 2:  # noqa: PLR2004 -- the kind and its region
        raise LabError(f"{' '.join(words[2:])!r} is too much", f"say {kind.name} {words[1]}")
    if words[1] not in REGIONS:
        raise LabError(f"the lab has no region {words[1]!r}", _near(words[1], REGIONS))
    return Broken(kind.name, words[1])


def spoken(broken: Iterable[Broken]) -> list[str]:
    """What is broken, in order, as it is said to `mend`."""
    return [str(found) for found in sorted(broken, key=str)]


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
