"""The catalogue of actions: the engine's own first, then installed distributions', then those of plugin folders."""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType

from runbook_engine.discovery.action_classes import action_classes, declaration_problem, place_of
from runbook_engine.discovery.plugin_files import PluginFile, find_plugins, import_plugin, refusal
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.rules import diagnostic
from runbook_engine.ports.action import (
    Action,
    Params,
)
from runbook_engine.ports.catalog import (
    Catalog,
    CatalogEntry,
)

ENTRY_POINT_GROUP = "runbook_engine.actions"
ENGINE = "runbook-engine"
_LONGEST_ERROR = 500


class ActionCatalog:
    """A `Catalog`; what it has never changes. The engine's own actions are imported when they are asked for."""

    def __init__(
        self,
        actions: Mapping[str, Action[Params]],
        entries: Mapping[str, CatalogEntry],
        versions: Mapping[str, str],
        own: Mapping[str, EntryPoint],
    ) -> None:
        self._actions = dict(actions)
        self._entries = dict(entries)
        self._versions = MappingProxyType(dict(sorted(versions.items())))
        self._own = own
        self._names = tuple(sorted({*actions, *own}))

    def get(self, name: str) -> Action[Params] | None:
        """Give an action, None when there is none of that name."""
        found = self._actions.get(name)
        if found is None and name in self._own:
            # Two threads may both come here: the first one's action is everybody's.
            found = self._actions.setdefault(name, _own_action(name, self._own[name]))
        return found

    def names(self) -> Sequence[str]:
        """Name every action, sorted."""
        return self._names

    def entry(self, name: str) -> CatalogEntry:
        """Describe an action by its name.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self._entries:
            action = self.get(name)
            if action is None:
                raise KeyError(name)
            self._entries[name] = _entry(type(action), *_origin(self._own[name]))
        return self._entries[name]

    def versions(self) -> Mapping[str, str]:
        """Give the version of each origin that gave an action, for the audit trail."""
        return self._versions


def build_catalog(
    plugin_folders: Sequence[Path],
    *,
    entry_point_group: str = ENTRY_POINT_GROUP,
    installed: Iterable[EntryPoint] | None = None,
) -> tuple[Catalog, list[Diagnostic]]:
    """Gather every action. A plugin that is wrong is left out and reported; the others are not disturbed.

    Args:
        plugin_folders: searched in this order; one that does not exist has no plugins.
        entry_point_group: each entry point of it names a module whose `Action` classes are taken.
        installed: the entry points to take in place of the installed ones.
    """
    gathering = _Gathering()
    points = entry_points(group=entry_point_group) if installed is None else installed
    for point in sorted(points, key=_precedence):
        gathering.take_entry_point(point)
    for folder in plugin_folders:
        if folder.is_dir():
            gathering.take_folder(folder)
    catalog = ActionCatalog(gathering.actions, gathering.entries, gathering.versions, gathering.own)
    return catalog, gathering.diagnostics


class _Gathering:
    """What was found so far."""

    def __init__(self) -> None:
        self.actions: dict[str, Action[Params]] = {}
        self.entries: dict[str, CatalogEntry] = {}
        self.versions: dict[str, str] = {}
        self.own: dict[str, EntryPoint] = {}
        self.diagnostics: list[Diagnostic] = []

    def take_entry_point(self, point: EntryPoint) -> None:
        origin, version = _origin(point)
        if _is_own(point) and "." in point.name:
            self.own[point.name] = point
            self.versions[origin] = version
            return
        here = Location(file=f"{origin} (entry point {point.name})")
        try:
            loaded = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is reported
            self._report_import(error, here, f"the plugin {point.value!r} of {origin}")
            return
        if isinstance(loaded, ModuleType):
            self._take_classes(action_classes(loaded), origin, version, here)
        elif isinstance(loaded, type) and issubclass(loaded, Action):
            self._take_classes([loaded], origin, version, here)
        else:
            self._report("RB411", here, f"{point.value!r} is neither a module nor an action class")

    def take_folder(self, folder: Path) -> None:
        try:
            why = refusal(folder, folder)
            if why:
                self._refuse(folder, f"the plugin folder {folder} {why}; none of its plugins is used")
                return
            for plugin in find_plugins(folder):
                if self._is_trusted(plugin, folder):
                    self._take_plugin(plugin)
        except OSError as error:
            where = Path(error.filename or folder)
            message = f"plugins of {folder} are left out: {where} can't be read: {error.strerror}"
            self._report("RB410", Location(file=str(where)), message, "may you read it, and search its folder?")

    def _is_trusted(self, plugin: PluginFile, folder: Path) -> bool:
        inside = {parent for module in plugin.modules for parent in module.parents if parent.is_relative_to(folder)}
        for path in sorted({plugin.path, *plugin.modules, *inside}):
            why = refusal(path, folder)
            if why:
                self._refuse(path, f"the plugin {path} {why}; it is not used")
                return False
        return True

    def _take_plugin(self, plugin: PluginFile) -> None:
        here = Location(file=str(plugin.path))
        try:
            version, modules = plugin.version, import_plugin(plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is reported
            self._report_import(error, _place(error, plugin) or here, f"the plugin {plugin.path}")
            return
        for module in modules:
            self._take_classes(action_classes(module), str(plugin.path), version, here)

    def _take_classes(self, classes: Iterable[type[Action[Params]]], origin: str, version: str, here: Location) -> None:
        for kind in classes:
            problem = declaration_problem(kind)
            if problem:
                self._report(
                    "RB411",
                    _declared(kind, here),
                    f"the action class {kind.__name__} of {origin} is left out: {problem}",
                )
            elif kind.name in self.actions or kind.name in self.own:
                first = self.entries[kind.name].origin if kind.name in self.entries else ENGINE
                message = f"the action {kind.name!r} of {origin} is left out: {first} has one of that name"
                self._report("RB412", _declared(kind, here), message, "give it a name of its own")
            else:
                self._take(kind, origin, version, here)

    def _take(self, kind: type[Action[Params]], origin: str, version: str, here: Location) -> None:
        try:
            action = kind()
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is reported
            why = f"{type(error).__name__}: {error}"
            message = f"the action {kind.name!r} of {origin} is left out: making it failed: {why}"
            self._report("RB411", _declared(kind, here), message, "an action is made without arguments")
            return
        self.actions[kind.name] = action
        self.entries[kind.name] = _entry(kind, origin, version)
        self.versions[origin] = version

    def _report_import(self, error: BaseException, place: Location, what: str) -> None:
        hint = "mend it, or take it out of the plugin folder"
        if isinstance(error, ModuleNotFoundError) and error.name:
            hint = f"install what gives the module {error.name!r} where the engine runs"
        text = str(error)
        said = text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}…"
        why = f"{type(error).__name__}: {said}" if said else type(error).__name__
        self._report("RB410", place, f"{what} is left out: importing it failed: {why}", hint)

    def _refuse(self, path: Path, message: str) -> None:
        is_open = "written by everybody" in message
        hint = (
            f"chmod o-w {path}, and look at what is in it first" if is_open else "look at what it is, and take it out"
        )
        self._report("RB413", Location(file=str(path)), message, hint)

    def _report(self, rule: str, place: Location, message: str, hint: str = "") -> None:
        self.diagnostics.append(diagnostic(rule, place, message, hint))


def _declared(kind: type[Action[Params]], here: Location) -> Location:
    """Find where an action class is declared. That reads its source: ask only when there is something to say."""
    file, line = place_of(kind)
    return Location(file=file, line=line, column=1) if file and line else here


def _precedence(point: EntryPoint) -> tuple[bool, str, str]:
    """Put the engine's own first, so that nobody can take their names; then go by name."""
    return not _is_own(point), _origin(point)[0] if point.dist else "", point.name


