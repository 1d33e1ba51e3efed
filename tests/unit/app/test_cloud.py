"""An inventory says which cloud its runs talk to."""

import pytest

from runbook_engine.app.cloud import aws_session
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.inventory import Group, Inventory


def inventory(**variables):
    groups = {"all": Group(name="all", variables=variables), "ungrouped": Group(name="ungrouped")}
    return Inventory(name="demo", targets={}, groups=groups)


def test_a_relative_configuration_is_the_projects(tmp_path):
    session = aws_session(inventory(aws_profile="lab", aws_config_file=".lab/aws-config"), tmp_path)
    with pytest.raises(Exception, match=str(tmp_path / ".lab" / "aws-config")):
        session.client("sts", region="eu-west-1", read_only=True)


def test_an_inventory_that_says_nothing_leaves_it_to_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-environment")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(Exception, match="of-the-environment"):
        aws_session(inventory(aws_profile=None), tmp_path).client("sts", region="eu-west-1", read_only=True)


@pytest.mark.parametrize("value", [7, "", "{{ other }}", ["lab"]])
def test_what_is_no_name_is_refused(tmp_path, value):
    with pytest.raises(InvalidInputError, match="aws_profile"):
        aws_session(inventory(aws_profile=value), tmp_path)
