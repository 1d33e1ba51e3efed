"""AWS requests as the tests see them on the wire: whose they are, what they ask for, and a loopback server for answers."""

import logging
import re
import socket
import threading
import warnings
from functools import cache

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound
from werkzeug.serving import WSGIRequestHandler, make_server

from runbook_engine.lab.request_log import CREDENTIAL


class RefusedError(Exception):
    """An error as AWS answers it; its code must be one of the service's model, or one that is common to all."""

    def __init__(self, code, message=""):
        super().__init__(message or code)
        self.code, self.message = code, message or code


def matched(service, request):
    """Give the operation and the parameters in its path; None and none when the model has no such one."""
    named = OPERATION_IN_PATH.search(request.path)
    try:
        if named:
            return get_service_model(service).operation_model(named[1]), {}
        return get_service_router(service).match(request)
    except (NotFound, NotImplementedError, UnknownServiceError, OperationNotFoundError, OSError):
        return None, {}


class Wire:
    """One request: service, region, operation, and what it asks."""

    def __init__(self, environ):
        self.request = Request(environ)
        self.body = self.request.get_data(cache=True)
        found = CREDENTIAL.search(self.request.headers.get("Authorization", ""))
        self.service = service_of(found["service"]) if found else ""
        self.region = found["region"] if found else ""
        self.operation, self._path = None, {}
        if self.service:
            self.operation, self._path = matched(self.service, self.request)

    @property
    def name(self):
        """`rds:CopyDBSnapshot`; empty when it can't be told."""
        return f"{self.service}:{self.operation.name}" if self.operation else ""

    @property
    def asked(self):
        """The parameters, read by the service's model."""
        protocol = determine_request_protocol(self.operation.service_model, self.request.content_type)
        return PROTOCOL_PARSERS[protocol](self.operation).parse(
            {
                "method": self.request.method,
                "values": self.request.values,
                "headers": self.request.headers,
                "body": self.body,
                "url_path": self.request.path,
                "url_params": self._path,
            }
        )

    def answer(self, result, start_response):
        """Write an answer (or a `RefusedError`) as the service's protocol has it."""
        model = get_service_model(self.service)
        operation = self.operation or OperationModel({}, model)
        protocol = determine_request_protocol(model, self.request.content_type)
        serializer = get_serializer_class(model.service_name, protocol)(operation_model=operation)
        with warnings.catch_warnings():
            if isinstance(result, RefusedError) and result.code in COMMON:
                warnings.simplefilter("ignore")  # throttling and the like are in no service's model
            made = serializer.serialize(result)
        body = made["body"] if isinstance(made["body"], bytes) else made["body"].encode()
        headers = [*made["headers"].items(), ("Content-Length", str(len(body))), ("x-amzn-RequestId", "test")]
        start_response(f"{made['status_code']} .", [(key, str(value)) for key, value in headers])
        return [body]


COMMON = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "InternalFailure", "AccessDenied"})


# Whose signing name differs from boto's name.
NAMED_OTHERWISE = (
    "application-autoscaling",
    "cloudwatch",
    "elbv2",
    "route53-recovery-cluster",
    "route53-recovery-control-config",
    "service-quotas",
    "stepfunctions",
)
OPERATION_IN_PATH = re.compile(r"^/service/\w+/operation/(\w+)$")  # the CBOR protocol


@cache
def signing_names():
    metadata = {name: get_service_model(name).metadata for name in NAMED_OTHERWISE}
    return {one.get("signingName", one["endpointPrefix"]): name for name, one in metadata.items()}


def service_of(signing_name):
    """Give boto's name of a service by the one that it signs with."""
    return signing_names().get(signing_name, signing_name)


def cut_off(environ):
    """End the connection without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        """Not said."""

    def connection_dropped(self, error, environ=None):
        """Wanted."""


class WireServer:
    """Serves a WSGI application on a free port of the loopback."""

    def __init__(self, app):
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._server.port}"

    def close(self):
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
