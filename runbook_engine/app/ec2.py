"""Asks EC2 for instances, for inventories with an `aws_ec2` source."""

from collections.abc import Iterator

from runbook_engine.connections.aws import AwsSession
from runbook_engine.loading.inventory.instances import DescribeInstances, Filters, Instance


def ec2_reader() -> DescribeInstances:
    """Give what asks EC2, with the credentials of the environment; its clients are kept as long as it is.

    What it gives raises `AwsError` when EC2 refuses or there are no credentials, `ServiceUnreachableError` when it does
    not answer.
    """
    session = AwsSession(read_seconds=20.0, attempts=3)

    def describe(region: str, filters: Filters) -> Iterator[Instance]:
        client = session.client("ec2", region=region, read_only=True)
        wanted = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
        for reservation in client.pages("describe_instances", "Reservations", Filters=wanted):
            yield from reservation.get("Instances") or ()

    return describe
