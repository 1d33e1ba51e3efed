"""What sql.verify makes of a database's troubles."""

import pytest

from runbook_engine.actions.sql_verify import SqlVerify
from runbook_engine.sdk import ReadOnlyError, ServiceUnreachableError
from runbook_engine.testing import FakeSql, make_context


def look(script, query):
    action = SqlVerify()
    params = action.Params(url="sqlite:///a", checks=[{"query": query, "equals": 1}])
    context = make_context(databases={"sqlite:///a": FakeSql(script)})
    return action.check(params, context.reading(action, params))


def test_database_that_breaks_off_is_unreachable_and_not_wrong():
    with pytest.raises(ServiceUnreachableError, match="gone"):
        look({"SELECT 1": ServiceUnreachableError("gone")}, "SELECT 1")


def test_what_was_found_before_the_database_broke_off_is_told_and_it_is_not_asked_again():
    action = SqlVerify()
    queries = ["SELECT 1", "SELECT 2", "SELECT 3"]
    params = action.Params(url="sqlite:///a", checks=[{"query": query, "equals": 1} for query in queries])
    database = FakeSql({"SELECT 1": [{"x": 2}], "SELECT 2": ServiceUnreachableError("gone")})
    with pytest.raises(ServiceUnreachableError, match=r"^SELECT 1: is 2 instead of 1; SELECT 2: gone$"):
        action.check(params, make_context(databases={"sqlite:///a": database}))
    assert database.calls == ["SELECT 1", "SELECT 2"]


def test_statement_that_writes_is_a_breach_of_the_read_only_hands():
    with pytest.raises(ReadOnlyError):
        look({}, "DELETE FROM reviews")
