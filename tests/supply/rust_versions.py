"""Fails if what is built with the given features, on any platform, says that it needs a newer Rust: rust_versions.py 1.88 --features client"""

import json
import subprocess
import sys


def parts(version):
    return tuple(int(part) for part in (version.split(".") + ["0", "0"])[:3])


minimum, *features = sys.argv[1:]
metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked", *features]))
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

waiting, built = [metadata["resolve"]["root"]], set()
while waiting:
    package = waiting.pop()
    if package in built:
        continue
    built.add(package)
    for dependency in nodes[package]["deps"]:
        # Those of tests are no dependent's. shuttle is for `tests/interleavings.sh`, which sets a cfg.
        kinds = [kind for kind in dependency["dep_kinds"] if kind["kind"] != "dev" and kind["target"] != "cfg(shuttle)"]
        if kinds:
            waiting.append(dependency["pkg"])

silent = sorted(packages[package]["name"] for package in built if not packages[package]["rust_version"])
newer = sorted(
    f"{packages[package]['name']} {packages[package]['version']} needs Rust {packages[package]['rust_version']}"
    for package in built
    if parts(packages[package]["rust_version"] or "1.0") > parts(minimum)
)
print(f"{len(built)} packages, {len(silent)} of which do not say what they need: {' '.join(silent)}")
print("\n".join(newer) or f"none needs more than Rust {minimum}")
sys.exit(bool(newer))
