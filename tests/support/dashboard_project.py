"""A small project whose runs show everything that the dashboard shows: gates, holds, failures, many targets."""

from pathlib import Path

TEAM = """
roles: {director: {description: Declares a disaster}, engineering: {}}
people:
  dana: {name: Dana Example, roles: [director], email: dana@example.com, phone: "+1 555 0100", on_call: always}
  eli: {name: Eli Example, roles: [engineering], email: eli@example.com}
  lee: {name: Lee Example}
audiences:
  customers: {email: [customers@example.com], sandbox: {email: [drill@example.com]}}
"""
INVENTORY = """
all:
  vars: {ansible_connection: local}
  children:
    web: {hosts: {web1: {}, web2: {}, web3: {}}}
    fleet: {hosts: {"node[0001:%(fleet)04d]": {}}}
"""
FAILOVER = """
runbook: failover
title: Fail over to the standby region
description: When the provider's region is gone for longer than its status page promises.
owner: engineering
policy: [BCDR 4, BCDR 6]
objectives: {rto: 2h, rpo: 1h}
drill: {every: 365d}
review: {every: 365d, last: 2026-01-15}
inputs:
  region: {type: string, default: eu-west-1, description: Where the standby is}
steps:
  - id: status-page
    name: The provider's page says so, too
    command.run: {argv: [sh, -c, "echo region eu-central-1: DISRUPTED; echo 'checked 3 services' >&2"]}
  - {id: declare, needs: [status-page], gate.approval: {roles: [director], message: "Fail over to {{ region }}?"}}
  - id: restore
    name: Restore the newest snapshot
    needs: [declare]
    command.run: {argv: [sh, -c, "echo restoring snapshot; sleep 0.2; echo done 41 GB"]}
  - id: deploy
    name: Deploy the apps
    targets: web
    needs: [restore]
    on_failure: hold
    command.run: {argv: [sh, -c, "echo deploying; if [ ! -e {{ marker }} ]; then echo 'no space left on device' >&2; exit 3; fi"]}
  - {id: call-provider, needs: [declare], manual.task: {roles: [engineering], instructions: "Call the provider and note the ticket."}}
  - {id: verify, needs: [deploy], targets: web, assert.that: {that: ["true"]}}
  - {id: dns, needs: [verify, call-provider], command.run: {argv: [sh, -c, "echo switched"]}}
"""
FLEET = """
runbook: fleet-check
title: Every node of the fleet is as it should be
objectives: {rto: 30m}
drill: {every: 90d}
steps:
  - {id: reach, targets: fleet, assert.that: {that: ["true"]}, max_failures: 100%%}
  - id: settings
    targets: fleet
    needs: [reach@target]
    max_failures: 100%%
    assert.that: {that: ["'3' not in inventory_hostname[-2:]"], msg: "a setting is not what it should be"}
  - {id: done, needs: [settings], command.run: {argv: [sh, -c, "echo all of them"]}}
"""


SIGN_OFF = """
runbook: sign-off
steps:
  - {id: declare, gate.approval: {roles: [director], message: "Is all well?"}}
"""


def make_project(root: Path, *, fleet: int = 30) -> Path:
    """Write the project; `root/ready` makes the step `deploy` succeed."""
    (root / "runbooks").mkdir(parents=True)
    (root / "inventories").mkdir()
    (root / "runbook.toml").write_text('inventory = "inventories/demo.yml"\nforks = 20\n')
    (root / "team.yml").write_text(TEAM)
    inventory = (INVENTORY % {"fleet": fleet}).replace(
        "ansible_connection: local}", f"ansible_connection: local, marker: {root / 'ready'}}}"
    )
    (root / "inventories" / "demo.yml").write_text(inventory)
    (root / "runbooks" / "failover.yml").write_text(FAILOVER)
    (root / "runbooks" / "fleet-check.yml").write_text(FLEET.replace("%%", "%"))
    (root / "runbooks" / "sign-off.yml").write_text(SIGN_OFF)
    return root


HOSTILE = """
runbook: hostile
title: "</title><script>window.acted=1</script>"
description: "<img src=x onerror=window.acted=1>"
steps:
  - id: shouts
    name: "<svg onload=window.acted=1>"
    on_failure: hold
    command.run: {argv: [sh, -c, "printf '%s' \\"$0\\"; printf '%s' \\"$0\\" >&2; exit 1", "{{ evil }}"]}
  - {id: asks, gate.approval: {roles: [director], message: "{{ evil }}"}}
"""


def hostile_runbook(
    root: Path, evil: str = "</pre><script>window.acted=1</script><img src=x onerror=window.acted=1>"
) -> None:
    """Add a runbook all of whose texts want to act: its own, what a command prints, and what a gate asks."""
    (root / "runbooks" / "hostile.yml").write_text(HOSTILE)
    inventory = root / "inventories" / "demo.yml"
    text = inventory.read_text().replace("ansible_connection: local,", f"ansible_connection: local, evil: '{evil}',")
    inventory.write_text(text)
