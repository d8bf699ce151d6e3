# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own livepatch selftests with the livepatch that most of them load made by klp-build, of a patch of the source."""

import selftests
from lab import GUEST

NAME = "test_klp_livepatch"


def run(kernel, report, options):
    def made(workshop):
        return {NAME: workshop.livepatch(NAME, GUEST / f"{NAME}.patch", "--no-replace")}

    selftests.run(kernel, report, options, made)
