import importlib.metadata
import os
import sys

import pytest

from runbook_engine.discovery.catalog import build_catalog

ACTION = '''
from runbook_engine.sdk import Action, Params, satisfied

class {cls}Params(Params):
    text: str = ""

class {cls}(Action[{cls}Params]):
    """{doc}

    More of it.
    """

    name = "{name}"
    Params = {cls}Params

    def check(self, params, context):
        return satisfied(params.text)
'''


def source(name, cls="Hello", doc="Says hello."):
    return ACTION.format(name=name, cls=cls, doc=doc)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "plugins"
    made.mkdir()
    return made


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution for real: metadata with entry points on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def make(dist, version, points, modules):
        info = site / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[test.actions]", *lines]) + "\n")
        for name, text in modules.items():
            (site / f"{name}.py").write_text(text)

    return make


def build(*folders):
    return build_catalog(folders, entry_point_group="test.actions")


def rules(diagnostics):
    return [item.rule for item in diagnostics]


def test_actions_of_files_packages_and_plain_folders(folder):
    (folder / "one.py").write_text(source("acme.one"))
    package = folder / "acme"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_shared.py").write_text(source("acme.shared", "Shared"))
    (package / "two.py").write_text("from ._shared import SharedParams\n" + source("acme.two", "Two"))
    plain = folder / "more" / "deeper"
    plain.mkdir(parents=True)
    (plain / "three.py").write_text(source("acme.three", "Three"))
    (folder / "test_one.py").write_text("raise SystemExit")
    (folder / ".hidden.py").write_text("raise SystemExit")
    (folder / "notes.txt").write_text("not code")
    path, modules = list(sys.path), set(sys.modules)
    catalog, diagnostics = build(folder)
    assert diagnostics == []
    assert catalog.names() == ("acme.one", "acme.shared", "acme.three", "acme.two")
    assert sys.path == path
    assert not {"one", "acme", "two", "three"} & (set(sys.modules) - modules)


def test_what_the_catalogue_says_of_an_action(folder):
    (folder / "one.py").write_text(source("acme.one", doc="Says hello to the world."))
    catalog, _ = build(folder)
    entry = catalog.entry("acme.one")
    assert entry.summary == "Says hello to the world."
    assert entry.origin == str(folder / "one.py")
    assert entry.version.startswith("sha256:")
    assert len(entry.version) == len("sha256:") + 12
    assert catalog.versions() == {entry.origin: entry.version}
    action = catalog.get("acme.one")
    assert action is catalog.get("acme.one")
    assert action.check(action.Params(text="hi"), None).summary == "hi"
    assert catalog.get("acme.two") is None


def test_the_version_follows_the_content_of_every_module(folder):
    package = folder / "acme"
    package.mkdir()
    (package / "__init__.py").write_text(source("acme.one"))
    (package / "data.py").write_text("X = 1\n")
    before = build(folder)[0].entry("acme.one").version
    assert build(folder)[0].entry("acme.one").version == before
    (package / "data.py").write_text("X = 2\n")
    assert build(folder)[0].entry("acme.one").version != before


