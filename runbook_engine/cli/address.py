"""An address to listen at, as an option's value."""

from typing import Any

import click

from runbook_engine.app.metrics_address import Address, read_address


class AddressType(click.ParamType[Address]):
    """Reads `PORT`, `HOST:PORT` or `[IPv6]:PORT`."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """Read an address to listen at."""
        if isinstance(value, Address):
            return value
        try:
            return read_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
