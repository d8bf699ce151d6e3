# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of klp-build --fleet in a folder of a test, and what its reports and folders have to be."""

import copy
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import klp
import target
from klp import must_be
from results import Failed

SCHEMA = klp.ROOT / "docs" / "fleet-schema.json"
SECONDS = 300


def write(folder, description):
    path = folder / "FLEET.json"
    path.write_text(description if isinstance(description, str) else json.dumps(description))
    return path


def words(folder, *options):
    return ["--fleet", folder / "FLEET.json", "-o", folder / "out", *options]


def build(folder, description, *options, status=0, seconds=900):
    """A whole run. Returns what it said."""
    write(folder, description)
    outcome = klp.command("klp-build", *words(folder, *options), timeout=seconds)
    klp.must_end(outcome, status)
    return outcome


def report_of(folder):
    return json.loads((folder / "out" / "fleet.json").read_text())


def outcomes_of(folder):
    """{patch: outcome}, which has to be the same for all kernels."""
    found = {}
    for cell in report_of(folder)["cells"]:
        found.setdefault(cell["patch"], set()).add(cell["outcome"])
    return {patch: "/".join(sorted(outcomes)) for patch, outcomes in found.items()}


def results_of(folder):
    """{the cell's folder: when its result was written} of those that have one."""
    return {str(path.parent): path.stat().st_mtime_ns for path in (folder / "out").glob("cells/*/*/result.json")}


def must_hold(folder):
    """Reports and folder are at one, and each cell is there once."""
    report = report_of(folder)
    places = [(cell["kernel"], cell["patch"]) for cell in report["cells"]]
    must_be("the number of cells", len(places), len(set(places)))
    grouped = [(cell["kernel"], cell["patch"]) for group in report["groups"] for cell in group["cells"]]
    must_be("what the groups hold", sorted(grouped), sorted(places))
    for cell in report["cells"]:
        where = folder / "out" / cell["folder"]
        modules = [path.name for path in where.glob("*.ko") if path.name != "klp_core.ko"]
        must_be("the modules", modules, [cell["module"]] if cell["outcome"] == "built" else [])
        if modules:
            must_be("the hash", cell["sha256"], hashlib.sha256((where / modules[0]).read_bytes()).hexdigest())
        status = {"built": "done", "refused": "refused", "not-affected": "nothing-changed"}[cell["outcome"]]
        must_be("the cell's own report", json.loads((where / "report.json").read_text())["status"], status)


def strict(node):
    """The schema for our own reports: no field that it does not describe."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            node.setdefault("additionalProperties", False)
        for child in node.values():
            strict(child)
    elif isinstance(node, list):
        for child in node:
            strict(child)
    return node


def is_valid(report):
    sys.path.append("/usr/lib/python3/dist-packages")
    import jsonschema
    described = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(described)
    errors = list(jsonschema.Draft202012Validator(strict(copy.deepcopy(described))).iter_errors(report))
    if errors:
        raise Failed("\n".join(f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors[:5]))
    for field in described["required"]:
        if jsonschema.Draft202012Validator(described).is_valid({**report, field: None}):
            raise Failed(f"{field} may be anything")


def kill_after(folder, cells, with_children=False, seconds=SECONDS):
    """Start a run and kill it, by a signal that it cannot heed, as soon as so many cells have a result; as when the machine
    fails, with all that it runs."""
    process = subprocess.Popen([target.tools_dir() / "klp-build", *words(folder)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    kill = (lambda: os.killpg(process.pid, signal.SIGKILL)) if with_children else process.kill
    end = time.monotonic() + seconds
    while len(results_of(folder)) < cells:
        if process.poll() is not None:
            raise Failed(f"the run ended with {process.returncode} before {cells} cells were done")
        if time.monotonic() > end:
            kill()
            raise Failed(f"not {cells} cells in {seconds} s")
        time.sleep(0.02)
    kill()
    must_be("its end", process.wait(), -signal.SIGKILL)
