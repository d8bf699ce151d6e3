# SPDX-License-Identifier: GPL-2.0-or-later
"""What klp-build --test runs.

    python3 -m boottest check [SCRIPT]         is all there that a test needs?
    python3 -m boottest run PLAN RESULT

PLAN is a file with the fields of trial.Plan as JSON. RESULT gets what came of it, as JSON; so does standard output of
`check`. The exit status is 0 whenever a result was written, be it good or bad.
"""

import json
import pathlib
import sys

from . import programs, script
from .problem import Problem
from .trial import Plan, Trial


def check(path=None):
    try:
        programs.check()
        if path:
            script.read(path)
        findings = []
    except Problem as problem:
        findings = [problem.finding]
    print(json.dumps({"findings": findings}))


def run(plan_path, result_path):
    result = {"passed": False, "accelerator": "", "runs": [], "functions": [], "findings": []}
    trial = None
    try:
        trial = Trial(Plan(**json.loads(pathlib.Path(plan_path).read_text(encoding="utf-8"))))
        trial.run()
    except Problem as problem:
        result["findings"].append(problem.finding)
    if trial:
        result["accelerator"] = trial.boots.accelerator.partition(",")[0]
        result["runs"] = [{"name": one.name, "steps": one.steps, "transcript": one.transcript()} for one in trial.runs]
        result["functions"] = trial.functions()
        result["findings"] += trial.findings
    result["passed"] = not any(one["severity"] == "error" for one in result["findings"])
    pathlib.Path(result_path).write_text(json.dumps(result), encoding="utf-8")


COMMANDS = {"check": check, "run": run}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
