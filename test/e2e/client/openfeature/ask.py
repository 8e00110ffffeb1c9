"""Evaluates flags of an OFREP server through OpenFeature's Python SDK.

Standard input has one question per line as JSON, and standard output receives the
result of each. The questions and their expected results are in openfeature_test.go.
"""

import json
import os
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

NUMBERS = {"integer": int, "float": float}


def headers_of(question):
    key = question.get("key") or os.environ["SIGNALBOX_KEY"]
    auth = {"X-API-Key": key} if question.get("auth") == "X-API-Key" else {"Authorization": "Bearer " + key}
    return auth | (question.get("headers") or {})


def answer_to(question):
    provider = OFREPProvider(
        os.environ["SIGNALBOX_URL"] + question.get("path", ""),
        headers_factory=lambda: headers_of(question),
    )
    api.set_provider_and_wait(provider, question["id"])
    attributes = dict(question.get("context") or {})
    context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
    fallback = question["default"]
    if question["type"] in NUMBERS:
        # The question was written in a language in which 0 and 0.0 are equal.
        fallback = NUMBERS[question["type"]](fallback)
    ask = getattr(api.get_client(question["id"]), f"get_{question['type']}_details")
    details = ask(question["flag"], fallback, context)
    return {
        "id": question["id"],
        "value": details.value,
        "type": type(details.value).__name__,
        "variant": details.variant or "",
        "reason": str(details.reason or ""),
        "error_code": str(details.error_code or ""),
    }


for line in sys.stdin:
    print(json.dumps(answer_to(json.loads(line))), flush=True)
