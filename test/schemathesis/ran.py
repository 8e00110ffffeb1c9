"""Reads the report of a run, and fails unless it tried every operation of the document."""

import json
import sys

name, report, document = sys.argv[1:]
with open(report) as f:
    ran = json.load(f)
with open(document) as f:
    operations = sum(len(item) for item in json.load(f)["paths"].values())
cases, tested = ran["test_cases"]["generated"], ran["operations"]["tested"]
# The examples and the boundaries of an operation alone are more cases than this.
if tested != operations or ran["operations"]["errored"] or cases < 5 * operations:
    sys.exit(f"{name}: {cases} cases of {tested} of {operations} operations, {ran['operations']['errored']} with errors")
print(f"{name}: {cases} cases of {tested} operations in {ran['running_time']:.0f} s")
