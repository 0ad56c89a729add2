"""The report of the laboratory, `lab/report.md` in cargo's target directory. It is made of what `run.sh` has left in `lab/parts`: the output
of each part's tests, and the lines of `test_support::expectations`.

`report.py [--only PART] TARGET PART…` prints what has come of all parts, or with `--only` of one. Ends with 1 if something is not as
expected, with 2 if something could not be tried.
"""

import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

from versions import said, versions

MET, NOT_MET, NOT_TRIED = "met", "**not met**", "not tried"

WHAT = {
    "better_auth": "better-auth's users in PostgreSQL, by the view of `docs/frameworks.md`; its own log-in says whom it lets in.",
    "browser": "Pages of `examples/browser` and of another origin, in a headless Chromium.",
    "databases": "Tables of users in each database, and behind PgBouncer in transaction mode; applications in Python whose tables "
    "are taken over, and whose own log-ins say whom they let in.",
    "directus": "Directus' users in PostgreSQL; its own log-in says whom it lets in.",
    "grpc": "What clients of gRPC see of services below the layer, and of each refusal.",
    "issuers": "Tokens of libraries and applications of PyPI, and of Canaille, an OpenID provider that runs beside the test.",
    "proxies": "By the configurations of `docs/proxies.md`: in front of the full service, of the layer alone, of a service in Python.",
    "sdk": "The reference client in its versions: its calls against the test center and the local center, events, registrations and calls to "
    "services, both ways.",
    "standard_webhooks": "Messages of Standard Webhooks between this crate and libraries of PyPI and npm, both ways.",
    "tokens": "Tokens that packages of npm issue.",
}


def sentence(test):
    """A test's name as its expectation, behind the subject that its modules are named by."""
    *modules, name = test.split("::")
    return f"{' '.join(modules).replace('_', ' ')}: {name.replace('_', ' ')}"


def verdicts(log):
    """What has come of each test. A program that a test runs may write between a test's name and its verdict: the lists below tell, too."""
    found = {test: verdict for test, verdict in re.findall(r"^test (\S+) \.\.\. ?(.*)$", log, re.MULTILINE)}
    for title, verdict in [("successes", "ok"), ("failures", "FAILED")]:
        for names in re.findall(rf"^{title}:\n((?:    \S+\n)+)", log, re.MULTILINE):
            found.update(dict.fromkeys(names.split(), verdict))
    return found


def outputs(log):
    """What each test has printed."""
    found, name = {}, None
    for line in log.splitlines():
        if head := re.fullmatch(r"---- (\S+) stdout ----", line):
            name = head[1]
            found.setdefault(name, [])
        elif line in ("successes:", "failures:") or line.startswith("test result: "):
            name = None
        elif name:
            found[name].append(line)
    return found


def reason(printed):
    """Why a test has failed: the message of its first panic."""
    for at, line in enumerate(printed):
        if "panicked at" in line:
            return " ".join(printed[at + 1 : at + 6])
    return "it has failed, and does not say why"


