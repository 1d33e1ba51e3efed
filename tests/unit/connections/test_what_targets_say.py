"""Answers of a target that no script of ours gives: told as what they are, whatever they are."""

import pytest

from runbook_engine.connections.detached_answer import Answer, read_answer
from runbook_engine.connections.detached_result import is_over, result_of, state_of
from runbook_engine.connections.shell_files import ShellFiles
from runbook_engine.sdk import CommandLostError, CommandResult, FileAccessError


@pytest.mark.parametrize("state", ["gone fishing", "", "DONE 3", "\x1b[2J", "done-ish 0"])
def test_a_state_that_is_none_leaves_it_open_how_the_command_ended(state):
    with pytest.raises(CommandLostError, match="no state of one") as caught:
        state_of(state)
    assert not caught.value.dead
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("status", ["", "x", "-1", "9" * 5000, "1 2"])
def test_a_status_that_is_none_is_not_known(status):
    assert is_over(f"done {status}")
    with pytest.raises(CommandLostError, match="exit status can't be read"):
        result_of("h", "t", Answer(f"done {status}"), reattached=False)


def test_a_count_of_thousands_of_digits_is_no_count():
    told = b"n state done 0\n\nn out " + b"9" * 5000 + b"\nhello\nn err 0\n\nn end\n"
    assert read_answer(told, "n") == Answer("done 0")


@pytest.mark.parametrize(
    "told", [b"", b"81a4 5", b"81a4 5 1 0 0 0", b"xyz 5 1 0 0", b"81a4 " + b"9" * 5000 + b" 1 0 0"]
)
def test_a_file_is_described_in_five_numbers_or_not_at_all(told):
    files = ShellFiles(lambda _command, _seconds: CommandResult(0, told, b"", len(told), 0))
    with pytest.raises(FileAccessError, match="stat says"):
        files.stat("/x")
