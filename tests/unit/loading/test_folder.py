"""Looking for files: nothing there is one answer, not being able to tell another."""

import pytest

from runbook_engine.loading.folder import entries, is_file, is_folder, is_there, real_path, shown, yaml_files
from runbook_engine.model.errors import InvalidInputError


def test_what_is_there_is_told_from_what_is_not(tmp_path):
    (tmp_path / "a.yml").write_text("a")
    (tmp_path / "b.yaml").mkdir()
    (tmp_path / "c.txt").symlink_to("nowhere")
    assert is_file(tmp_path / "a.yml")
    assert not is_folder(tmp_path / "a.yml")
    assert is_folder(tmp_path / "b.yaml")
    assert not is_there(tmp_path / "c.txt")
    assert not is_there(tmp_path / "a.yml" / "below")
    assert not is_there(tmp_path / "nul\0")
    assert [path.name for path in entries(tmp_path)] == ["a.yml", "b.yaml", "c.txt"]
    assert [path.name for path in yaml_files(tmp_path)] == ["a.yml", "b.yaml"]
    assert entries(tmp_path / "none") == []


@pytest.mark.parametrize("look", [is_there, is_file, is_folder, entries])
def test_what_nobody_can_tell_is_refused_and_cut(tmp_path, look):
    with pytest.raises(InvalidInputError) as caught:
        look(tmp_path / ("x" * 3000))
    assert "File name too long" in caught.value.message
    assert len(caught.value.message) < 300


def test_a_long_name_is_cut_in_its_middle():
    assert shown("short\n") == "short\\x0a"
    cut = shown("a" * 300 + "z.yml")
    assert cut.endswith("z.yml")
    assert len(cut) < 200


def test_links_that_lead_in_a_circle_are_followed_nowhere(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert real_path(tmp_path / "a" / "c").name == "c"
