"""Imports: spliced files stay inside the project, are read once, and form no cycle."""

import hashlib

import pytest

from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.config import Limits


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "runbooks" / "parts").mkdir(parents=True)
    return root


def write(project, name, *imports, extra=""):
    steps = "".join(f"  - {{id: i{number}, import: {json_text(target)}}}\n" for number, target in enumerate(imports))
    path = project / "runbooks" / f"{name}.yml"
    stem = name.rpartition("/")[2]
    path.write_text(f"runbook: {stem}\nsteps:\n  - {{id: own, aws.identity: }}\n{steps}{extra}")
    return path


def json_text(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def load(project, name="main"):
    return load_runbook(project / "runbooks" / f"{name}.yml", project=project, limits=Limits())


def found(loaded):
    return [(str(item.location), item.rule) for item in loaded.diagnostics]


def test_an_import_is_relative_to_its_file_and_every_file_is_recorded(project):
    paths = [
        write(project, "main", "parts/a.yml", "./b.yml"),
        write(project, "parts/a", "../b.yml"),
        write(project, "b"),
    ]
    loaded = load(project)
    assert loaded.diagnostics == []
    assert set(loaded.imported) == {"parts/a.yml", "./b.yml"}
    assert loaded.imported["parts/a.yml"].imported["../b.yml"] is loaded.imported["./b.yml"]
    assert loaded.runbook.files == {
        path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
    step = loaded.runbook.steps[1]
    assert (step.imported.file, dict(step.imported.inputs), step.action) == ("parts/a.yml", {}, None)
    assert str(loaded.place(1, "imported")) == "runbooks/main.yml:4:22"


def test_inputs_of_an_import(project):
    write(project, "a")
    write(
        project,
        "main",
        extra="  - id: x\n    import: a.yml\n    inputs: {region: '{{ r }}'}\n  - id: y\n    import: a.yml\n    inputs: [5]\n",
    )
    loaded = load(project)
    assert found(loaded) == [("runbooks/main.yml:9:13", "RB104")]
    assert str(loaded.place(1, "inputs", "region")) == "runbooks/main.yml:6:22"


@pytest.mark.parametrize(
    "target",
    [
        "/etc/hostname",
        "../../outside.yml",
        "../../../../../../etc/hostname",
        "link.yml",
        "folder/outside.yml",
        "~/x.yml",
    ],
)
def test_nothing_outside_the_project_is_read(project, target):
    secret = project.parent / "outside.yml"
    secret.write_text("runbook: outside\nsecret: TOP-SECRET\n")
    (project / "runbooks" / "link.yml").symlink_to(secret)
    (project / "runbooks" / "folder").symlink_to(project.parent)
    write(project, "main", target)
    loaded = load(project)
    assert found(loaded) == [("runbooks/main.yml:4:22", "RB114")]
    assert loaded.imported == {}
    assert "SECRET" not in repr(loaded)


@pytest.mark.parametrize("target", ["none.yml", "parts", "x\\0y.yml", "", "x" * 5000])
def test_what_is_no_file_is_refused(project, target):
    write(project, "main", target)
    loaded = load(project)
    assert {item.rule for item in loaded.diagnostics} <= {"RB114", "RB004"}
    assert loaded.diagnostics
    assert loaded.diagnostics[0].location.line == 4


def test_a_link_inside_the_project_is_followed(project):
    write(project, "parts/a")
    (project / "runbooks" / "link.yml").symlink_to("parts/a.yml")
    write(project, "main", "link.yml")
    loaded = load(project)
    assert loaded.diagnostics == []
    assert set(loaded.files) == {"runbooks/main.yml", "runbooks/parts/a.yml"}


def test_a_cycle_is_shown_as_a_path(project):
    write(project, "main", "parts/a.yml")
    write(project, "parts/a", "b.yml")
    write(project, "parts/b", "../main.yml")
    loaded = load(project)
    assert found(loaded) == [("runbooks/parts/b.yml:4:22", "RB115")]
    path = "runbooks/main.yml → runbooks/parts/a.yml → runbooks/parts/b.yml → runbooks/main.yml"
    assert path in loaded.diagnostics[0].message


def test_a_file_that_imports_itself(project):
    write(project, "main", "main.yml")
    assert found(load(project)) == [("runbooks/main.yml:4:22", "RB115")]


def test_a_long_chain_is_refused_without_a_traceback(project):
    for number in range(60):
        write(project, f"r{number}", f"r{number + 1}.yml")
    write(project, "r60")
    assert found(load(project, "r0")) == [("runbooks/r30.yml:4:22", "RB115")]


def test_diamonds_are_loaded_once_and_their_findings_told_once(project):
    for number in range(20):
        write(project, f"r{number}", f"r{number + 1}.yml", f"./r{number + 1}.yml")
    write(project, "r20", extra="bogus: 1\n")
    assert found(load(project, "r0")) == [("runbooks/r20.yml:4:1", "RB102")]


def test_findings_of_imports_come_with_those_of_the_file(project):
    write(project, "main", "a.yml", extra="bogus: 1\n")
    write(project, "a", extra="bogus: 2\n")
    loaded = load(project)
    assert found(loaded) == [("runbooks/main.yml:5:1", "RB102"), ("runbooks/a.yml:4:1", "RB102")]
    assert loaded.imported["a.yml"].runbook is None
