"""Rules RB250 to RB256: messages that a runbook promises to its audiences."""

from runbook_engine.model.rule import Rule, error, warning

MESSAGE_RULES: tuple[Rule, ...] = (
    error(
        "RB250",
        "messages begin and end with steps of the runbook",
        """
`from` and `until` name two steps: when the first ended well the audience is told, when the second ended well it is told
that all is well.
Bad:  from: declared   # the step is called declare
Good: from: declare
""",
    ),
    error(
        "RB251",
        "an audience is one of team.yml, and has one block",
        """
`audience` names one of team.yml's `audiences`; what goes to it in different ways (mail, a status page) stands in the
lists of one block, so that one silence is counted. A step's message names such an audience, too.
Bad:  audience: custmers
Good: audience: customers
""",
    ),
    error(
        "RB252",
        "a promised update can be sent",
        """
`every` promises that nobody waits for longer, so `update` must say how they are told. Only actions that change
something can tell anybody anything, and gates wait for people.
Bad:  {audience: customers, every: 30m, from: declare, until: verify, first: [{notify.email: {...}}]}
Good: the same with update: [{notify.email: {...}}]
""",
    ),
    warning(
        "RB253",
        "people are told when all is well",
        """
Without `resolved` the updates stop without a word, and nobody knows whether that is good.
Bad:  communications with `first` and `update` only
Good: `resolved` with the message that ends them
""",
    ),
    warning(
        "RB254",
        "an audience has a sandbox for drills",
        """
In a drill messages go to the audience's sandbox and to nobody else; without one they can't be sent at all, and the
drill shows nothing of them.
Good: customers: {email: [status@example.com], sandbox: {email: [drill@example.com]}}
""",
    ),
    warning(
        "RB255",
        "the address of a webhook is a secret",
        """
Whoever knows the address of an incoming webhook can post there. It belongs into the environment or a file, and the
runbook names it.
Bad:  notify.slack: {url: https://hooks.slack.com/services/T0/B0/x}
Good: notify.slack: {url: "{{ secret('env:SLACK_WEBHOOK') }}"}   # or an audience: slack: [env:SLACK_WEBHOOK]
""",
    ),
    error(
        "RB256",
        "an audience has an address for what is to tell it something",
        """
Where nobody is named, every message would be missed, and the run would go on without having told anybody.
Bad:  audiences: {customers: {email: []}}      with update: [{notify.email: {...}}] for customers
Good: audiences: {customers: {email: [customers@lists.example.com]}}
""",
    ),
)
