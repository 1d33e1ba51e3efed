"""Which action does what a module does: one function a module, which refuses what it can't do just so."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from runbook_engine.loading.playbook.parts import as_list
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.model.between import replaced
from runbook_engine.model.json import JsonValue

Draft: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Converted:
    """An action in place of a module.

    Attributes:
        notes: what is different from the module, for people.
        step: keys of the step that come with it.
    """

    action: str
    params: Draft
    notes: tuple[str, ...] = ()
    step: Mapping[str, JsonValue] | None = None


class Args:
    """A module's arguments; whatever has not been taken in the end is refused."""

    def __init__(self, value: object, more: object = None) -> None:
        self.free = value.strip() if isinstance(value, str) else ""
        self._left: dict[str, object] = dict(value) if isinstance(value, dict) else {}
        if isinstance(more, dict):
            self._left.update(more)

    def words(self) -> None:
        """Read `key=value key=value`, as modules take them that are no commands."""
        try:
            parts = shlex.split(self.free)
        except ValueError as error:
            raise CannotConvertError(f"its arguments can't be told apart: {error}") from error
        for part in parts:
            name, sign, value = part.partition("=")
            if not sign:
                raise CannotConvertError(f"its argument {part!r} has no name")
            self._left.setdefault(name, value)
        self.free = ""

    def command(self) -> str:
        """Read a command's text, and take `chdir=/x creates=/y` off it."""
        text, holes = _with_holes(self.free)
        kept: list[str] = []
        for part in text.split(" "):
            name, sign, value = part.partition("=")
            if sign and name in _COMMAND_WORDS:
                self._left[name] = _filled(value.strip("'\""), holes)
            else:
                kept.append(part)
        self.free = ""
        return _filled(" ".join(kept).strip(), holes)

    def take(self, *names: str) -> object:
        """Take an argument, which may have several names; None when it isn't there."""
        found = [self._left.pop(name) for name in names if name in self._left]
        return found[0] if found else None

    def has(self, name: str) -> bool:
        """Whether an argument is there, with a value."""
        return self._left.get(name) is not None

    def text(self, *names: str) -> str | None:
        """Take a text."""
        value = self.take(*names)
        if isinstance(value, dict | list):
            raise CannotConvertError(f"`{names[0]}` is no text")
        return None if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Take a yes or no, in all the words that Ansible has for them."""
        value = self.take(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        word = str(value).lower()
        if word not in _YES | _NO:
            raise CannotConvertError(f"`{name}` depends on {value!r}")
        return word in _YES

    def rest(self) -> dict[str, object]:
        """Take all that is left."""
        left, self._left = self._left, {}
        return left

    def none_left(self, *harmless: str) -> None:
        """Refuse what nobody has taken."""
        rest = sorted(self._left.keys() - set(harmless))
        if rest:
            raise CannotConvertError(f"the action has nothing like {', '.join(f'`{name}`' for name in rest)}")
        if self.free:
            raise CannotConvertError(f"its argument {self.free!r} is not understood")


TRIMS = "Ansible takes the line's end behind a {% … %} away; here it stays: write -%} in the template"
"""What has to be known of a template, unless no line of it ends so."""

_YES = frozenset({"yes", "true", "on", "1", "y", "t", "1.0"})
_NO = frozenset({"no", "false", "off", "0", "n", "f", "0.0"})
_OF_NO_USE = ("warn", "strip_empty_ends", "stdin_add_newline")
_COMMAND_WORDS = ("chdir", "creates", "removes", "stdin", "executable", "warn", "strip_empty_ends", "stdin_add_newline")


def _present(**params: JsonValue) -> Draft:
    return {name: value for name, value in params.items() if value is not None}


def _words(args: Args) -> Converted:
    argv, (text, params) = args.take("argv"), _command(args)
    fills = args.flag("expand_argument_vars", default=True)
    args.none_left(*_OF_NO_USE)
    words = [str(word) for word in argv] if isinstance(argv, list) else _split(text)
    if fills and (filled := _FILLED.search("\n".join(map(str, words)))):
        raise CannotConvertError(f"Ansible fills {filled[0].strip()!r} in, and command.run does not; use its `shell`")
    return Converted("command.run", {"argv": list(words), **params})


def _shell(args: Args) -> Converted:
    executable, (text, params) = args.text("executable"), _command(args)
    args.none_left(*_OF_NO_USE)
    what: Draft = {"argv": [executable, "-c", text]} if executable else {"shell": text}
    return Converted("command.run", {**what, **params})


def _command(args: Args) -> tuple[str, Draft]:
    """Take a command's text, and what its modules have in common with command.run."""
    text = args.command() or args.text("cmd", "_raw_params") or ""
    params = _present(
        creates=args.text("creates"), removes=args.text("removes"), cwd=args.text("chdir"), stdin=args.text("stdin")
    )
    return text, params