def _is_own(point: EntryPoint) -> bool:
    return point.dist is not None and _origin(point)[0].lower().replace("_", "-") == ENGINE


def _origin(point: EntryPoint) -> tuple[str, str]:
    """Give the distribution that an entry point belongs to, and its version."""
    return _name_and_version(point.dist) if point.dist else (point.module, "")


@lru_cache(maxsize=64)
def _name_and_version(dist: Distribution) -> tuple[str, str]:
    """Read a distribution's metadata once; it is asked for each of its entry points."""
    return dist.name, dist.version


def _entry(kind: type[Action[Params]], origin: str, version: str) -> CatalogEntry:
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    return CatalogEntry(name=kind.name, summary=summary, origin=origin, version=version)


def _own_action(name: str, point: EntryPoint) -> Action[Params]:
    """Import one of the engine's own actions; that it can't be is a defect of the engine."""
    kind = point.load()
    if not (isinstance(kind, type) and issubclass(kind, Action)) or kind.name != name:
        raise TypeError(f"the entry point {name} leads to {point.value}, which is no action of that name")
    made: Action[Params] = kind()
    return made


def _place(error: BaseException, plugin: PluginFile) -> Location | None:
    """Find the line of the plugin that an error came from."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return Location(file=error.filename, line=error.lineno, column=error.offset or 1)
    files = {str(module) for module in plugin.modules}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files and frame.lineno:
            return Location(file=frame.filename, line=frame.lineno, column=1)
    return None
