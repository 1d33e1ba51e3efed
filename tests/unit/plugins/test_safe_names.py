"""Names of files that anybody may have chosen become names that lead nowhere."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.plugins import plugin

safe_name = plugin("atlassian")["safe_names"].safe_name
DEVICES = {"con", "prn", "aux", "nul", "com1", "lpt1"}


@given(st.text(max_size=300))
@example("..")
@example("../../etc/passwd")
@example("C:\\x:stream")
@example("\ud800.txt")
@example("a" * 119 + "ä.txt")
@example("nul.tar.gz")
@example(".....")
def test_any_name_is_one_plain_component(name):
    made = safe_name(name)
    assert made
    assert made not in {".", ".."}
    assert len(made.encode()) <= 130
    assert made.isprintable()
    assert PurePosixPath(made).parts == (made,)
    assert PureWindowsPath(made).parts == (made,)
    assert not set(made) & set('/\\:*?"<>|\n\r\t\x00')
    assert made[0] not in "-~. "
    assert made[-1] not in ". "
    assert made.lower().partition(".")[0] not in DEVICES
    assert safe_name(made) == made


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Größe der Übersicht (final).pdf", "Größe der Übersicht (final).pdf"),
        ("日本語.txt", "日本語.txt"),
        ("report.tar.gz", "report.tar.gz"),
        ("../../../etc/cron.d/x", "__.__._etc_cron.d_x"),
        ("", "_"),
        ("CON", "_CON"),
        ("-rf", "rf"),
    ],
)
def test_what_people_call_their_files_is_kept_as_far_as_it_is_harmless(name, made):
    assert safe_name(name) == made
