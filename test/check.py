# SPDX-License-Identifier: GPL-2.0-or-later
"""Run every part of the tests; called by ./check after it installed what is needed.

Each part is a function that returns how many tests passed, failed and were
skipped. Programs that test say so themselves in their last line, in the form
"N passed, N failed[, N skipped]".
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

import tools

ROOT = tools.ROOT
FUZZ_RUNS = 20000
# Programs that take too long to be a part; they are commands of their own, as those of test/bench are.
OWN_COMMANDS = {"container", "distributions", "hosts", "reproducible", "sense", "statements", "sweep"}
RESULT = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)
DOCTEST = re.compile(r"test cases: +\d+ \| +(\d+) passed \| +(\d+) failed(?: \| +(\d+) skipped)?")


def unit():
    """The unit tests, through CTest; doctest's cases are counted one by one."""
    report = ROOT / "build" / "ctest.xml"
    report.unlink(missing_ok=True)
    subprocess.run(["ctest", "--test-dir", ROOT / "build", "--output-on-failure", "-j", str(os.cpu_count()),
                    "--output-junit", report, "--test-output-size-passed", "10000000",
                    "--test-output-size-failed", "10000000"], check=False)
    if not report.exists():
        return 0, 1, 0
    counts = [0, 0, 0]
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        counts = [a + b for a, b in zip(counts, _count_case(case))]
    return tuple(counts)


def _count_case(case):
    failed = case.find("failure") is not None or case.get("status") == "fail"
    match = DOCTEST.search(case.findtext("system-out") or "")
    if match:
        passed, bad, skipped = (int(number or 0) for number in match.groups())
        return passed, bad + (failed and not bad), skipped
    if case.find("skipped") is not None or case.get("status") == "notrun":
        return 0, 0, 1
    return (0, 1, 0) if failed else (1, 0, 0)


def program(path):
    """A part that is a program of its own."""
    def run():
        process = subprocess.Popen([path], cwd=ROOT, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        last = None
        for line in process.stdout:
            last = RESULT.match(line) or last
            print(line, end="", flush=True)
        status = process.wait()
        if not last:
            return 0, 1, 0
        passed, failed, skipped = (int(number or 0) for number in last.groups())
        return passed, failed or int(status != 0), skipped
    return run


def fuzz():
    """Every fuzz target from its seeds, under the sanitizers: the same runs every time."""
    names = sorted(path.stem for path in (ROOT / "test" / "fuzz").glob("*_fuzz.cc"))
    tools.build("fuzz", names)
    failed = [name for name in names if not _fuzz_target(name)]
    return len(names) - len(failed), len(failed), 0


def _fuzz_target(name):
    target = ROOT / "build-fuzz" / "bin" / name
    found = ROOT / "build-fuzz" / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    print(f"fuzzing {name}: {FUZZ_RUNS} runs", flush=True)
    command = [target, "-seed=1", "-reload=0", f"-runs={FUZZ_RUNS}", "-timeout=60", "-rss_limit_mb=2048", "-verbosity=0",
               f"-artifact_prefix={found}/"]
    seeds = ROOT / "test" / "fuzz" / "corpus" / name
    with tempfile.TemporaryDirectory() as corpus:
        command += [corpus, *([seeds] if seeds.is_dir() else [])]
        passed = subprocess.run(command, cwd=ROOT / "build-fuzz", check=False).returncode == 0
    for path in sorted(set(found.iterdir()) - before):
        print(f"to see it again: {target.relative_to(ROOT)} {path.relative_to(ROOT)}", flush=True)
    return passed


def parts():
    """{name: function} of everything there is to run, the fast ones first."""
    table = {"unit": unit}
    # A program for each of these folders: the VM tests last, they take longest.
    for folder in sorted((ROOT / "test").glob("*/run"), key=lambda path: (path.parent.name == "vm", path)):
        if folder.parent.name not in OWN_COMMANDS:
            table[folder.parent.name] = program(folder)
    table["core"] = program(ROOT / "test" / "vm" / "core" / "run")
    if list((ROOT / "test" / "fuzz").glob("*.cc")):
        table["fuzz"] = fuzz
    return table


def main():
    table = parts()
    parser = argparse.ArgumentParser(description="Build the tools and run their tests.")
    parser.add_argument("part", nargs="*", help=f"only these: {', '.join(table)}")
    options = parser.parse_args()
    unknown = set(options.part) - set(table)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")

    tools.build("release")
    totals = [0, 0, 0]
    lines = []
    for name, run in table.items():
        if options.part and name not in options.part:
            continue
        print(f"== {name}", flush=True)
        started = time.monotonic()
        try:
            counts = run()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name}: {error}")
            counts = (0, 1, 0)
        totals = [a + b for a, b in zip(totals, counts)]
        lines.append(f"{name}: {_words(counts)} ({time.monotonic() - started:.0f} s)")
    print("\n".join(["==", *lines]))
    print(_words(totals))
    return 1 if totals[1] or not totals[0] else 0


def _words(counts):
    passed, failed, skipped = counts
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        print(f"check: {error}", file=sys.stderr)
        print("0 passed, 1 failed")
        sys.exit(1)
