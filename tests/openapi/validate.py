"""Reads a list of OpenAPI documents and says how many are valid, or what is wrong with the first that is not.

With an object in place of a document, `{"document": …, "answers": [{"schema": …, "body": …}]}`, bodies of answers are checked
against schemas of that document as well.
"""

import json
import sys

from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


def check(given):
    document = given.get("document", given)
    errors = [f"{list(error.absolute_path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    registry = Registry().with_resource("", Resource(contents=document, specification=DRAFT202012))
    for answer in given.get("answers", []):
        validator = OAS31Validator(answer["schema"], registry=registry)
        errors += [f"{answer}: {error.message}" for error in validator.iter_errors(answer["body"])]
    return errors


documents = json.load(sys.stdin)
for document in documents:
    if errors := check(document):
        print("\n".join(errors))
        sys.exit(1)
print(f"{len(documents)} valid")
