"""Tells where people have Ansible look for roles: its environment variable, its configuration, its own folders."""

import configparser
import os
from pathlib import Path

from runbook_engine.loading.folder import is_file

_ITS_OWN = ("~/.ansible/roles", "/usr/share/ansible/roles", "/etc/ansible/roles")


def roles_path(root: Path, folder: Path) -> tuple[Path, ...]:
    """Give the folders of roles besides `roles/` beside the playbook, in Ansible's order.

    Of the configurations `$ANSIBLE_CONFIG`, `ansible.cfg` of the project and the one beside the playbook the first one
    that is there counts, as with Ansible started there. What such a file says of folders outside of its own is left
    alone: a stranger may have written it.

    Args:
        root: the project's folder.
        folder: the playbook's.
    """
    if named := os.environ.get("ANSIBLE_ROLES_PATH"):
        return _folders(named, Path.cwd())
    if (config := os.environ.get("ANSIBLE_CONFIG")) and is_file(Path(config)):
        return _said_by(Path(config)) or _folders(":".join(_ITS_OWN), root)
    for place in (root / "ansible.cfg", folder / "ansible.cfg"):
        if is_file(place) and (said := _said_by(place)):
            own = Path(os.path.realpath(place.parent))
            return tuple(path for path in said if Path(os.path.realpath(path)).is_relative_to(own))
    return _folders(":".join(_ITS_OWN), root)


def _said_by(config: Path) -> tuple[Path, ...]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(config, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return ()  # Ansible refuses to start with it, and says why
    return _folders(parser.get("defaults", "roles_path", fallback=""), config.parent)


def _folders(text: str, beside: Path) -> tuple[Path, ...]:
    return tuple(beside / os.path.expanduser(part.strip()) for part in text.split(":") if part.strip())  # noqa: PTH111
