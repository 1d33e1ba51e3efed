"""What the commands of the how-to pages are tried on: a project with runbooks of the names that the pages use.

They stand in for the shipped ones, which have tests of their own against the lab and real peers: here it is the
commands that are tried, so that the steps are as small as can be.
"""

import contextlib
import os
import pwd
import socket
import threading

from runbook_engine.app.init import init_project

TEAM = """\
roles: {director: {}, engineering: {}}
people:
  "@ME@": {name: Who types, os_user: "@ME@", roles: [director, engineering]}
  dana: {name: Dana Example, roles: [director], email: dana@example.com}
  eli: {name: Eli Example, roles: [engineering], email: eli@example.com}
audiences:
  customers: {email: [status@example.com], sandbox: {email: [drill@example.com]}}
"""
CONFIGURATION = """
[defaults."notify.email"]
smtp = {host = "127.0.0.1", port = @MAIL@, tls = "none"}
sender = "Example <dr@example.com>"
[[monitor.tell]]
"notify.email" = {to = ["dana@example.com"], subject = "{{ alarm.subject }}", body = "{{ alarm.text }}"}
"""
# A file `lagging`, `broken` or `ask` in the project's folder makes the step go as its name says.
RUNBOOKS = {
    "region-failover": """\
owner: engineering
objectives: {rto: 1h} # runbook: ignore RB263 nobody is there to be told
drill: {every: 365d}
inputs: {incident: {required: true, description: key of the incident}}
steps:
  - {id: aws-status, on_failure: hold, command.run: {argv: [test, "!", -e, lagging]}, timeout: 1m}
  - id: declare
    needs: [aws-status]
    when: incident == 'ASK-1'
    gate.approval: {roles: [director], message: "{{ incident }}: fail over?"}
  - id: restore-db
    needs: [declare]
    file.copy: {src: files/settings.json, dest: .runbook/app/settings.json, parents: true}
  - id: switch-dns
    needs: [restore-db]
    command.run: {argv: [test, "!", -e, broken]}
    timeout: 1m
""",
    "asks": """\
steps:
  - {id: declare, gate.approval: {roles: [director], message: "Fail over?"}}
  - {id: note, needs: [declare], assert.that: {that: ["true"]}}
""",
    "asks-people": """\
steps:
  - {id: call-provider, manual.task: {roles: [engineering], instructions: Call the provider., expires: 2h}}
""",
    "tells": """\
steps:
  - id: notify-customers
    notify.webhook: {url: "{{ secret('env:HOOK_URL') }}", text: we moved}
""",
    "customer-communication": """\
inputs: {incident: {required: true}, what: {required: true}}
steps:
  - {id: begin, assert.that: {that: ["true"]}}
  - {id: work-done, needs: [begin], manual.task: {roles: [engineering], instructions: "{{ incident }}: mend {{ what }}.", expires: 2h}}
communications:
  - audience: customers
    every: 30m
    from: begin
    until: work-done
    update: [{notify.email: {subject: "{{ message.number }}", body: "{{ message.text or 'At it.' }}"}}]
    resolved: [{notify.email: {subject: Over, body: It works again.}}]
""",
    "journal-failover": """\
steps:
  - {id: decide, gate.approval: {roles: [director], message: "Promote the standby?", allow_requester: true}}
""",
    "onprem-app-recovery": """\
inputs: {least_rows: {type: integer, default: 1}}
steps: [{id: verify, assert.that: {that: [least_rows > 0]}}]
""",
    "watched": """\
steps: [{id: a, assert.that: {that: ["true"]}}]
triggers: [{when: {tcp.check: {host: 127.0.0.1, port: 1, timeout: 1s}}, for: 1h, then: notify}]
""",
}
# `run NAME …` starts a run and is silent, however it ends; `failing` leaves one that failed, `drifted` one that holds.
# `stays WORDS COMMAND…` lets a command that stays begin, ends it when it has said these words, and gives its status.
PRELUDE = """\
silent() { "$@" </dev/null >> before.log 2>&1; }
run() { silent runbook run "$@" --yes --quiet; }
newest() { runbook runs --output json | jq -r '.[0].id'; }
end() { silent runbook abort last --reason "for the next one"; silent runbook resume last --yes; }
failing() { touch broken; run region-failover -i production -e incident=INC-1; rm broken; }
drifted() { rm -rf .runbook/app; failing; echo changed > .runbook/app/settings.json; silent runbook resume last --yes; }
lagging() { touch lagging; run region-failover -i production -e incident=INC-1; rm lagging; }
keys() {
  local person=$1 list= name; shift; mkdir -p ~/.ssh
  for name; do
    ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/$name
    list="$list'$(cat ~/.ssh/$name.pub)', "
  done
  sed -i "/^  $person:/s|}$|, ssh_keys: [$list]}|" team.yml
}
stays() {
  local words=$1 pid status; shift
  "$@" < /dev/null > stays.log 2>&1 & pid=$!
  for _ in $(seq 1200); do
    if grep -q -- "$words" stays.log; then break; fi
    if ! kill -0 $pid 2> /dev/null; then break; fi
    sleep 0.1
  done
  kill -TERM $pid; wait $pid; status=$?; cat stays.log; return $status
}
asked() { for _ in $(seq 300); do if runbook status last 2>&1 | grep -q "$1"; then return; fi; sleep 0.2; done; }
"""


def make_stage(root, *, mail_port):
    """Make the project in a folder; `mail_port` of this machine takes its mail."""
    me = pwd.getpwuid(os.getuid()).pw_name
    init_project(root, person=me)
    team = TEAM.replace("@ME@", me)
    (root / "team.yml").write_text(team)
    with (root / "runbook.toml").open("a") as configuration:
        configuration.write(CONFIGURATION.replace("@MAIL@", str(mail_port)))
    for name, text in RUNBOOKS.items():
        (root / "runbooks" / f"{name}.yml").write_text(f"runbook: {name}\n{text}")
    here = (root / "inventories/local/hosts.yml").read_text()
    for name in ("production", "drill", "CUSTOMER", "journal"):
        folder = root / "inventories" / name
        folder.mkdir()
        more = "    runbook_drill: true\n" if name == "drill" else ""
        (folder / "hosts.yml").write_text(here.replace("  vars:\n", f"  vars:\n{more}"))
    return root


@contextlib.contextmanager
def hanging_up():
    """Give the URL of a server that reads what it is asked, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with listening.accept()[0] as asking:
                        asking.recv(1 << 16)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)
