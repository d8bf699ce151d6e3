# SPDX-License-Identifier: GPL-2.0-or-later
"""Static keys and static calls of a module in patched functions, which read them like variables."""

import makers
from example import Build, Example, Probe


def _toggled(session):
    read = "cat /proc/keyed"

    def toggle(prefix):
        session.expect(read, rf"^{prefix} 1, quiet$")
        session.vm.run("echo loud >/proc/keyed; echo high >/proc/keyed")
        session.expect(read, rf"^{prefix} 2, loud$")
        session.vm.run("echo quiet >/proc/keyed")
        session.expect(read, rf"^{prefix} 2, quiet$")
        session.vm.run("echo low >/proc/keyed")

    session.vm.run("insmod /oot/keyed.ko")
    toggle("level")
    for _ in range(2):
        session.patch()
        toggle("the level is")
        session.vm.run("echo loud >/proc/keyed")
        session.disable()
        session.expect(read, r"^level 1, loud$")
        session.unload()
        session.vm.run("echo quiet >/proc/keyed")
    session.vm.run("rmmod keyed")


EXAMPLES = [
    Example("20-module-keys", "a static key and a static call of the patched module", flow=_toggled,
            files={"/oot/keyed.ko": "oot/keyed/keyed.ko"},
            builds=(Build("20-module-keys", maker=makers.from_module_patches("oot/keyed", "keyed")),)),
    # What KVM's headers and macros bring: a key that is on while a processor has no controller, calls into kvm_amd.
    Example("22-kvm-keys", "keys and calls of kvm, in its headers",
            probes=(Probe("vcpu apic", r"^cr8 5, limit ffff$", r"^cr8 105, limit ffff$"),
                    Probe("vcpu no-apic", r"^cr8 5, limit ffff$", r"^cr8 105, limit ffff$")),
            setup="load kvm-amd", modules=("kvm-amd",), programs=("vcpu",)),
]