class Part:
    """Lines `(with, expectation, outcome, found)` of a part."""

    def __init__(self, name, room):
        self.name, self.lines, self.seconds = name, [], 0
        try:
            log = (room / f"{name}.log").read_text(errors="replace")
            self.seconds = int((room / f"{name}.seconds").read_text())
            code = int((room / f"{name}.code").read_text())
        except OSError:
            self.lines.append(("", "it runs", NOT_TRIED, "the laboratory ended before"))
            return
        self.read(log, room, code)

    def read(self, log, room, code):
        written = {}
        if (room / "expectations").exists():
            for line in map(json.loads, (room / "expectations").read_text().splitlines()):
                written.setdefault(line["test"], []).append(line)
        printed = outputs(log)
        tests = verdicts(log)
        for test, verdict in tests.items():
            lines = [
                (line["with"], line["what"] or sentence(test), MET if line["met"] else NOT_MET, line["found"])
                for line in written.get(test, [])
            ]
            said = printed.get(test, [])
            if verdict == "ok":
                skipped = [line for line in said if line.startswith("skipped: ")]
                lines += [("", sentence(test), NOT_TRIED, line.removeprefix("skipped: ")) for line in dict.fromkeys(skipped)]
                lines = lines or [("", sentence(test), MET, "")]
            elif verdict.startswith("ignored"):
                lines.append(("", sentence(test), NOT_TRIED, verdict.removeprefix("ignored, ")))
            elif not any(outcome == NOT_MET for _, _, outcome, _ in lines):
                lines.append(("", sentence(test), NOT_MET, reason(said)))
            self.lines += lines
        # A build that fails, a process that dies, a part that hangs. Of several programs it may be one: the others have results then,
        # but cargo, or `timeout`, says so in the end.
        has_ended = "test result: " in log and tests and (code == 0 or (code < 124 and self.count(NOT_MET)))
        if not has_ended:
            self.lines.append(("", "its tests run to their end", NOT_MET, " ".join(log.splitlines()[-5:])))

    def count(self, outcome):
        return sum(of == outcome for _, _, of, _ in self.lines)

    def counts(self):
        return [self.count(outcome) for outcome in (MET, NOT_MET, NOT_TRIED)]

    def summary(self):
        met, not_met, not_tried = self.counts()
        return f"{self.name:<18} {met:4} met {not_met:3} not met {not_tried:3} not tried {self.seconds:5} s"

    def section(self):
        yield f"\n## {self.name}\n\n{WHAT[self.name]}"
        by = {}
        for software, *line in self.lines:
            by.setdefault(software, []).append(line)
        for software, lines in by.items():
            met = sum(outcome == MET for _, outcome, _ in lines)
            yield f"\n### {software or 'Others'}: {met} of {len(lines)} met\n"
            yield "| expectation | outcome | seen |\n|---|---|---|"
            for what, outcome, found in lines:
                yield f"| {cell(what)} | {outcome} | {cell(found, 300)} |"


def cell(text, most=160):
    """Text in a table, cut where it is long."""
    text = " ".join(text.split())
    if len(text) > most:
        text = f"{text[:most]} … ({len(text)} characters)"
    return "".join(f"\\{char}" if char in "\\|`*_<>[]" else char for char in text)


def report(parts, built):
    met, not_met, not_tried = map(sum, zip(*(part.counts() for part in parts)))
    release = Path("/etc/os-release")
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', release.read_text() if release.exists() else "", re.MULTILINE)
    revision = said(["git", "describe", "--always", "--dirty"]).strip() or "a revision that git does not know"
    yield "# Laboratory\n"
    yield f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, {system[1] if system else 'an unknown system'}, {said(['uname', '-sm']).strip()}, "
    yield f"{said(['rustc', '--version']).strip()}, this repository at {revision}.\n"
    yield f"**Expectations: {met} met, {not_met} not met, {not_tried} could not be tried.**\n"
    yield "| part | met | not met | not tried | seconds |\n|---|---|---|---|---|"
    for part in parts:
        yield f"| [{part.name}](#{part.name}) | {' | '.join(map(str, part.counts()))} | {part.seconds} |"
    bad = [(part, line) for part in parts for line in part.lines if line[2] != MET]
    if bad:
        yield "\n## What is not met, or could not be tried\n"
        yield "| part | with | expectation | outcome | seen |\n|---|---|---|---|---|"
        for part, (software, what, outcome, found) in bad:
            yield f"| {part.name} | {cell(software)} | {cell(what)} | {outcome} | {cell(found, 400)} |"
    yield "\n## Versions\n\nAs each says itself.\n"
    yield "| software | version | from | in |\n|---|---|---|---|"
    seen = {}
    for part in parts:
        for of in versions(part.name, built):
            seen.setdefault(of, dict.fromkeys([part.name]))[part.name] = None
    for (name, version, source), names in sorted(seen.items(), key=lambda pair: pair[0][0].lower()):
        yield f"| {cell(name)} | {cell(version)} | {source} | {', '.join(names)} |"
    for part in parts:
        yield from part.section()


def main():
    arguments = sys.argv[1:]
    only = arguments[1] if arguments[0] == "--only" else None
    built, *names = arguments[2:] if only else arguments
    built = Path(built)
    parts = [Part(name, built / "lab/parts") for name in ([only] if only else names)]
    print("\n".join(part.summary() for part in parts))
    if only:
        return 0
    path = built / "lab/report.md"
    path.write_text("\n".join(report(parts, built)) + "\n")
    print(path)
    _, not_met, not_tried = map(sum, zip(*(part.counts() for part in parts)))
    return 1 if not_met else 2 if not_tried else 0


if __name__ == "__main__":
    sys.exit(main())