def test_plugins_of_one_name_in_two_folders_are_apart(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.py").write_text(source(f"{name}.same"))
    assert build(tmp_path / "a", tmp_path / "b")[0].names() == ("a.same", "b.same")


@pytest.mark.parametrize(
    ("text", "rule", "message", "line"),
    [
        ("x = 1\nraise ValueError('boom')\n", "RB410", "ValueError: boom", 2),
        ("import sys\nsys.exit('bye')\n", "RB410", "SystemExit: bye", 2),
        ("\n\ndef broken(:\n", "RB410", "SyntaxError", 3),
        ("import no_such_module_anywhere\n", "RB410", "no_such_module_anywhere", 1),
        ("from runbook_engine.sdk import Action\nclass A(Action): pass\n", "RB411", "its name is None", 2),
        ("from runbook_engine.sdk import Action\nclass A(Action): name = 7\n", "RB411", "its name is 7", 2),
        (source("nofamily"), "RB411", "'family.verb'", 7),
        (source("Acme.Run"), "RB411", "'family.verb'", 7),
        (source("a.b").replace("    Params = HelloParams\n", ""), "RB411", "its Params must be", 7),
        (source("a.b").replace("Params = HelloParams", "Params = dict"), "RB411", "its Params must be", 7),
        (source("a.b").replace("def check", "def chekc"), "RB411", "no check", 7),
        (source("a.b") + "    apply = 7\n", "RB411", "apply is not a method", 7),
        (source("a.b") + "    effect = 'maybe'\n", "RB411", "its effect is 'maybe'", 7),
        (source("a.b") + "    aws_reads = 'rds:Describe'\n", "RB411", "aws_reads must be", 7),
        (source("a.b") + "    def __init__(self, x): pass\n", "RB411", "making it failed", 7),
    ],
)
def test_a_wrong_plugin_is_left_out_and_its_neighbours_stay(folder, text, rule, message, line):
    (folder / "bad.py").write_text(text)
    (folder / "good.py").write_text(source("acme.good"))
    catalog, diagnostics = build(folder)
    assert catalog.names() == ("acme.good",)
    (found,) = diagnostics
    assert found.rule == rule
    assert message in found.message
    assert found.location.file == str(folder / "bad.py")
    assert found.location.line == line


def test_a_missing_library_is_named(folder):
    (folder / "bad.py").write_text("import no_such_module_anywhere\n")
    assert "'no_such_module_anywhere'" in build(folder)[1][0].hint


def test_a_plugin_that_failed_leaves_no_module_behind(folder):
    package = folder / "acme"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "bad.py").write_text("raise ValueError")
    before = set(sys.modules)
    build(folder)
    assert not [name for name in set(sys.modules) - before if "acme" in name]


def test_the_same_name_twice_the_first_counts(folder):
    (folder / "a.py").write_text(source("acme.one", doc="First."))
    (folder / "b.py").write_text(source("acme.one", doc="Second.") + source("acme.two", "Two"))
    catalog, diagnostics = build(folder)
    assert rules(diagnostics) == ["RB412"]
    assert str(folder / "a.py") in diagnostics[0].message
    assert catalog.entry("acme.one").summary == "First."
    assert catalog.names() == ("acme.one", "acme.two")


def test_a_base_class_without_a_name_is_no_action(folder):
    base = source("x.y", "Base").replace('    name = "x.y"\n', "")
    (folder / "a.py").write_text(base + '\nclass Real(Base):\n    """Real."""\n    name = "acme.real"\n')
    catalog, diagnostics = build(folder)
    assert (catalog.names(), diagnostics) == (("acme.real",), [])


def test_a_gate_needs_no_check(folder):
    text = source("gate.mine").replace("Action", "Gate").replace("def check", "def wait")
    (folder / "a.py").write_text(text)
    assert build(folder)[0].names() == ("gate.mine",)


def test_installed_distributions_come_by_entry_point(install):
    install("acme-actions", "1.2", {"one": "acme_dist_one"}, {"acme_dist_one": source("acme.installed")})
    catalog, diagnostics = build()
    assert diagnostics == []
    assert catalog.entry("acme.installed").origin == "acme-actions"
    assert catalog.versions() == {"acme-actions": "1.2"}


def test_the_engines_actions_can_not_be_replaced(install, folder):
    # Sorted by name alone, the other distribution would come first.
    install("aaa-evil", "6.6", {"evil": "evil_dist"}, {"evil_dist": source("command.run", doc="Evil.")})
    install("runbook-engine", "9.9", {"command": "engine_dist"}, {"engine_dist": source("command.run", doc="Real.")})
    (folder / "evil.py").write_text(source("command.run", doc="Evil too."))
    catalog, diagnostics = build(folder)
    assert catalog.entry("command.run").summary == "Real."
    assert rules(diagnostics) == ["RB412", "RB412"]


