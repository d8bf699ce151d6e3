# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that only answers what a test tells it to, in place of a booted one."""

import re

from boottest.machine import MachineError


class FakeMachine:
    """
    answers  [(regular expression of a command, (status, text) or an exception)]; the first that matches counts, and
             what none matches succeeds and prints nothing
    """

    def __init__(self, answers):
        self._answers = answers
        self.commands = []
        self.is_off = False
        self.transcript = [("console", "booted\n")]

    def try_run(self, command, timeout=0):
        self.commands.append(command)
        for pattern, answer in self._answers:
            if re.search(pattern, command):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return 0, ""

    def run(self, command, timeout=0):
        status, text = self.try_run(command)
        if status:
            raise MachineError(f"`{command}` ended with status {status}:\n{text}")
        return text

    def close(self):
        self.is_off = True


class FakeBoots:
    """Hands out machines in place of boottest.accelerator.Boots."""

    accelerator = "none"

    def __init__(self, *answers):
        self._answers = list(answers)
        self.machines = []

    def boot(self, *_, **__):
        self.machines.append(FakeMachine(self._answers[min(len(self.machines), len(self._answers) - 1)]))
        return self.machines[-1]
