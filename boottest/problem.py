# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test has to say, in the form of the findings of all tools (lib/report/finding.h)."""


class Problem(Exception):
    """What keeps a test from being made at all; `finding` is it as a value."""

    def __init__(self, code, where, message, hint):
        super().__init__(message)
        self.finding = finding(code, "error", where, message, hint)


def finding(code, severity, where, message, hint="", function=""):
    return {"code": code, "severity": severity, "where": str(where), "function": function, "message": message,
            "hint": hint}
