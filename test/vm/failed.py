# SPDX-License-Identifier: GPL-2.0-or-later
"""The exceptions for: this is not what must be, and this cannot be tried here."""


class Failed(Exception):
    """The tools or the kernel did something else than the test wants."""


class Unavailable(Exception):
    """The machine lacks what the test needs."""
