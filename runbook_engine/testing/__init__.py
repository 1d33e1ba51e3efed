"""What the author of a plugin tests with: fakes for every hand an action is given, and the contract of actions."""

from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.testing.clock import ManualClock
from runbook_engine.testing.context import FakeContext, make_context
from runbook_engine.testing.contract import ContractCase, ContractError, check_action_contract
from runbook_engine.testing.host import FakeConnection, FakeFile
from runbook_engine.testing.services import FakeAws, FakeHttp, FakeSql, MemoryMailer, aws_error, http_answer

__all__ = [
    "ContractCase",
    "ContractError",
    "FakeAws",
    "FakeConnection",
    "FakeContext",
    "FakeFile",
    "FakeHttp",
    "FakeSql",
    "ManualClock",
    "MemoryJournal",
    "MemoryMailer",
    "aws_error",
    "check_action_contract",
    "http_answer",
    "make_context",
]
