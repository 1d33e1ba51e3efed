"""Turns the steps, communications and triggers of a file into the models' shape, and paths back into the file's."""

from collections.abc import Sequence

from runbook_engine.loading.bounded import MOST_FINDINGS
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.pydantic_errors import keys_of
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.located import Path, SourceMap
from runbook_engine.model.quoting import closest, did_you_mean, quoted
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Step

STEP_KEYS = (*(key for key in keys_of(Step) if key not in {"action", "imported"}), "import", "inputs")
_OWN_KEYS = frozenset(STEP_KEYS)
_SHAPED_KEYS = frozenset({"needs", "revert", "batch"})
# Keys of a step that are taken as they stand, unlike those of its action and its import.
_PLAIN_KEYS = _OWN_KEYS - {"import", "inputs"} - _SHAPED_KEYS
_MESSAGE_LISTS = ("first", "update", "resolved")
_PER_TARGET = "@target"
_RENAMED = {"begins": "from", "held_for": "for"}


class Shaper:
    """Reshapes parts of one file; what can't be reshaped is left out of the result and reported."""

    def __init__(self, sources: SourceMap, action_names: Sequence[str]) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._sources = sources
        self._action_names = action_names
        # A misspelt key is often misspelt in every step, and to compare words takes its time.
        self._hints: dict[str, str] = {}

    def step(self, raw: object, path: Path) -> object:
        """Reshape a step; what is no mapping is given back for the model to refuse."""
        if not isinstance(raw, dict):
            return raw
        step: dict[str, object] = {}
        actions, unknown = list[str](), list[str]()
        for key in raw:
            if key not in _OWN_KEYS:
                (actions if "." in key else unknown).append(key)
        if "inputs" in raw and "import" not in raw:
            unknown.append("inputs")
        for key in unknown:
            self._unknown_key(key, (*path, key))
        if "import" in raw:
            inputs = raw.get("inputs")
            step["imported"] = {"file": raw["import"], "inputs": {} if inputs is None else plain(inputs)}
        self._take_action(step, raw, actions, unknown, path)
        for key, value in raw.items():
            if key in _SHAPED_KEYS:
                self._take(step, key, value, path)
            elif key in _PLAIN_KEYS:
                step[key] = plain(value) if isinstance(value, dict | list) else value
        return step

    def call(self, raw: object, path: Path) -> dict[str, object] | None:
        """Reshape a mapping whose only key names an action."""
        if not isinstance(raw, dict) or len(raw) != 1:
            hint = "write it like {command.run: {argv: [/opt/app/deploy]}}"
            self._report("RB108", path, "a mapping with exactly one action is expected here", hint)
            return None
        ((name, params),) = raw.items()
        if "." not in name:
            hint = "" if self._full else did_you_mean(name, self._action_names)
            self._report("RB108", (*path, name), f"{quoted(name)} is not an action", hint, key=True)
            return None
        return self._call(name, params, (*path, name))

    def communication(self, raw: object, path: Path) -> object:
        """Reshape the message lists of a communication."""
        if not isinstance(raw, dict):
            return raw
        shaped: dict[str, object] = {}
        for key, value in raw.items():
            if key in _MESSAGE_LISTS and isinstance(value, list):
                calls = (self.call(item, (*path, key, index)) for index, item in enumerate(value))
                shaped[key] = [call for call in calls if call is not None]
            else:
                shaped[key] = plain(value)
        return shaped

    def trigger(self, raw: object, path: Path) -> object:
        """Reshape the condition of a trigger."""
        if not isinstance(raw, dict) or "when" not in raw:
            return raw
        call = self.call(raw["when"], (*path, "when"))
        # A condition that was refused already must not be reported a second time as missing.
        return {**{key: plain(value) for key, value in raw.items()}, "when": call or {"name": "refused.already"}}

    def _take_action(
        self,
        step: dict[str, object],
        raw: dict[str, object],
        actions: list[str],
        unknown: list[str],
        path: Path,
    ) -> None:
        """Take the one action of a step; none or several are reported."""
        sole = 0 if "imported" in step else 1
        for extra in actions[sole:]:
            message = f"the step has an action already, and {quoted(extra)} would be a second one"
            self._report("RB108", (*path, extra), message, "make it a step of its own", key=True)
        if actions and sole:
            call = self._call(actions[0], raw[actions[0]], (*path, actions[0]))
            if call is not None:
                step["action"] = call
        elif sole and not any(closest(key, self._action_names) for key in unknown[:MOST_FINDINGS]):
            hint = "add a key such as command.run, or import: another-runbook.yml"
            self._report("RB108", path, "the step has no action", hint)

    def _take(self, step: dict[str, object], key: str, value: object, path: Path) -> None:
        if key == "needs":
            step[key] = self._needs(value, (*path, key))
        elif key == "revert":
            step[key] = self.call(value, (*path, key))
        else:
            step[key] = list(value) if isinstance(value, list) else [value]

    def _call(self, name: str, params: object, path: Path) -> dict[str, object] | None:
        if params is None or isinstance(params, dict):
            return {"name": name, "params": plain(params or {})}
        self._report("RB109", path, f"the parameters of {name} must be a mapping", f"write {name}: {{name: value}}")
        return None

    def _needs(self, value: object, path: Path) -> list[dict[str, object]]:
        if not isinstance(value, list):
            hint = f"write needs: [{quoted(value)[1:-1]}]" if isinstance(value, str) else "write needs: [step-id]"
            self._report("RB110", path, "needs must be a list of step ids", hint)
            return []
        needs: list[dict[str, object]] = []
        for index, item in enumerate(value):
            name, at, suffix = item.partition("@") if isinstance(item, str) else ("", "", "")
            if not name or (at and at + suffix != _PER_TARGET):
                hint = f'write the id alone, or "{name or "step-id"}@target" to wait target by target'
                self._report("RB110", (*path, index), "an item of needs must be a step id", hint)
            else:
                needs.append({"step": name, "per_target": bool(at)})
        return needs

    def _unknown_key(self, key: str, path: Path) -> None:
        if self._full:
            return
        if key not in self._hints:
            self._hints[key] = did_you_mean(key, [*STEP_KEYS, *self._action_names])
        hint = self._hints[key]
        if key == "inputs":
            hint = "inputs belong to an import"
        self._report("RB102", path, f"unknown key {quoted(key)} in a step", hint, key=True)

    def _report(self, rule: str, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        if not self._full:
            self.diagnostics.append(diagnostic(rule, self._sources.at(path, key=key), message, hint))

    @property
    def _full(self) -> bool:
        """Whether there is more already than is told (`bounded`)."""
        return len(self.diagnostics) > MOST_FINDINGS


def file_path(root: object, path: Path) -> Path:
    """Turn a path of the models into one of the file: the action's parameters stand below its name, and so on."""
    node, parts, found = root, list(path), list[str | int]()
    while parts:
        part = parts.pop(0)
        if isinstance(node, dict) and part not in node:
            if part in {"action", "params"}:
                part = _action_key(node)
                if parts[:1] == ["params"]:
                    parts.pop(0)
                elif parts[:1] == ["name"]:
                    parts.clear()
            elif part == "imported":
                part = "inputs" if parts[:1] == ["inputs"] else "import"
                del parts[:1]
            elif part == "name" and len(node) == 1:
                part = _action_key(node)
            else:
                part = _RENAMED.get(str(part), part)
        found.append(part)
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            node = None
    return tuple(found)


def _action_key(node: dict[str, object]) -> str:
    return next((key for key in node if "." in key), "")
