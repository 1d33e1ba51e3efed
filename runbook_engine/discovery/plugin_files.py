"""Finds and imports the plugins of a folder, each under a module name of its own, without touching `sys.path`."""

import hashlib
import importlib.util
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_SKIPPED = ("conftest.py", "setup.py")
_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A plugin that was found: a file, or a package's folder with all its modules."""

    path: Path
    modules: tuple[Path, ...]

    @property
    def version(self) -> str:
        """`sha256:` and the first twelve digits of the hash over all its modules."""
        digest = hashlib.sha256()
        for module in self.modules:
            content = module.read_bytes()
            digest.update(f"{module.relative_to(self.path.parent)}\0{len(content)}\0".encode())
            digest.update(content)
        return f"sha256:{digest.hexdigest()[:12]}"


def find_plugins(folder: Path) -> Iterator[PluginFile]:
    """Find the plugins below a folder, sorted: files, packages, and those of plain sub-folders."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            if (path / "__init__.py").is_file():
                modules = sorted(item for item in path.rglob("*.py") if not _is_test(item))
                yield PluginFile(path, tuple(modules))
            else:
                yield from find_plugins(path)
        elif path.suffix == ".py" and not _is_test(path):
            yield PluginFile(path, (path,))


def refusal(path: Path, folder: Path) -> str:
    """Say why a path may not be trusted as code; empty when it may."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        return "is a link that leads out of the plugin folder"
    status = path.stat()
    if status.st_mode & stat.S_IWOTH:
        return f"can be written by everybody (mode {stat.S_IMODE(status.st_mode):04o})"
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        return "is no plain file"
    if stat.S_ISREG(status.st_mode) and status.st_size > _LARGEST:
        return f"is larger than {_LARGEST >> 20} MiB"
    return ""


def import_plugin(plugin: PluginFile) -> list[ModuleType]:
    """Import a plugin's modules; whatever they raise passes through, and nothing of them stays behind then.

    A package's modules can import each other by relative imports.
    """
    place = hashlib.sha256(os.path.realpath(plugin.path).encode()).hexdigest()[:12]
    name = f"runbook_plugin_{place}_{plugin.path.stem}"
    try:
        return [_import_file(path, _module_name(name, plugin.path, path)) for path in plugin.modules]
    except BaseException:
        for left in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
            del sys.modules[left]
        raise


def _module_name(root: str, base: Path, path: Path) -> str:
    if base == path:
        return root
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join((root, *(part for part in parts if part != "__init__")))


def _import_file(path: Path, name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    folder = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_test(path: Path) -> bool:
    return path.name in _SKIPPED or path.name.startswith("test_") or path.stem.endswith("_test")
