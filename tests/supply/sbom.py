"""Checks a bill of materials by the schema of CycloneDX, and against what `cargo tree` lists: sbom.py BILL TREE"""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

bill, tree = (open(path, encoding="utf-8").read() for path in sys.argv[1:])
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(bill)
if wrong is not None:
    sys.exit(f"not valid by the schema: {wrong}")

components = json.loads(bill)["components"]
listed = {(component["name"], component["version"]) for component in components}
# `serde v1.0.228 (proc-macro)`; the first is the crate itself.
needed = {tuple(line.split()[:2]) for line in tree.splitlines()[1:] if line}
needed = {(name, version.removeprefix("v")) for name, version in needed if name != "aigc-auth"}
problems = [f"{name} {version} is missing" for name, version in sorted(needed - listed)]
for component in components:
    what = f"{component['name']} {component['version']}"
    problems += [f"{what} has no {field}" for field in ("licenses", "purl", "hashes") if not component.get(field)]
# What a weak feature of a dependency names, and nobody enables: `findings/cargo-metadata-lists-weak-dependencies.sh`.
for name, version in sorted(listed - needed):
    print(f"{name} {version} is listed, and no feature brings it")
if problems:
    sys.exit("\n".join(problems))
print(f"{len(components)} components, each with its licence, hash and address")
