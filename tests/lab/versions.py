"""Versions of what the laboratory has tried, as each says itself: of programs, of PyPI's and npm's packages, of crates."""

import json
import os
import re
import subprocess
from glob import glob
from pathlib import Path

NODE = [("Node.js", ["node", "--version"]), ("npm", ["npm", "--version"])]
POSTGRES = ("PostgreSQL", [sorted(glob("/usr/lib/postgresql/*/bin/postgres") or ["postgres"])[-1], "--version"])
PROGRAMS = {
    "better_auth": [*NODE, POSTGRES],
    "browser": [("Chromium", ["chromium", "--version"]), *NODE],
    "databases": [POSTGRES, ("PgBouncer", ["pgbouncer", "--version"]), ("MariaDB", ["mariadbd", "--version"])],
    "directus": [*NODE, POSTGRES],
    "grpc": NODE,
    "proxies": [
        ("nginx", ["nginx", "-v"]),
        ("Caddy", ["caddy", "version"]),
        ("HAProxy", ["haproxy", "-v"]),
        ("Apache", ["apache2", "-v"]),
    ],
    "standard_webhooks": NODE,
    "tokens": NODE,
}
# Environments of Python's, with the file that names their packages.
PYTHON = {
    "databases": [("applications", "tests/applications/requirements.txt")],
    "grpc": [("grpc", "tests/grpc/requirements.txt")],
    "issuers": [("reference", "tests/reference/requirements.txt")],
    "sdk": [("reference", "tests/reference/requirements.txt")],
    "standard_webhooks": [("webhooks", "tests/webhooks/requirements.txt")],
}
# Folders of npm's, below cargo's target directory.
NPM = {
    "better_auth": "lab/better-auth",
    "browser": "lab/browser",
    "directus": "lab/directus",
    "grpc": "grpc-npm",
    "standard_webhooks": "webhooks-npm",
    "tokens": "lab/tokens",
}
CRATES = {"grpc": ["tonic"], "databases": ["sqlx"]}

FIND = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    print(importlib.metadata.version(name))
"""


def said(command):
    """What a command prints; empty where it is not there."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin"
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": search})
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (run.stdout + run.stderr) if run.returncode == 0 else ""


def number(text):
    found = re.search(r"\d+(\.\d+)+[^\s,;)]*", text)
    return found[0] if found else "missing"


def of_python(home, wanted):
    """Those that a file of requirements names first; what they bring comes behind a line that says so."""
    head = Path(wanted).read_text().split("\n# What ")[0]
    names = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==", head, re.MULTILINE)
    python = home / "bin/python"
    found = said([str(python), "-c", FIND, *names]).split()
    yield "Python", number(said([str(python), "--version"])), "the system"
    for name, version in zip(names, found if len(found) == len(names) else ["missing"] * len(names)):
        yield name, version, "PyPI"


def of_npm(home):
    try:
        names = json.loads((home / "package.json").read_text()).get("dependencies", {})
    except OSError:
        return
    for name in names:
        manifest = home / "node_modules" / name / "package.json"
        # An install that broke off has left the list.
        yield name, json.loads(manifest.read_text())["version"] if manifest.exists() else "missing", "npm"


def versions(part, built):
    """Name, version and source of what a part tries."""
    for name, command in PROGRAMS.get(part, []):
        yield name, number(said(command)), "the system"
    for home, wanted in PYTHON.get(part, []):
        yield from of_python(built / home, wanted)
    if part == "sdk":
        for folder in sorted((built / "reference/versions").glob("*")):
            yield "huace-aigc-auth-client", folder.name, "PyPI"
    if part in NPM:
        yield from of_npm(built / NPM[part])
    for name in CRATES.get(part, []):
        lock = Path("Cargo.lock").read_text()
        yield name, re.search(rf'name = "{name}"\nversion = "([^"]+)"', lock)[1], "crates.io"
