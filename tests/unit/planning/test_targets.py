import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.model.errors import ExitCode
from runbook_engine.model.inventory import Group, Inventory, Target
from runbook_engine.planning.targets import TargetPatternError, choose_targets


def group(name, hosts=(), children=()):
    return Group(name=name, hosts=tuple(hosts), children=tuple(children))


@pytest.fixture(scope="module")
def inventory():
    groups = [
        group("all", children=["ungrouped", "apps", "eu", "empty"]),
        group("ungrouped", ["spare"]),
        group("apps", children=["web", "db"]),
        group("web", ["web1", "web2", "web3"]),
        group("db", ["db1", "db.two"]),
        group("eu", ["web2", "db1"]),
        group("empty"),
    ]
    names = ["spare", "web1", "web2", "web3", "db1", "db.two"]
    return Inventory(
        name="t", targets={name: Target(name=name) for name in names}, groups={one.name: one for one in groups}
    )


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("all", "spare web2 db1 web1 web3 db.two"),
        ("*", "spare web2 db1 web1 web3 db.two"),
        ("apps", "web1 web2 web3 db1 db.two"),
        ("web:db", "web1 web2 web3 db1 db.two"),
        ("db , web", "db1 db.two web1 web2 web3"),
        ("apps:&eu", "web2 db1"),
        ("apps:!eu", "web1 web3 db.two"),
        ("!eu:apps", "web1 web3 db.two"),
        ("&eu", "web2 db1"),
        ("!apps", "spare"),
        ("web*", "web1 web2 web3"),
        ("*1", "web1 db1"),
        ("web?:!web2", "web1 web3"),
        ("~web[13]", "web1 web3"),
        ("~.*b", "web1 web2 web3 db1 db.two"),
        ("web[0]", "web1"),
        ("web[-1]", "web3"),
        ("web[0:1]", "web1 web2"),
        ("web[1:]", "web2 web3"),
        ("web[1-2]", "web2 web3"),
        ("apps[1:2]:db.two", "web2 web3 db.two"),
        ("db.two", "db.two"),
        ("web1:web1:web", "web1 web2 web3"),
        ("empty", ""),
        ("empty[0]", ""),
        ("nothing*", ""),
        ("web:!nothing*", "web1 web2 web3"),
        ("localhost", "localhost"),
        ("localhost:web1", "localhost web1"),
        ("ungrouped", "spare"),
    ],
)
def test_patterns(inventory, pattern, names):
    assert choose_targets(inventory, pattern) == tuple(names.split())


@pytest.mark.parametrize(
    ("pattern", "part", "hint"),
    [
        ("wbe", "wbe", "'web'"),
        ("all:!wbe", "wbe", "'web'"),
        ("all:&wbe", "wbe", "'web'"),
        ("web,dbb[0]", "dbb", "'db'"),
        ("web[3]", "web[3]", "count from 0"),
        ("web[-4]", "web[-4]", "count from 0"),
        ("web:22", "web:22", ""),
        ("web:db,eu", "web:db", ""),
        ("~(", "~(", ""),
        ("~" + "a" * 300, "~" + "a" * 300, ""),
        ("web:!", "", ""),
        ("", "", "group"),
        (" , ", " , ", "group"),
        ("127.0.0.1", "127.0.0.1", ""),
    ],
)
def test_what_is_not_there_or_wrong_is_an_error_wherever_it_stands(inventory, pattern, part, hint):
    with pytest.raises(TargetPatternError) as caught:
        choose_targets(inventory, pattern)
    assert caught.value.part == part
    assert hint in caught.value.hint
    assert caught.value.exit_code is ExitCode.INVALID


def test_a_regex_that_finds_no_end_is_an_error_and_one_like_it_that_does_is_not():
    name = "web" + "-a" * 30
    inventory = Inventory(name="x", targets={name: Target(name=name)}, groups={"all": Group(name="all")})
    assert choose_targets(inventory, r"~web(-\w+)+") == (name,)
    with pytest.raises(TargetPatternError, match="no end") as caught:
        choose_targets(inventory, r"~web(-a|-a)+!")
    assert caught.value.part == r"~web(-a|-a)+!"


@pytest.mark.parametrize(
    ("pattern", "limit", "names"),
    [
        ("apps", "eu", "web2 db1"),
        ("apps", "!eu", "web1 web3 db.two"),
        ("web", "db", ""),
        ("all", "web1,db1", "db1 web1"),
        ("localhost", "web1", "localhost"),
    ],
)
def test_a_limit_keeps_what_it_chooses_too_and_never_takes_the_implicit_localhost(inventory, pattern, limit, names):
    assert choose_targets(inventory, pattern, limit=limit) == tuple(names.split())


def test_an_unknown_name_in_the_limit_is_an_error(inventory):
    with pytest.raises(TargetPatternError):
        choose_targets(inventory, "all", limit="wbe")


def test_a_localhost_of_the_inventory_is_limited_like_any_host():
    groups = [group("all", children=["ungrouped"]), group("ungrouped", ["localhost", "web1"])]
    names = ("localhost", "web1")
    inventory = Inventory(
        name="t", targets={name: Target(name=name) for name in names}, groups={one.name: one for one in groups}
    )
    assert choose_targets(inventory, "all", limit="web1") == ("web1",)


def test_a_limit_may_be_the_lines_of_a_file(inventory, tmp_path):
    path = tmp_path / "failed.retry"
    path.write_text("web3\n\n  db1  \n")
    assert choose_targets(inventory, "all", limit=f"@{path}") == ("db1", "web3")
    assert choose_targets(inventory, "all", limit=f"web1,@{path}") == ("db1", "web1", "web3")


def test_a_limit_file_that_is_too_large_is_refused_and_not_cut(inventory, tmp_path):
    path = tmp_path / "hosts.txt"
    path.write_bytes(b"web3\n" * 3_400_000 + b"db1\n")
    with pytest.raises(TargetPatternError, match="larger than 16 MiB"):
        choose_targets(inventory, "all", limit=f"@{path}")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"nobody\n"])
def test_a_limit_file_that_cannot_be_used_is_an_error(inventory, tmp_path, content):
    path = tmp_path / "failed.retry"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TargetPatternError):
        choose_targets(inventory, "all", limit=f"@{path}")
    with pytest.raises(TargetPatternError):
        choose_targets(inventory, "all", limit=f"@{tmp_path}")


def test_a_host_goes_before_a_group_of_its_name_only_where_it_stands_alone():
    groups = [group("all", children=["ungrouped", "db"]), group("ungrouped"), group("db", ["db", "db2"])]
    inventory = Inventory(
        name="t", targets={name: Target(name=name) for name in ("db", "db2")}, groups={one.name: one for one in groups}
    )
    assert choose_targets(inventory, "db") == ("db",)
    assert choose_targets(inventory, "all:!db") == ()


@given(st.text("web123*?[]!&~:,.@ ()\n", max_size=20))
def test_any_pattern_gives_known_names_or_a_clear_error(inventory, pattern):
    problem, names = "", ()
    try:
        names = choose_targets(inventory, pattern)
    except TargetPatternError as error:
        problem = error.message
    assert problem or set(names) <= inventory.targets.keys() | {"localhost"}
    assert len(set(names)) == len(names)
