# SPDX-License-Identifier: GPL-2.0-or-later
"""A livepatch that was written by hand (handwritten/cmdline) and finished by klp-convert alone."""

import makers
from example import Build, Example, Probe

EXAMPLES = [
    Example("16-hand-written", "a livepatch written by hand, finished by klp-convert",
            builds=(Build("16-hand-written", maker=makers.from_source("handwritten/cmdline", "lp_16_hand_written")),),
            probes=(Probe("cat /proc/cmdline", r"\Aconsole=", r"\A\d+ threads, by hand: console="),)),
]