def _split(text: str) -> list[JsonValue]:
    """Split a command as Ansible does, without taking a template apart."""
    if not text:
        raise CannotConvertError("it has no command")
    text, holes = _with_holes(text)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CannotConvertError(f"its words can't be told apart: {error}") from error
    return [_filled(word, holes) for word in words]


def _with_holes(text: str) -> tuple[str, list[str]]:
    """Put numbers in place of templates, so that nothing is looked for in them; and give the templates."""
    holes = list[str]()

    def number(inner: str) -> str:
        holes.append(f"{{{{{inner}}}}}")
        return f"\0{len(holes) - 1}\0"

    return replaced(text, "{{", "}}", number), holes


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _filled(text: str, holes: list[str]) -> str:
    return _HOLE.sub(lambda found: holes[int(found[1])], text)  # no text that is read has a NUL of its own


def _script(args: Args) -> Converted:
    words = _split(args.command() or args.text("cmd") or "")
    params = _present(creates=args.text("creates"), removes=args.text("removes"), cwd=args.text("chdir"))
    interpreter = args.text("executable")
    args.none_left()
    more: Draft = {"interpreter": [interpreter]} if interpreter else {}
    return Converted("script.run", {"script": words[0], "args": words[1:], **more, **params})


def _copy(args: Args) -> Converted:
    src, content, dest = args.text("src"), args.text("content"), args.text("dest")
    if args.flag("remote_src"):
        raise CannotConvertError("`remote_src` copies on the host itself")
    return _file("file.copy", args, dest, src=src, content=content)


def _template(args: Args) -> Converted:
    src, trims = args.text("src"), args.flag("trim_blocks", default=True)
    made = _file("file.template", args, args.text("dest"), src=src)
    return replace(made, notes=(*made.notes, TRIMS)) if trims else made


def _file(action: str, args: Args, dest: str | None, **source: str | None) -> Converted:
    mode, backup = args.take("mode"), args.flag("backup")
    if not args.flag("force", default=True):
        raise CannotConvertError("`force: false` leaves a file alone that is there")
    args.none_left("follow", "decrypt")
    if not dest or dest.endswith("/"):
        raise CannotConvertError("`dest` names no file")
    if str(source.get("src") or "").endswith("/"):
        raise CannotConvertError("it copies a folder")
    notes = ["no backup is kept: the record has the file's hash before and after"] if backup else []
    # What YAML read as a number is one (0644 is 420); a text is octal as it stands.
    if isinstance(mode, str) and "{{" not in mode and not _BITS.fullmatch(mode):
        raise CannotConvertError(f"`mode: {mode}` is not octal")
    bits = f"{mode:04o}" if isinstance(mode, int) else None if mode is None else str(mode)
    return Converted(action, _present(dest=dest, mode=bits, **source), tuple(notes))


def _service(args: Args) -> Converted:
    name, state = args.text("name"), args.text("state")
    enabled = args.flag("enabled") if args.has("enabled") else None
    if args.flag("daemon_reload"):
        raise CannotConvertError("`daemon_reload` has to be a command of its own")
    args.none_left("use", "no_block", "scope", "daemon_reexec", "runlevel", "level")
    if not name:
        raise CannotConvertError("it has no `name`")
    if state in {"restarted", "reloaded"}:
        verb = "restart" if state == "restarted" else "reload"
        note = f"it {verb}s each time the step runs; nobody could tell whether that has been done"
        return Converted("command.run", {"argv": ["systemctl", verb, name]}, (note,))
    return Converted("service.state", _present(name=name, state=state, enabled=enabled))


