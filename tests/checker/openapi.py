"""Checks answers against an OpenAPI 3.1 document. The schemas of OpenAPI 3.1 are JSON Schema 2020-12, so the package
jsonschema validates them.

    description = Description(json.loads(…))
    description.check_answer("GET", "/api/v1/summary", 200, headers, body)   # a list of differences; empty: as described

The check is strict: a member, status or content type that the document does not describe is a difference."""
import datetime
import json
import re

import jsonschema

DATE_TIME = re.compile(r"\d{4}(-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
FORMATS = jsonschema.FormatChecker(formats=())
VALIDATOR = jsonschema.Draft202012Validator


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(text):
    """RFC 3339, with a space as the separator, too. datetime has no year 0, so another leap year stands for the year."""
    if not isinstance(text, str):
        return True
    found = DATE_TIME.fullmatch(text)
    if found:
        date, minutes, seconds, _, offset = found.groups()
        datetime.datetime.fromisoformat(f"2000{date}T{minutes}:{min(int(seconds), 59):02d}{offset.upper()}")
    return bool(found) and int(found.group(3)) <= 60


class Description:
    """An OpenAPI document. `seen`: the set of (method, path, status) that check_answer() was called with."""

    def __init__(self, document):
        self.document = document
        self.seen = set()

    def operations(self):
        """Yields (method, path, operation)."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def answers(self):
        """Returns the set of all described (method, path, status)."""
        return {(method, path, int(status)) for method, path, operation in self.operations()
                for status in operation["responses"]}

    def parameters(self, operation):
        """Returns {name: parameter} of the query, with all references resolved."""
        parameters = [self.resolved(one) for one in operation.get("parameters", [])]
        return {one["name"]: one for one in parameters if one["in"] == "query"}

    def resolved(self, node):
        """Returns the node with each $ref replaced by its target."""
        if isinstance(node, list):
            return [self.resolved(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            return self.resolved(target)
        return {name: self.resolved(one) for name, one in node.items()}

    def schemas(self):
        """Yields (name, schema) of every schema in the components, with all references resolved."""
        for name, schema in self.document["components"]["schemas"].items():
            yield name, self.resolved(schema)

    def check_answer(self, method, path, status, headers, body):
        """Returns a list of differences between an answer and its description."""
        self.seen.add((method, path, status))
        operation = self.document["paths"][path][method.lower()]
        if str(status) not in operation["responses"]:
            return [f"{method} {path}: status {status} is not described: {body[:200]}"]
        response = self.resolved(operation["responses"][str(status)])
        headers = {name.lower(): value for name, value in headers.items()}
        found = [*self._check_headers(response, headers), *self._check_content(response, headers, body)]
        return [f"{method} {path}, {status}: {text}" for text in found]

    def _check_headers(self, response, headers):
        for name, header in response.get("headers", {}).items():
            value = headers.get(name.lower())
            if value is None:
                if header.get("required"):
                    yield f"the header {name} is missing"
                continue
            if not is_valid_text(value, header["schema"]):
                yield f"the header {name} is {value!r}"

    def _check_content(self, response, headers, body):
        content_type = headers.get("content-type", "").partition(";")[0]
        if content_type not in response["content"]:
            yield f"the content type {content_type!r} is not described"
            return
        schema = response["content"][content_type]["schema"]
        try:
            value = json.loads(body) if content_type == "application/json" else body.decode()
        except ValueError as error:
            yield f"the body is not {content_type}: {error}"
            return
        for error in VALIDATOR(strict(schema), format_checker=FORMATS).iter_errors(value):
            yield f"{'/'.join(map(str, error.absolute_path)) or 'the body'}: {error.message[:300]}"


def is_valid_text(text, schema):
    """Returns whether a text is valid by the schema of a parameter or a header."""
    value = text
    if schema.get("type") == "integer":
        if not re.fullmatch(r"-?\d+", text):
            return False
        value = int(text)
    return VALIDATOR(schema, format_checker=FORMATS).is_valid(value)


def strict(schema, is_part=False):
    """Returns the schema with unevaluatedProperties: false in each object that lists its properties. `is_part`: the schema
    is an element of allOf; then the schema that contains allOf refuses other properties."""
    if not isinstance(schema, dict):
        return schema
    made = {}
    for name, value in schema.items():
        if name == "properties":
            made[name] = {key: strict(one) for key, one in value.items()}
        elif name == "items":
            made[name] = strict(value)
        elif name in ("allOf", "oneOf", "anyOf"):
            made[name] = [strict(one, is_part or name == "allOf") for one in value]
        else:
            made[name] = value
    if not is_part and ("properties" in made or "allOf" in made):
        made["unevaluatedProperties"] = False
    return made
