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


def test_statement_that_writes_is_a_breach_of_the_read_only_hands():
    with pytest.raises(ReadOnlyError):
        look({}, "DELETE FROM reviews")