def _wait_for(args: Args) -> Converted:
    port, path, host = args.take("port"), args.text("path"), args.text("host")
    state, wait = args.text("state"), args.take("timeout")
    delay, sleep = args.take("delay"), args.take("sleep")
    args.none_left("msg", "connect_timeout", "active_connection_states")
    if port is None and path is None:
        return Converted("wait.for", {"duration": f"{wait or 300}s"})
    number: JsonValue = int(str(port)) if _is_number(str(port)) else str(port)
    params = _present(port=number if port is not None else None, path=path, host=host, state=state)
    if sleep is not None:
        params["poll"] = f"{sleep}s"
    notes = ["the port is tried from the machine that runs the engine, and not on the host"] if port is not None else []
    notes += ["`delay` is left out"] if delay else []
    return Converted("wait.for", params, tuple(notes), {"timeout": f"{wait or 300}s"})


def _uri(args: Args) -> Converted:
    url, method = args.text("url"), (args.text("method") or "GET").upper()
    status, headers = args.take("status_code"), args.take("headers")
    verify, limit = args.flag("validate_certs", default=True), args.take("timeout")
    args.flag("return_content")
    args.none_left("force", "use_proxy", "http_agent", "follow_redirects")
    if method not in {"GET", "HEAD"}:
        raise CannotConvertError(f"it sends {method}, which may change something; use notify.webhook or a command")
    if not url:
        raise CannotConvertError("it has no `url`")
    codes = [part.strip() for part in status.split(",")] if isinstance(status, str) else as_list(status)
    if not all(_is_number(str(one)) for one in codes):
        raise CannotConvertError(f"`status_code` depends on {status!r}")
    params: Draft = {"url": url, "method": method, "status": [int(str(one)) for one in codes] or 200}
    if isinstance(headers, dict):
        params["request_headers"] = {str(name): str(value) for name, value in headers.items()}
    elif headers is not None:
        raise CannotConvertError(f"`headers` depends on {headers!r}")
    if not verify:
        params["verify"] = False
    if limit is not None:
        params["timeout"] = f"{limit}s"
    return Converted("http.check", params, ("it is asked from the machine that runs the engine",))


def _assert(args: Args) -> Converted:
    that = [str(one) for one in as_list(args.take("that"))]
    message = args.text("fail_msg", "msg")
    args.none_left("success_msg", "quiet")
    return Converted("assert.that", _present(that=list(that), msg=message))


def _pause(args: Args) -> Converted:
    prompt, minutes, seconds = args.text("prompt"), args.take("minutes"), args.take("seconds")
    args.none_left("echo")
    if prompt is not None or (minutes is None and seconds is None):
        return Converted(
            "manual.task", {"instructions": prompt or "Go on when you are ready.", "roles": ["engineering"]}
        )
    return Converted("wait.for", {"duration": f"{minutes}m" if minutes is not None else f"{seconds}s"})


_FILLED = re.compile(r"^~[\w-]*|\$\w+|\$\{", re.MULTILINE)
_BITS = re.compile("0?[0-7]{3,4}")
_HOLE = re.compile("\0([0-9]+)\0")
_NUMBER = re.compile("[0-9]{1,9}")  # str.isdigit takes ², which is no number to int

MODULES: Mapping[str, Callable[[Args], Converted]] = {
    "command": _words,
    "shell": _shell,
    "raw": _shell,
    "script": _script,
    "copy": _copy,
    "template": _template,
    "service": _service,
    "systemd": _service,
    "systemd_service": _service,
    "wait_for": _wait_for,
    "uri": _uri,
    "assert": _assert,
    "pause": _pause,
}
"""By the module's name without `ansible.builtin.`."""

FREE_FORM = frozenset({"command", "shell", "raw", "script"})
"""Modules whose text is a command, and not `key=value`."""
