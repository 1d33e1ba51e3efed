"""Stateful fakes for what no emulator has: requests and answers are held to botocore's service model.

A fake is a class with a method for each operation, by its Python name:

    class Elasticache(ModelService):
        service = "elasticache"

        def describe_global_replication_groups(self, asked, region):
            return {"GlobalReplicationGroups": [...]}

        def failover_global_replication_group(self, asked, region):
            raise RefusedError("GlobalReplicationGroupNotFoundFault", "no such group")

`ModelAws(Elasticache())` is a WSGI application that boto3 can talk to (serve it with `WireServer`, put `Faults` before
it). What is tested so is "contract-tested against botocore's model", not tested against AWS.
"""

import re
import threading
from datetime import datetime
from numbers import Real

from botocore import xform_name

from support.aws_wire import RefusedError, Wire


class ModelService:
    """Base of the fakes."""

    service: str


class ModelAws:
    """Answers for several services.

    Attributes:
        problems: what of a request or an answer does not fit the model; a test's end should find none.
    """

    def __init__(self, *services):
        self._services = {one.service: one for one in services}
        self._lock = threading.Lock()
        self.problems = []

    def __call__(self, environ, start_response):
        wire = Wire(environ)
        with self._lock:
            return wire.answer(self._answer(wire), start_response)

    def _answer(self, wire):
        fake = self._services.get(wire.service)
        method = getattr(fake, xform_name(wire.operation.name), None) if fake and wire.operation else None
        if method is None:
            self.problems.append(f"the fake does not have {wire.name or wire.request.path}")
            return RefusedError("InternalFailure", self.problems[-1])
        asked = wire.asked
        found = list(misfits(wire.operation.input_shape, asked, wire.operation.name))
        if found:
            self.problems += found
            return RefusedError("InternalFailure", "; ".join(found))
        try:
            result = method(asked, wire.region)
        except RefusedError as refused:
            return refused
        found = list(misfits(wire.operation.output_shape, result, f"answer of {wire.operation.name}"))
        self.problems += found
        return RefusedError("InternalFailure", "; ".join(found)) if found else result


def misfits(shape, value, path):
    """Name everything in a value that the shape does not allow: types, members, enumerations, lengths, patterns."""
    if shape is None:
        if value:
            yield f"{path}: nothing belongs here"
        return
    kind = shape.type_name
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path}: {value!r} is no {kind}"
    else:
        yield from INSIDE.get(kind, lambda *_: ())(shape, value, path)


def _structure(shape, value, path):
    for name in sorted(value.keys() - shape.members.keys()):
        yield f"{path}.{name}: not in the model"
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name}: required"
    for name in value.keys() & shape.members.keys():
        if value[name] is not None:
            yield from misfits(shape.members[name], value[name], f"{path}.{name}")


def _list(shape, value, path):
    for number, item in enumerate(value):
        yield from misfits(shape.member, item, f"{path}[{number}]")
    yield from _bounds(shape, len(value), path)


def _map(shape, value, path):
    for key, item in value.items():
        yield from misfits(shape.key, key, f"{path} key")
        yield from misfits(shape.value, item, f"{path}.{key}")


def _string(shape, value, path):
    if shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is none of {', '.join(shape.enum)}"
    yield from _bounds(shape, len(value), path)
    yield from _pattern(shape, value, path)


TYPES = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "character": str,
    "integer": int,
    "long": int,
    "float": Real,
    "double": Real,
    "boolean": bool,
    "timestamp": datetime,
    "blob": (bytes, str),
}


def _bounds(shape, number, path):
    if number < shape.metadata.get("min", number) or number > shape.metadata.get("max", number):
        yield f"{path}: {number} is not from {shape.metadata.get('min')} to {shape.metadata.get('max')}"


def _pattern(shape, value, path):
    pattern = shape.metadata.get("pattern")
    if pattern is None:
        return
    try:
        matches = re.fullmatch(pattern, value) is not None
    except re.error:
        return  # Java's own, such as \p{L}
    if not matches:
        yield f"{path}: {value!r} does not match {pattern}"


INSIDE = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _bounds,
    "long": _bounds,
}
