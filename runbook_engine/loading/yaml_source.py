"""Reads YAML strictly into plain data that knows its lines; every problem is a finding, none an exception."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.loading.limited_file import read_limited, too_large
from runbook_engine.loading.source_lines import SourceLines
from runbook_engine.loading.yaml_fold import Fold, StopReadingError
from runbook_engine.loading.yaml_fold_1_1 import AnsibleFold
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.located import SourceMap
from runbook_engine.model.rules import diagnostic

Tags = Mapping[str, Callable[[str], object]]

# Control characters, line separators other than CR and LF, bidirectional embeddings, overrides and isolates, a byte
# order mark in the middle, non-characters: all can make a file read differently from what it says.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_USUAL = bytes(range(0x20, 0x7F)) + b"\t\n\r"
# Possessive, because a text may be a million line ends.
_DIRECTIVE = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?+(?>\r\n|\r|\n))*+(%)")
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class YamlResult:
    """What a YAML file holds.

    Attributes:
        root: made of `LocatedDict`, `LocatedList`, text, numbers, booleans and None; None also when the file could not
            be parsed. With findings about single keys or values, the rest is given, so that it can be checked too.
        sha256: hexadecimal digest of the file's bytes; empty when they could not be read.
    """

    root: object
    sources: SourceMap
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sha256: str = ""


def read_yaml_file(
    path: Path,
    *,
    shown_as: str,
    limits: Limits,
    tags: Tags | None = None,
    warn_ambiguous: bool = True,
    yaml_1_1: bool = False,
    follow_links: bool = True,
) -> YamlResult:
    """Read a YAML file; `shown_as` names it in findings. Without `follow_links` a symbolic link is refused."""
    data = read_limited(path, shown_as=shown_as, limits=limits, follow_links=follow_links)
    if isinstance(data, Diagnostic):
        return YamlResult(None, SourceMap(shown_as), [data])
    return read_yaml(data, file=shown_as, limits=limits, tags=tags, warn_ambiguous=warn_ambiguous, yaml_1_1=yaml_1_1)


def read_yaml(
    text: str | bytes,
    *,
    file: str,
    limits: Limits,
    tags: Tags | None = None,
    warn_ambiguous: bool = True,
    yaml_1_1: bool = False,
) -> YamlResult:
    """Read YAML; never raises on bad input, every problem is a finding with its place.

    Args:
        text: the file's contents.
        file: the file's name for findings.
        limits: bounds on size, depth and number of values.
        tags: what the text of a scalar with a tag (`!vault`) becomes; other tags are refused.
        warn_ambiguous: warn about plain scalars that YAML readers disagree about (`NO`, `017`, `1:30`).
        yaml_1_1: read keys and plain scalars as Ansible does, in place of YAML 1.2's core schema, and allow merge keys.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    sha256 = hashlib.sha256(data).hexdigest()
    if len(data) > limits.file_bytes:
        return YamlResult(None, SourceMap(file), [too_large(file, limits)], sha256)
    try:
        decoded = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return YamlResult(None, SourceMap(file), [_not_utf8(data, error, file)], sha256)
    lines = SourceLines(decoded)
    findings = _first_look(decoded, lines, file, limits)
    if findings:
        return YamlResult(None, SourceMap(file, lines=lines), findings, sha256)
    fold = (AnsibleFold if yaml_1_1 else Fold)(
        decoded,
        lines=lines,
        file=file,
        limits=limits,
        tags=tags or {},
        warn_ambiguous=warn_ambiguous and not yaml_1_1,
        yaml_1_1=yaml_1_1,
    )
    try:
        root = fold.read()
    except StopReadingError:
        root = None
    return YamlResult(root, SourceMap(file, root, lines), fold.diagnostics, sha256)


def _not_utf8(data: bytes, error: UnicodeDecodeError, file: str) -> Diagnostic:
    """Place the first byte that is not UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return diagnostic("RB003", Location(file=file, line=1, column=1), "the file is UTF-16", "save it as UTF-8")
    before = error.object[: error.start]
    line_start = max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
    place = Location(
        file=file,
        line=before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n") + 1,
        column=len(before[line_start:].decode("utf-8", "replace")) + 1,
    )
    return diagnostic("RB003", place, f"byte 0x{data[error.start]:02x} is not valid UTF-8", "save the file as UTF-8")


def _first_look(text: str, lines: SourceLines, file: str, limits: Limits) -> list[Diagnostic]:
    """Find what the parser must not see, or would spend unbounded time on."""
    if len(lines) > limits.nodes:
        hint = "split it, or raise limits.nodes in runbook.toml"
        return [diagnostic("RB008", Location(file=file), f"the file has more than {limits.nodes:,} lines", hint)]
    findings = []
    # Most files are plain ASCII, which one quick look tells: what is left without the usual characters is not usual.
    usual = text.isascii() and not text.encode().translate(None, _USUAL)
    for match in () if usual else _FORBIDDEN.finditer(text):
        line, column = lines.place(match.start())
        message = f"the invisible character U+{ord(match.group()):04X} is not allowed"
        hint = "remove it; inside double quotes it can be written as an escape"
        findings.append(diagnostic("RB004", Location(file=file, line=line, column=column), message, hint))
        if len(findings) == _MOST_SHOWN:
            break
    directive = _DIRECTIVE.match(text)
    if directive and not findings:
        line, column = lines.place(directive.start(1))
        place = Location(file=file, line=line, column=column)
        findings.append(diagnostic("RB017", place, "a YAML directive is not allowed", "remove the line"))
    return findings
