"""The main group: it lists every command without importing any of them."""

import difflib
import keyword
from importlib import import_module

import click

from runbook_engine.loading.collector import collector_paused

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Run a runbook."),
    "resume": ("resume", "Go on with a run where it stopped."),
    "revert": ("revert", "Take back what a run changed, newest first."),
    "validate": ("validate", "Check runbooks, inventories, team and configuration."),
    "fmt": ("fmt", "Lay runbooks and team.yml out in one way."),
    "test": ("test", "Play the cases of runbooks: unit tests that touch no target."),
    "explain": (
        "explain",
        "Say what a rule of `runbook validate` asks for, and why; without RULE, list them all.",
    ),
    "plan": ("plan", "Show what a run would do, in which order; touches no target."),
    "readiness": ("readiness", "Say whether a runbook would work today; changes nothing."),
    "forecast": ("forecast", "Say how long a run will take, and which steps make it so long; touches no target."),
    "graph": ("graph", "Draw a runbook's steps and what they wait for."),
    "inventory": ("inventory", "Show hosts, groups and variables as Ansible would see them."),
    "runs": ("runs", "List the journal's runs, newest first."),
    "status": ("status", "Show where a run stands."),
    "watch": ("watch", "See a run that another process drives, as if it ran here."),
    "trace": ("trace", "Send all spans of a run to a tracing system, by OTLP over HTTP."),
    "compliance": ("compliance", "Say which drills, reviews and copies are due, or overdue."),
    "report": ("report", "Write the report of a run."),
    "approve": ("approve", "Approve what a gate of a run asks."),
    "decline": ("approve", "Decline what a gate of a run asks."),
    "answer": ("answer", "Say how a manual task went."),
    "retry": ("decide", "Try a task again that failed and is held."),
    "skip": ("decide", "Take a task that failed and is held for skipped; what needs it goes on."),
    "ignore": ("decide", "Leave a task failed that is held; what needs it goes on."),
    "pause": ("steer", "Let a run start nothing new."),
    "continue": ("steer", "Let a paused run go on."),
    "abort": ("steer", "End a run for good."),
    "say": ("say", "Tell the audiences of a run something now, in your own words."),
    "resolve": ("resolve", "Say what became of an attempt that is in doubt."),
    "monitor": ("monitor", "Watch the triggers of runbooks, and tell people when they have to know."),
    "serve": ("serve", "Serve the dashboard: runs as they happen, and the answers they wait for, in a browser."),
    "worker": ("worker", "Make the attempts on targets whose `queue` is served here, until it is told to stop."),
    "workers": ("workers", "Show who serves which queue, from which machine, and what they do now."),
    "audit": ("audit", "Read the journal, and prove that nobody changed it."),
    "journal": ("journal", "Keep the journal's database: make, upgrade, check and copy it."),
    "actions": (
        "actions",
        "List the actions that steps can use, or describe one; or print the IAM policy that a runbook needs.",
    ),
    "schema": ("schema", "Print the JSON Schema of runbooks, or of a project's other files, for editors."),
    "import-playbook": ("import_playbook", "Turn an Ansible playbook into a runbook."),
    "init": ("init", "Make a small project to start from."),
    "guide": ("guide", "Write a runbook as a guide for people who do its steps by hand."),
    "secrets": ("secrets", "Keep secrets in age files, beside the runbooks, in version control."),
    "lab": ("lab", "Run the rehearsal lab: an emulated cloud with an app to fail over."),
    "doctor": ("doctor", "Look whether this machine and project are ready."),
}
"""Module (in `cli.commands`) and one-line help by command; a test holds the lines against the commands themselves."""


class LazyGroup(click.Group):
    """A group whose commands stay unimported until one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which people meet them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        with collector_paused():  # what is imported stays
            module = import_module(f"runbook_engine.cli.commands.{COMMANDS[cmd_name][0]}")
        name = cmd_name.replace("-", "_")
        command = getattr(module, f"{name}_" if keyword.iskeyword(name) else name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.{cmd_name} is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and help with a name that doesn't exist."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"`{ctx.command_path} --help` lists them."
            ctx.fail(f"no such command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
