"""Reads sources that ask an inventory plugin: those that are known, by short or full name, imported when asked."""

from runbook_engine.loading.inventory.documents import Document
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.model.quoting import quoted

_CONSTRUCTED = frozenset({"constructed", "ansible.builtin.constructed"})
_EC2 = frozenset({"aws_ec2", "amazon.aws.aws_ec2"})


def read_plugin(document: Document, draft: Draft, files: InventoryFiles) -> None:
    """Do what a source with `plugin:` asks for; what is wrong goes to the draft's findings."""
    name = str(document.root["plugin"]) if isinstance(document.root, dict) else ""
    if name in _CONSTRUCTED:
        from runbook_engine.loading.inventory.constructed import construct
        from runbook_engine.loading.inventory.plugin_settings import USE_FILES, read_settings

        construct(read_settings(document, (USE_FILES,), draft.findings), list(draft.hosts), draft, files)
        return
    if name in _EC2 and files.describe is not None:
        from runbook_engine.loading.inventory.aws_ec2 import read_instances

        read_instances(document, draft, files, files.describe)
        return
    draft.findings.add(
        "RB304",
        document.key_place(("plugin",)),
        f"inventory plugin {quoted(name)} is not known here",
        "save the plugin's result: ansible-inventory --list --export --yaml",
    )
