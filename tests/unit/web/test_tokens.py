"""People's tokens: made once, known again, kept as hashes in a file that only its owner reads."""

import os
import stat

import pytest

from runbook_engine.model.errors import InvalidInputError
from runbook_engine.web.security.token_file import PLACE, read_tokens, remove_token
from runbook_engine.web.security.tokens import known_token, new_token, stands


def test_a_token_is_known_again_and_is_nowhere_in_the_file(tmp_path):
    token = new_token(tmp_path, "dana.lee")
    file = tmp_path / PLACE
    assert token.startswith("dana.lee.")
    assert token.rpartition(".")[2] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert known_token(tmp_path, token).person == "dana.lee"


@pytest.mark.parametrize(
    "wrong", ["", ".", "dana", "dana.", "dana.guessed", "eli.guessed", ".x", "\ud800.x", "x" * 5000]
)
def test_what_is_nobodys_token_lets_nobody_in(tmp_path, wrong):
    new_token(tmp_path, "dana")
    assert known_token(tmp_path, wrong) is None


def test_a_token_of_another_person_is_not_taken(tmp_path):
    secret = new_token(tmp_path, "dana").partition(".")[2]
    new_token(tmp_path, "eli")
    assert known_token(tmp_path, f"eli.{secret}") is None


def test_a_new_token_takes_the_place_of_the_old_one(tmp_path):
    old = new_token(tmp_path, "dana")
    known = known_token(tmp_path, old)
    assert stands(tmp_path, known)
    new = new_token(tmp_path, "dana")
    assert known_token(tmp_path, old) is None
    assert known_token(tmp_path, new).person == "dana"
    assert not stands(tmp_path, known)


def test_a_token_that_is_taken_away_is_good_no_more(tmp_path):
    token = new_token(tmp_path, "dana")
    kept = new_token(tmp_path, "eli")
    known = known_token(tmp_path, token)
    assert remove_token(tmp_path, "dana")
    assert not remove_token(tmp_path, "dana")
    assert known_token(tmp_path, token) is None
    assert not stands(tmp_path, known)
    assert known_token(tmp_path, kept).person == "eli"


def test_without_a_file_there_are_no_tokens(tmp_path):
    assert read_tokens(tmp_path).tokens == {}
    assert known_token(tmp_path, "dana.x") is None


def test_a_file_that_others_can_read_is_refused(tmp_path):
    token = new_token(tmp_path, "dana")
    (tmp_path / PLACE).chmod(0o640)
    with pytest.raises(InvalidInputError, match="by others"):
        known_token(tmp_path, token)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"tokens": {"dana": {}}}', "\x00"])
def test_a_file_that_is_no_file_of_tokens_is_refused(tmp_path, text):
    (tmp_path / PLACE).parent.mkdir()
    (tmp_path / PLACE).write_text(text)
    (tmp_path / PLACE).chmod(0o600)
    with pytest.raises(InvalidInputError, match="can't be used"):
        read_tokens(tmp_path)


def test_a_link_or_a_pipe_in_its_place_is_refused(tmp_path):
    import os

    new_token(tmp_path, "dana")
    (tmp_path / PLACE).rename(tmp_path / "elsewhere")
    (tmp_path / PLACE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInputError, match="can't be used"):
        read_tokens(tmp_path)
    (tmp_path / PLACE).unlink()
    os.mkfifo(tmp_path / PLACE, 0o600)
    with pytest.raises(InvalidInputError, match="no plain file"):
        read_tokens(tmp_path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_has_no_tokens(make, tmp_path):
    (tmp_path / ".runbook").mkdir()
    make(tmp_path / ".runbook/dashboard-tokens.json")
    with pytest.raises(InvalidInputError, match="no plain file"):
        remove_token(tmp_path, "dana")
