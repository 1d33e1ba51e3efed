"""Rules RB400 to RB499: the team and the configuration."""

from runbook_engine.model.rule import Rule, error, warning

PROJECT_RULES: tuple[Rule, ...] = (
    error(
        "RB401",
        "people have roles that exist",
        """
A role that a person has must stand under `roles:`; approvals are counted by role, and a misspelt one counts for
nothing.
Bad:  people: {dana: {name: Dana, roles: [directer]}}
Good: people: {dana: {name: Dana, roles: [director]}}
""",
    ),
    error(
        "RB402",
        "mail addresses look like mail addresses",
        """
An address that can't work is found out when a customer waits for the message. A display name does not belong here.
Bad:  email: dana@example      email: Dana <dana@example.com>
Good: email: dana@example.com
""",
    ),
    error(
        "RB403",
        "runbook.toml is TOML",
        """
Texts stand in quotes, tables in brackets.
Bad:  inventory = inventories/production
Good: inventory = "inventories/production"
""",
    ),
    warning(
        "RB404",
        "ssh_keys are public keys that signatures can be verified by",
        """
An answer to a gate can be signed with one of these keys. Ed25519, ECDSA and RSA can be verified; keys on a security
token and certificates can't, and count for nothing.
Bad:  ssh_keys: ["~/.ssh/id_ed25519"]
Good: ssh_keys: ["ssh-ed25519 AAAAC3Nza… dana@laptop"]
""",
    ),
    error(
        "RB405",
        "the monitor's channels tell people",
        """
Each table of `monitor.tell` in runbook.toml holds one action that tells people of an alarm. A check tells nobody.
Bad:  "http.check" = {url = "https://ops.example.com"}
Good: "notify.email" = {to = "{{ alarm.emails }}", subject = "{{ alarm.subject }}", body = "{{ alarm.text }}"}
""",
    ),
    error(
        "RB406",
        "what opens a channel to an audience is a secret",
        """
Whoever knows a webhook's address or an integration key can speak to the audience. team.yml names the secret that holds
it.
Bad:  customers: {slack: [https://hooks.slack.com/services/T0/B0/x]}
Good: customers: {slack: [env:SLACK_CUSTOMERS]}
""",
    ),
    error(
        "RB407",
        "people and contacts can be reached",
        """
A number that can't be dialled, or a contact without any way to reach them, is found out in the night it is needed.
Bad:  contacts: {aws: {name: AWS support}}      phone: ask Eli
Good: contacts: {aws: {name: AWS support, url: "https://console.aws.amazon.com/support"}}      phone: "+49 30 123456"
""",
    ),
    error(
        "RB408",
        "a sandbox is no real address",
        """
A drill sends to the sandbox alone. Where that is an address of an audience, the drill tells people what is not true.
The addresses of the team's own people may be in a sandbox.
Bad:  customers: {email: [customers@lists.example.com], sandbox: {email: [customers@lists.example.com]}}
Good: customers: {email: [customers@lists.example.com], sandbox: {email: [drill@example.com]}}
""",
    ),
)
