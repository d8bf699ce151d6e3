# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception for: this is not what must be."""


class Failed(Exception):
    """The tools or the kernel did something else than the test wants."""
