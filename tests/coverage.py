"""Reads what LLVM's counters say of each line, in the format of lcov: `coverage.py FILE LEAST`."""

import os
import sys
from itertools import groupby

path, least = sys.argv[1], float(sys.argv[2])
files, lines = {}, {}
for row in open(path, encoding="utf-8"):
    kind, _, rest = row.strip().partition(":")
    if kind == "SF":
        lines = files.setdefault(os.path.relpath(rest), {})
    elif kind == "DA":
        line, times = rest.split(",")[:2]
        lines[int(line)] = lines.get(int(line), 0) + int(times)


def percent(lines):
    return 100 * sum(times > 0 for times in lines) / len(lines)


def ranges(lines):
    """7, 8, 9, 12 as `7-9 12`."""
    for _, run in groupby(enumerate(sorted(lines)), lambda pair: pair[1] - pair[0]):
        run = [line for _, line in run]
        yield str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"


files = {name: lines for name, lines in files.items() if lines}
if not files:
    sys.exit("tests/coverage.py: no lines were counted")
for name, lines in sorted(files.items(), key=lambda file: percent(file[1].values())):
    if percent(lines.values()) < least:
        missed = " ".join(ranges(line for line, times in lines.items() if not times))
        print(f"{percent(lines.values()):6.1f} %  {name}: {missed}")
every = [times for lines in files.values() for times in lines.values()]
print(f"{percent(every):6.2f} % of {len(every)} lines in {len(files)} files")
sys.exit(percent(every) < least)
