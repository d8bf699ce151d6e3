# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the host's processor runs the machine, or QEMU emulates one.

/dev/kvm that can be opened proves nothing: within another virtual machine a kernel may boot and its first
program hang. So the kernel itself is tried, and has to answer in a time in which any processor does.
"""

import os

from .machine import EMULATED, HARDWARE, Machine, MachineError

HARDWARE_SECONDS = 20


class Boots:
    """Boots machines with the accelerator that works; the first one finds out which."""

    def __init__(self):
        self._accelerator = os.environ.get("KLP_VM_ACCEL")
        if not self._accelerator and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            self._accelerator = EMULATED

    @property
    def accelerator(self):
        """The one in use; empty before the first boot."""
        return self._accelerator or ""

    def boot(self, *arguments, **options):
        """A Machine; the arguments are its own."""
        if not self._accelerator:
            try:
                machine = Machine(*arguments, **options, accelerator=HARDWARE, boot_timeout=HARDWARE_SECONDS)
                self._accelerator = HARDWARE
                return machine
            except MachineError:
                self._accelerator = EMULATED
        return Machine(*arguments, **options, accelerator=self._accelerator, boot_timeout=600)
