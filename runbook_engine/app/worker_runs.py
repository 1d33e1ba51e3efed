"""What a worker makes the attempts of one run with: hands of this machine, secrets that it resolves itself."""

from collections.abc import Callable, Mapping
from pathlib import Path

from runbook_engine.app.hands import EngineHands, StoreResolver
from runbook_engine.app.prepare import read_inventory
from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.app.queue_facts import RunForWorkers, file_hash, is_sealed, relative_origin, unseal
from runbook_engine.app.run_secrets import prime, schemes_of, variables_of
from runbook_engine.connections.aws import AwsSession
from runbook_engine.connections.factory import HostConnections, HostSettings
from runbook_engine.dispatchers.queue_wire import SentOrder
from runbook_engine.execution.attempt import attempt
from runbook_engine.execution.attempt_parts import AttemptTools
from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.execution.live_board import LiveBoard
from runbook_engine.model.diagnostic import Severity, has_errors
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import Inventory, Target
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport
from runbook_engine.secrets.store import Secrets

_SAME_COMMIT = "bring the worker's copy of the project to the same commit"


class _CheckedHands(EngineHands):
    """Hands that read the project's files only as they were when the run's steps were planned."""

    files: Mapping[str, str] = {}
    root: Path

    def project_file(self, path: str) -> bytes:
        """Read a file of the project.

        Raises:
            RunbookError: it is not the one that the run was made with, or is not there.
        """
        known = self.files.get(path)
        try:
            data = read_project_file(self.root, path)
        except RunbookError as error:
            if known is None:
                raise
            raise RunbookError(f"{error.message}; it could where the run was made", hint=_SAME_COMMIT) from error
        if known is not None and known != file_hash(data):
            raise RunbookError(f"{path} is another one here than where the run was made", hint=_SAME_COMMIT)
        return data


class WorkerRun:
    """The tools for one run's attempts; safe to use from several threads."""

    def __init__(
        self,
        project: OpenProject,
        facts: RunForWorkers,
        engine: str,
        clock: Clock,
        term: LeaseTerm,
        board: LiveBoard | None = None,
    ) -> None:
        self._project = project
        self._facts = facts
        self._engine = engine
        self._texts: list[str] | None = None
        self._inventory: Inventory | None = None
        config_file = facts.aws.get("aws_config_file")
        aws = AwsSession(
            profile=facts.aws.get("aws_profile"),
            config_file=project.root / config_file if config_file is not None else None,
        )
        known = dict.fromkeys(facts.references, "")
        self._store = Secrets(schemes_of(project, _Lazily(self._decrypted), {}, aws), project.root)
        for reference in facts.references:
            prime(self._store, reference)
        self._hosts = HostConnections(HostSettings(withheld=variables_of(known), folder=project.root))
        self._hands = _CheckedHands(
            project.root,
            project.team,
            self._hosts,
            sandbox=project.config.sandbox,
            resolve=self._store.resolve,
            aws=aws,
        )
        self._hands.files, self._hands.root = facts.files, project.root
        self._tools = AttemptTools(
            catalog=project.catalog,
            hands=self._hands,
            secrets=StoreResolver(self._store),
            redactor=self._store.redactor,
            clock=clock,
            output_limit=project.config.limits.output_bytes,
            term=term,
            board=board,
        )

    def make(self, sent: SentOrder, cancelled: CancelSignal, on_progress: Callable[[str], None]) -> AttemptReport:
        """Make an attempt, or say why this machine does not; never raises."""
        order = sent.order
        try:
            self._see_that_it_is_the_same(sent)
            order = order._replace(target=self._target(order.target))
        except RunbookError as error:
            text = f"the worker refused it: {error.message}" + (f" ({error.hint})" if error.hint else "")
            return AttemptReport(order.task, order.number, Outcome.FAILED, error=text, in_doubt=order.settle)
        return attempt(order, self._tools, cancelled=cancelled, on_progress=on_progress)

    def tidy(self, order: AttemptOrder) -> None:
        """Let go of what an attempt left on its target.

        Raises:
            RunbookError: the target can't be reached.
        """
        connection = self._hands.connection(self._target(order.target), become_user=order.become_user)
        connection.forget_detached(order.token)
        connection.close()

    def close(self) -> list[str]:
        """Give every connection back; says what could not be tidied up."""
        return self._hands.close()

    def _see_that_it_is_the_same(self, sent: SentOrder) -> None:
        """Make sure that here an order means what it meant where it was made.

        Raises:
            RunbookError: another engine, or another action.
        """
        if self._facts.engine != self._engine:
            raise RunbookError(
                f"it runs runbook-engine {self._engine}, and the run is made by {self._facts.engine}",
                hint="install the same version on both",
            )
        if self._facts.sealed:
            self._decrypted()  # whatever this order needs: what was encrypted is not to be seen in what it says
        name = sent.order.action
        if self._project.catalog.get(name) is None:
            raise RunbookError(f"there is no action {name} here", hint="is its plugin installed on this machine?")
        entry = self._project.catalog.entry(name)
        here = (relative_origin(entry.origin, self._project.root), entry.version)
        if here != (sent.origin, sent.version):
            there = f"{sent.origin} {sent.version}".strip()
            raise RunbookError(
                f"the action {name} is of {' '.join(here).strip()} here, and of {there} where the run is made",
                hint="bring the worker's plugins to the same version",
            )

    def _target(self, target: Target) -> Target:
        if not is_sealed(target):
            return target
        texts = self._decrypted()
        return unseal(target, texts, self._inventory.target(target.name).variables if self._inventory else {})

    def _decrypted(self) -> list[str]:
        """Give the inventory's decrypted texts, in the order that positions count in.

        Raises:
            RunbookError: it can't be opened here, or is another one.
        """
        if self._texts is None:
            inventory, _, found = read_inventory(self._project, self._facts.sources)
            if inventory is None or has_errors(found):
                wrong = (item.message for item in found if item.severity is Severity.ERROR)
                why = next(wrong, "it is not valid")
                raise RunbookError(f"the inventory can't be opened here: {why}", hint="`runbook validate` tells more")
            if dict(inventory.files) != self._facts.inventory_files or len(inventory.secrets) != self._facts.sealed:
                raise RunbookError(
                    "the inventory is another one here than where the run was made",
                    hint="bring the worker's copy of the project to the same commit",
                )
            for text in inventory.secrets:
                self._store.redactor.add(text)
            self._inventory, self._texts = inventory, list(inventory.secrets)
        return self._texts


class _Lazily:
    """Texts that are decrypted when the first one is asked for."""

    def __init__(self, texts: Callable[[], list[str]]) -> None:
        self._texts = texts

    def __getitem__(self, index: int) -> str:
        return self._texts()[index]
