"""Reads YAML and JSON files of an inventory into plain data that knows its lines."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.loading.yaml_source import read_yaml
from runbook_engine.model import located
from runbook_engine.model.config import Limits
from runbook_engine.model.json import JsonValue
from runbook_engine.model.located import SourceMap

_VAULT_TAG = re.compile(r"(?:^|[\s\[,{:-])(!vault(?:-encrypted)?)(?=[\s|>]|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its data, and where each part of it stands."""

    root: object
    sources: SourceMap

    def place(self, path: located.Path) -> Place:
        """Give the place of the value at a path."""
        where = self.sources.at(path)
        return Place(where.file, where.line, where.column)

    def key_place(self, path: located.Path) -> Place:
        """Give the place of the key in front of the value at a path."""
        where = self.sources.at(path, key=True)
        return Place(where.file, where.line, where.column)


def read_document(path: Path, files: InventoryFiles, findings: Findings) -> Document | None:
    """Read a YAML or JSON file; nothing when it can't be read or parsed (findings say why)."""
    content = files.read(path)
    return None if content is None else parse_document(content, files.shown(path), files.limits, findings)


def parse_document(content: bytes, shown: str, limits: Limits, findings: Findings) -> Document | None:
    """Parse JSON if it is JSON, else YAML 1.1 with Ansible's `!unsafe`, which is what all data is here anyway."""
    if content.lstrip()[:1] in {b"{", b"["}:
        try:
            root = _json(content, limits)
        except (ValueError, RecursionError):
            pass  # no strict JSON: the YAML reader reads it, or says what is wrong and where
        else:
            return Document(root, SourceMap(shown))
    encrypted: list[str] = []
    tags: dict[str, Callable[[str], object]] = {
        "!unsafe": str,
        "!vault": encrypted.append,
        "!vault-encrypted": encrypted.append,
    }
    result = read_yaml(content, file=shown, limits=limits, tags=tags, yaml_1_1=True)
    findings.extend(result.diagnostics)
    if encrypted:
        _say_encrypted(content.decode("utf-8-sig"), shown, findings)
    if result.root is None and result.diagnostics:
        return None
    return Document(result.root, result.sources)


def plain(value: object) -> JsonValue:
    """Give data without its marks, as variables are kept."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _json(content: bytes, limits: Limits) -> object:
    """Parse strict JSON within the limits.

    Raises:
        ValueError: it is not strict JSON, a key comes twice, it is too deep or too large, or it holds half characters
            or infinity.
        RecursionError: it is far too deep.
    """
    root: object = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse)
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > limits.depth or count > limits.nodes:
            raise ValueError("too deep or too many values")
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str):
                value.encode()
            elif isinstance(value, float) and not math.isfinite(value):
                raise ValueError("a number is too large")
        level = below
    return root


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _say_encrypted(text: str, shown: str, findings: Findings) -> None:
    for match in _VAULT_TAG.finditer(text):
        line_start = text.rfind("\n", 0, match.start(1)) + 1
        findings.add(
            "RB305",
            Place(shown, text.count("\n", 0, match.start(1)) + 1, match.start(1) - line_start + 1),
            "a value is encrypted with ansible-vault, which is not supported",
            "keep the secret elsewhere, and refer to it with secret() in the runbook",
        )
