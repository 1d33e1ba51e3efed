"""What the running lab writes for its user: an inventory of its addresses and an AWS configuration that leads to it."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TypeAlias

from runbook_engine.lab.addresses import LabAddresses
from runbook_engine.lab.files import StateFolder, write_atomically

PROFILE = "lab"
_IS_FENCED = """! grep -q '"active": true' "$0" 2>/dev/null"""
Variables: TypeAlias = "dict[str, object]"
AWS_SETTINGS = (  # of the user's own cloud; none may lead a command of a rehearsal there
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
)


def write_project_files(lab: LabAddresses, folder: StateFolder) -> None:
    """Write the inventory, in both forms, and the AWS configuration."""
    variables, hosts = _variables(lab, folder), _hosts(lab)
    source = {"all": {"vars": variables, "hosts": hosts}}
    program = {"all": {"vars": variables, "hosts": list(hosts)}, "_meta": {"hostvars": hosts}}
    write_atomically(folder.inventory, _json(source))  # JSON is YAML
    write_atomically(folder.inventory_program, _json(program))
    write_atomically(folder.aws_config, _aws_config(lab).encode())


def shell_environment(lab: LabAddresses, folder: StateFolder) -> str:
    """Lines for a shell that lead every AWS program to the lab's cloud."""
    config = str(folder.aws_config)
    settings = {
        "AWS_CONFIG_FILE": config,
        "AWS_SHARED_CREDENTIALS_FILE": config,
        "AWS_PROFILE": PROFILE,
        "AWS_REGION": lab.standby_region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    lines = [f"unset {' '.join(AWS_SETTINGS)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    return "\n".join(lines)


def _aws_config(lab: LabAddresses) -> str:
    return f"""\
# Written by the rehearsal lab, which takes any keys.
[profile {PROFILE}]
region = {lab.standby_region}
endpoint_url = {lab.aws_endpoint}
aws_access_key_id = lab
aws_secret_access_key = lab
"""


def _variables(lab: LabAddresses, folder: StateFolder) -> Variables:
    release = lab.releases[lab.version]
    return {
        "aws_profile": PROFILE,
        "aws_config_file": str(folder.aws_config),
        "aws_account": lab.aws_account,
        "aws_status_url": f"{lab.status_url}/public/currentevents",
        "atlassian_status_url": lab.status_url,
        "name_servers": [f"{lab.dns.host}:{lab.dns.port}"],
        "smtp": {"host": lab.smtp.host, "port": lab.smtp.port, "tls": "none"},
        "app_url": lab.front_url,
        # The emulated database service keeps an instance's rows in a file.
        "database": _database(lab, lab.standby_region),
        "databases": {region: _database(lab, region) for region in (lab.primary_region, lab.standby_region)},
        "app_version": lab.version,
        "release_archive": str(release.file),
        "release_sha256": release.sha256,
    }


def _database(lab: LabAddresses, region: str) -> dict[str, str]:
    """Where the rows of a region's instances are; `{instance}` stands for the instance."""
    file = f"{lab.data_dir / region}/{{instance}}.sqlite"
    return {"url": f"sqlite:///{file}", "address": file}


def _hosts(lab: LabAddresses) -> dict[str, Variables]:
    hosts: dict[str, Variables] = {}
    for name, app in lab.apps.items():
        address, _, port = app.url.removeprefix("http://").partition(":")
        deploy = [sys.executable, "-m", "runbook_engine.lab.deploy", "--host-dir", str(app.dir)]
        hosts[name] = {
            "app_host": address,
            "app_port": int(port),
            "health_url": f"{app.url}/health",
            "release_folder": str(app.dir / "releases"),
            "deploy_command": deploy,
            "fence_command": [*deploy, "--deactivate"],
            "fenced_command": ["/bin/sh", "-c", _IS_FENCED, str(app.dir / "app.json")],
        }
    return hosts


def _json(document: object) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"
