# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting tests, and the last line that ./check reads."""

import sys
import time
import traceback


class Failed(Exception):
    """A test saw what it must not see."""


class Skipped(Exception):
    """A test cannot run here; the text says why."""


class Results:
    """Runs tests one by one and counts them."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def run(self, name, function, *arguments):
        """Run one test, which raises Failed or Skipped, and print its line."""
        started = time.monotonic()
        word, text = "ok", ""
        try:
            function(*arguments)
            self.passed += 1
        except Skipped as reason:
            self.skipped += 1
            word, text = "skip", f"{reason}"
        except Failed as error:
            self.failed += 1
            word, text = "FAIL", f"{error}"
        except Exception:  # a broken test is a failed test, and the rest still runs
            self.failed += 1
            word, text = "FAIL", traceback.format_exc()
        print(f"{word:5} {name} ({time.monotonic() - started:.1f} s)")
        if text:
            print("      " + text.strip().replace("\n", "\n      "))
        sys.stdout.flush()

    def finish(self):
        """Print the last line. Returns the exit status."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed else 0
