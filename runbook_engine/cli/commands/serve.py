"""runbook serve: the dashboard, in a browser."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from runbook_engine.app.project import OpenProject, actor, check_person, open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import person_option
from runbook_engine.cli.service_manager import notify
from runbook_engine.cli.signals import SIGNALS, ignore_signals
from runbook_engine.cli.terminal import result, say
from runbook_engine.model.errors import ExitCode, UsageError


@documented
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8420, show_default=True, help="The port; 0 takes any that is free."
)
@click.option("--allow-remote", is_flag=True, help="Listen on an address that other machines reach; needs TLS.")
@click.option(
    "--public-url", metavar="URL", help="The address under which browsers come, such as https://runbook.example.com."
)
@click.option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Serve TLS: the certificate chain.")
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Serve TLS: the private key.")
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Address of the reverse proxy that ends TLS, and through which all come; may be repeated.",
)
@click.option("--no-link", is_flag=True, help="Print no one-time link: people log in with their tokens.")
@click.option("--new-token", metavar="PERSON", help="Make a token for a person of team.yml, print it, and end.")
@click.option("--revoke-token", metavar="PERSON", help="Take a person's token away, and end.")
@person_option
def serve(
    host: str,
    port: int,
    public_url: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    proxies: tuple[str, ...],
    new_token: str | None,
    revoke_token: str | None,
    person: str | None,
    *,
    allow_remote: bool,
    no_link: bool,
) -> int:
    """Serve the dashboard: runs as they happen, and the answers they wait for, in a browser.

    It reads and writes the journal, as other commands do: it may be started, stopped and killed at any time, and no run
    notices. Prints a link that logs one person in (--as, or who you are), once, within ten minutes; others log in with
    tokens of their own (--new-token). What somebody may answer is told by their roles in team.yml; who has none only
    looks on. Listens on this machine alone; for others it needs --allow-remote, and TLS (--tls-cert and --tls-key, or a
    reverse proxy that is named with --proxy and --public-url). An address that is taken ends it with 2. SIGTERM and
    SIGHUP end it in order, with 0.

    Examples:
      runbook serve
      runbook serve --new-token dana
      runbook serve --host 10.0.0.5 --allow-remote --tls-cert chain.pem --tls-key key.pem --public-url https://dr.example.com:8420
      runbook serve --no-link --proxy 127.0.0.1 --public-url https://dr.example.com
    """
    project = open_project()
    if new_token is not None or revoke_token is not None:
        return _tokens(project, new_token, revoke_token)
    check_person(project.team, person)
    try:
        from runbook_engine.web.server import go_behind_runs
        from runbook_engine.web.serving import Wanted, open_dashboard
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the dashboard needs the library {error.name}, which is not installed",
            hint="pip install 'runbook-engine[web]'",
        ) from error
    wanted = Wanted(
        host=host,
        port=port,
        allow_remote=allow_remote,
        public_url=public_url or "",
        certificate=(tls_cert, tls_key),
        proxies=proxies,
        person=actor(project.team, person).name,
    )
    with open_dashboard(project, wanted) as dashboard, _stopping(dashboard.server.stop) as came:
        go_behind_runs()
        dashboard.server.start()
        listens = f", and listens at {host} port {dashboard.port}" if public_url else ""
        say(f"the dashboard of {project.root} is at {dashboard.url}{listens}; Ctrl-C ends it")
        if not no_link:
            say(f"this link logs {wanted.person} in, once, within ten minutes:")
            result(dashboard.link(wanted.person))
            sys.stdout.flush()
        notify("READY=1")
        dashboard.server.wait()
        notify("STOPPING=1")
    return ExitCode.INTERRUPTED if signal.SIGINT in came else ExitCode.OK


def _tokens(project: OpenProject, new: str | None, revoked: str | None) -> int:
    from runbook_engine.web.security.token_file import remove_token
    from runbook_engine.web.security.tokens import new_token

    if new is not None and revoked is not None:
        raise UsageError("--new-token and --revoke-token are two commands", hint="give one of them")
    if revoked is not None:
        if not remove_token(project.root, revoked):
            raise UsageError(f"{revoked} has no token", hint="`runbook serve --new-token PERSON` makes one")
        say(f"{revoked}'s token is good no more; whoever logged in with it is logged out")
        return ExitCode.OK
    if new not in project.team.people:
        there = ", ".join(sorted(project.team.people)) or "nobody"
        raise UsageError(f"nobody in team.yml is called {new}", hint=f"there are: {there}")
    result(new_token(project.root, new))
    say(f"this is {new}'s token: it is shown this once, and any earlier one is good no more")
    return ExitCode.OK


@contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Let signals end the dashboard in order until the block ends; gives those that came."""
    came: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        stop()

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield came
    finally:
        ignore_signals()
