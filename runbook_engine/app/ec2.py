"""Asks EC2 for instances, for inventories with an `aws_ec2` source."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from runbook_engine.loading.inventory.instances import DescribeInstances, Filters, ForbiddenRegionError, Instance

if TYPE_CHECKING:
    from runbook_engine.connections.aws import AwsSession

_OF_RESERVATIONS = ("OwnerId", "RequesterId", "ReservationId")
_FORBIDDEN = "UnauthorizedOperation"


def ec2_reader() -> DescribeInstances:
    """Give what asks EC2, with the credentials of the environment; its clients are kept as long as it is.

    What it gives raises `ForbiddenRegionError` when EC2 forbids to look, `AwsError` when it refuses for another reason
    or there are no credentials, `ServiceUnreachableError` when it does not answer.
    """

    @cache
    def session() -> "AwsSession":
        from runbook_engine.connections.aws import AwsSession

        return AwsSession(read_seconds=20.0, attempts=3)

    def describe(region: str, filters: Filters) -> Iterator[Instance]:
        from runbook_engine.ports.services import AwsError

        client = session().client("ec2", region=region, read_only=True)
        wanted = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
        try:
            for reservation in client.pages("describe_instances", "Reservations", Filters=wanted):
                common = {
                    "RequesterId": "",
                    **{key: reservation[key] for key in _OF_RESERVATIONS if key in reservation},
                }
                for instance in reservation.get("Instances") or ():
                    yield {**instance, **common}
        except AwsError as error:
            if error.code != _FORBIDDEN:
                raise
            raise ForbiddenRegionError(error.message, hint=error.hint) from error

    return describe