def test_the_engines_actions_are_imported_when_they_are_asked_for(install, folder):
    modules = {"engine_one": source("own.one", doc="One."), "engine_two": source("own.two", doc="Two.")}
    install("runbook_engine", "9.9", {"own.one": "engine_one:Hello", "own.two": "engine_two:Hello"}, modules)
    (folder / "evil.py").write_text(source("own.two", doc="Evil."))
    catalog, diagnostics = build(folder)
    assert (catalog.names(), catalog.versions()) == (("own.one", "own.two"), {"runbook_engine": "9.9"})
    assert rules(diagnostics) == ["RB412"]
    assert catalog.get("own.one") is catalog.get("own.one")
    assert catalog.get("own.none") is None
    assert "engine_one" in sys.modules
    assert "engine_two" not in sys.modules
    assert (catalog.entry("own.two").summary, catalog.entry("own.two").version) == ("Two.", "9.9")
    with pytest.raises(KeyError):
        catalog.entry("own.none")


def test_an_own_entry_point_that_names_another_action_is_a_defect(install):
    install("runbook-engine", "9.9", {"own.name": "engine_other:Hello"}, {"engine_other": source("own.other")})
    with pytest.raises(TypeError, match="no action of that name"):
        build()[0].get("own.name")


def test_an_entry_point_that_leads_nowhere_is_reported(install):
    install(
        "acme-broken", "1", {"a": "no_such_module_anywhere", "b": "acme_broken_b:VALUE", "c": "acme_broken_b:missing"},
        {"acme_broken_b": "VALUE = 7\n"},
    )  # fmt: skip
    catalog, diagnostics = build()
    assert catalog.names() == ()
    assert rules(diagnostics) == ["RB410", "RB411", "RB410"]
    assert all("acme-broken" in item.location.file for item in diagnostics)


def test_plugins_that_everybody_may_write_are_refused(folder):
    (folder / "open.py").write_text(source("acme.open"))
    (folder / "open.py").chmod(0o666)
    inner = folder / "inner"
    inner.mkdir()
    (inner / "x.py").write_text(source("acme.inner"))
    inner.chmod(0o777)
    (folder / "fine.py").write_text(source("acme.fine"))
    catalog, diagnostics = build(folder)
    assert catalog.names() == ("acme.fine",)
    assert rules(diagnostics) == ["RB413", "RB413"]
    folder.chmod(0o757)
    catalog, diagnostics = build(folder)
    assert (catalog.names(), rules(diagnostics)) == ((), ["RB413"])


def test_a_link_out_of_the_plugin_folder_is_refused(folder, tmp_path):
    (tmp_path / "outside.py").write_text(source("acme.outside"))
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    catalog, diagnostics = build(folder)
    assert (catalog.names(), rules(diagnostics)) == ((), ["RB413"])


def test_a_folder_that_is_not_there_has_no_plugins(tmp_path):
    assert build(tmp_path / "none")[1] == []


def test_the_group_is_the_documented_one():
    catalog, _ = build_catalog([])
    assert len(catalog.names()) == len(set(catalog.names()))
    group = importlib.metadata.entry_points(group="runbook_engine.actions")
    assert catalog.names() == tuple(sorted(point.name for point in group))


@pytest.mark.timeout(60)
def test_what_is_no_plain_file_of_bounded_size_is_no_plugin(folder):
    (folder / "one.py").write_text(source("acme.one"))
    os.mkfifo(folder / "pipe.py")
    with (folder / "large.py").open("wb") as file:
        file.truncate(1 << 40)
    package = folder / "acme"
    package.mkdir()
    (package / "__init__.py").write_text("")
    os.mkfifo(package / "pipe.py")
    catalog, diagnostics = build(folder)
    assert catalog.names() == ("acme.one",)
    assert [one.message.partition(" is ")[2] for one in diagnostics] == [
        "no plain file; it is not used",
        "larger than 16 MiB; it is not used",
        "no plain file; it is not used",
    ]


def test_links_that_lead_in_a_circle_are_told(folder):
    (folder / "loop.py").symlink_to("loop.py")
    _, diagnostics = build(folder)
    assert "Too many levels of symbolic links" in diagnostics[0].message
