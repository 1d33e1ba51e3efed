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
from runbook_engine.loading.inventory.vault import Vault, is_vaulted
from runbook_engine.loading.inventory.vault_passwords import VaultProblemError
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
    return None if content is None else parse_document(content, files.shown(path), files, findings)


def read_variables(path: Path, files: InventoryFiles, findings: Findings) -> Document | None:
    """Read a file of variables as `read_document` does; all of it may be encrypted with ansible-vault."""
    content = files.read(path, may_be_vaulted=True)
    if content is None:
        return None
    shown = files.shown(path)
    if not is_vaulted(content):
        return parse_document(content, shown, files, findings)
    try:
        decrypted = files.vault.decrypt(content.decode("ascii", "replace"))
    except VaultProblemError as error:
        findings.add("RB305", Place(shown), error.message, error.hint)
        return None
    inside = Findings()
    document = parse_document(decrypted, shown, files, inside)
    for found in inside.sorted():
        # The reader's own words could quote what is secret.
        place = Place(shown, 1, 1)
        findings.add(found.rule, place, f"there is something wrong in line {found.location.line} of what is encrypted")
    if document is None:
        return None
    files.vault.hide(document.root)
    return Document(document.root, SourceMap(shown))


def parse_document(content: bytes, shown: str, files: InventoryFiles, findings: Findings) -> Document | None:
    """Parse JSON if it is JSON, else YAML 1.1 with Ansible's `!vault`, and `!unsafe`, which is what all data is."""
    decoder = _Decoder(files.vault)
    if content.lstrip()[:1] in {b"{", b"["}:
        found = _strict_json(content, decoder, files)
        if found:
            decoder.report(b"", shown, findings)
            return Document(found[0], SourceMap(shown))
    tags: dict[str, Callable[[str], object]] = {
        "!unsafe": str,
        "!vault": decoder.value,
        "!vault-encrypted": decoder.value,
        "tag:yaml.org,2002:str": str,
    }
    result = read_yaml(content, file=shown, limits=files.limits, tags=tags, yaml_1_1=True)
    findings.extend(result.diagnostics)
    decoder.report(content, shown, findings)
    if result.root is None and result.diagnostics:
        return None
    return Document(result.root, result.sources)


def _strict_json(content: bytes, decoder: "_Decoder", files: InventoryFiles) -> tuple[object, ...]:
    """Give what strict JSON holds; nothing when it is none, which the YAML reader reads, or says what is wrong."""
    try:
        return (decoder.unmarked(parse_json(content, files.limits)),)
    except (ValueError, RecursionError):
        return ()


def parse_marked_json(content: bytes, shown: str, files: InventoryFiles, findings: Findings) -> object:
    """Parse JSON that a program printed, with Ansible's marks for text that is encrypted or not to be rendered.

    Raises:
        ValueError: as `parse_json`.
        RecursionError: it is far too deep.
    """
    decoder = _Decoder(files.vault)
    root = decoder.unmarked(parse_json(content, files.limits))
    decoder.report(b"", shown, findings)
    return root


def plain(value: object) -> JsonValue:
    """Give data without its marks, as variables are kept."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def parse_json(content: bytes, limits: Limits) -> object:
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


class _Decoder:
    """Decrypts the encrypted values of one file, and gathers why some could not be."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._count = 0
        self._failed: list[tuple[int, VaultProblemError]] = []

    def value(self, encrypted: str) -> str:
        """Decrypt one value; one that can't be is empty, and the failure is kept."""
        self._count += 1
        try:
            return self._vault.decrypt_value(encrypted)
        except VaultProblemError as error:
            self._failed.append((self._count - 1, error))
            return ""

    def unmarked(self, value: object) -> object:
        """Give JSON without Ansible's marks `__ansible_unsafe` and `__ansible_vault`."""
        if isinstance(value, dict):
            if isinstance(text := value.get("__ansible_vault"), str):
                return self.value(text)
            if "__ansible_unsafe" in value:
                return value["__ansible_unsafe"]
            return {key: self.unmarked(one) for key, one in value.items()}
        return [self.unmarked(one) for one in value] if isinstance(value, list) else value

    def report(self, content: bytes, shown: str, findings: Findings) -> None:
        """Tell the failures, each at its line if that can be told."""
        if not self._failed:
            return
        text = content.decode("utf-8-sig", "replace")
        starts = [match.start(1) for match in _VAULT_TAG.finditer(text)]
        for index, error in self._failed:
            place = Place(shown)
            if len(starts) == self._count:
                line_start = text.rfind("\n", 0, starts[index]) + 1
                place = Place(shown, text.count("\n", 0, starts[index]) + 1, starts[index] - line_start + 1)
            findings.add("RB305", place, f"a value can't be decrypted: {error.message}", error.hint)
