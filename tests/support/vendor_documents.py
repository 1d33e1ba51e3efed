"""Holds requests and answers to a vendor's own OpenAPI document, which is not part of this project.

The documents' folder is named by RUNBOOK_SPECS_DIR. Without it the fakes still serve, held to nothing, and the tests of
what the documents say are skipped, visibly.
"""

import json
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import pytest

STATUSPAGE = "statuspage-manage-v1.json"
JIRA = "jira-cloud-v3.json"
SERVICE_DESK = "jsm-servicedesk-v3.json"
BITBUCKET = "bitbucket-cloud-v2.json"
# Bitbucket takes these with every listing, says its introduction; its operations do not repeat them.
EVERYWHERE = frozenset({"page", "pagelen", "fields", "q", "sort"})


@dataclass(frozen=True)
class Seen:
    """A request as it came; header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def pairs(self):
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def asked(self):
        return dict(self.pairs)

    def __str__(self):
        return f"{self.method} {self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True)
class Answer:
    """What is answered: JSON, or bytes of another type."""

    status: int = 200
    json: object = None
    headers: dict = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/json"

    @property
    def body(self):
        if self.content is not None:
            return self.content
        return b"" if self.json is None else json.dumps(self.json).encode()


def document_if_there(name):
    """Give what holds requests and answers to a document, None when the document is not there."""
    folder = os.environ.get("RUNBOOK_SPECS_DIR")
    path = Path(folder or ".", name)
    return _open(path) if folder and path.is_file() else None


def open_document(name):
    """Give what holds requests and answers to a document; skips the test when the document is not there."""
    found = document_if_there(name)
    if found is None:
        pytest.skip(f"RUNBOOK_SPECS_DIR names no folder with {name}: nothing is held to the vendor's document")
    return found


@cache
def _open(path):
    return SwaggerDocument(path) if "swagger" in json.loads(path.read_text()) else OpenApiDocument(path)


class OpenApiDocument:
    """An OpenAPI 3 document, by openapi-core. Who may do what is the fake's to tell, so security is not looked at."""

    def __init__(self, path):
        from openapi_core import Config, OpenAPI
        from openapi_core.validation.request.validators import V30RequestValidator

        class Validator(V30RequestValidator):
            def _get_security(self, parameters, operation):
                return None

        self.name = path.name
        # The vendors' documents have defaults outside their own enumerations: the document itself is not judged.
        config = Config(spec_validator_cls=None, request_validator_cls=Validator)
        # Statuspage's writes a type as "Object", which is none.
        self._document = json.loads(path.read_text().replace('"type": "Object"', '"type": "object"'))
        self._api = OpenAPI.from_dict(self._document, config=config)
        url = self._document["servers"][0]["url"]
        self.host = re.match(r"https://[^/]+", url)[0]
        self.base = url[len(self.host) :]

    def request_problems(self, seen):
        """List what is wrong with a request."""
        from openapi_core.exceptions import OpenAPIError

        request = _Request(seen, self.host)
        try:
            self._api.validate_request(request)
        except OpenAPIError as error:
            return [f"{seen}: {_words(error)}"]
        operation = self._document["paths"][_template(self._document["paths"], seen, self.base)]
        return [f"{seen}: {problem}" for problem in _unknown(self._document, operation, seen)]

    def answer_problems(self, seen, answer):
        """List what is wrong with an answer."""
        from openapi_core.exceptions import OpenAPIError

        try:
            self._api.validate_response(_Request(seen, self.host), _Response(answer))
        except OpenAPIError as error:
            return [f"answer to {seen}: {answer.status}: {_words(error)}"]
        return []


class SwaggerDocument:
    """A Swagger 2.0 document (Bitbucket's): parameters by name, bodies by jsonschema on its definitions."""

    def __init__(self, path):
        self.name = path.name
        self._document = json.loads(path.read_text())
        self.base = self._document.get("basePath", "").rstrip("/")

    def request_problems(self, seen):
        """List what is wrong with a request."""
        template = _template(self._document["paths"], seen, self.base)
        operation = self._document["paths"].get(template, {})
        if seen.method.lower() not in operation:
            return [f"{seen}: the document has no such operation"]
        problems = _unknown(self._document, operation, seen, EVERYWHERE)
        for parameter in _parameters(self._document, operation, seen.method):
            if parameter["in"] == "query" and parameter.get("required") and parameter["name"] not in seen.asked:
                problems.append(f"the parameter {parameter['name']} is missing")
            if parameter["in"] == "body" and "schema" in parameter:
                problems += self._body_problems(parameter["schema"], seen.body)
        return [f"{seen}: {problem}" for problem in problems]

    def answer_problems(self, seen, answer):
        """List what is wrong with an answer."""
        operation = self._document["paths"][_template(self._document["paths"], seen, self.base)][seen.method.lower()]
        known = operation["responses"].get(str(answer.status)) or operation["responses"].get("default")
        if known is None:
            return [f"answer to {seen}: the document has no status {answer.status}"]
        problems = self._body_problems(known["schema"], answer.body) if "schema" in known else []
        return [f"answer to {seen}: {answer.status}: {problem}" for problem in problems]

    def _body_problems(self, schema, body):
        from jsonschema import Draft4Validator

        try:
            value = json.loads(body)
        except ValueError as error:
            return [f"the body is not JSON: {error}"]
        validator = Draft4Validator({"definitions": self._document["definitions"], "allOf": [schema]})
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


class _Request:
    """A request as openapi-core wants it."""

    def __init__(self, seen, host):
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        self.host_url, self.path, self.method = host, unquote(seen.path), seen.method.lower()
        self.body = seen.body or None
        self.content_type = seen.headers.get("content-type", "application/json").lower()
        self.parameters = RequestParameters(query=ImmutableMultiDict(seen.pairs), header=Headers(seen.headers))


class _Response:
    """An answer as openapi-core wants it."""

    def __init__(self, answer):
        self.status_code, self.headers, self.data = answer.status, answer.headers, answer.body
        self.content_type = answer.content_type


def _template(paths, seen, base):
    """Find the document's path for a request: the one with the fewest variables; empty when there is none."""
    path = seen.path.removeprefix(base)
    found = [
        template for template in paths if re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)), path)
    ]
    return min(found, key=lambda template: template.count("{"), default="")


def _parameters(document, path_item, method):
    for parameter in [*path_item.get("parameters", []), *path_item[method.lower()].get("parameters", [])]:
        if "$ref" in parameter:
            value = document
            for part in parameter["$ref"].removeprefix("#/").split("/"):
                value = value[part]
            yield value
        else:
            yield parameter


def _unknown(document, path_item, seen, besides=frozenset()):
    """List query parameters that the document does not know: a vendor would ignore them in silence."""
    known = {item["name"] for item in _parameters(document, path_item, seen.method) if item["in"] == "query"} | besides
    return [f"the document has no query parameter {name}" for name in seen.asked if name not in known]


def _words(error):
    cause = error.__cause__ or error
    parts = getattr(cause, "schema_errors", None)
    return "; ".join(f"{part.json_path}: {part.message[:300]}" for part in parts) if parts else f"{error}: {cause}"
