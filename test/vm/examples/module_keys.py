# SPDX-License-Identifier: GPL-2.0-or-later
"""Static keys and static calls of a module in patched functions, which read them like variables."""

import keyed
import makers
from example import Build, Example, Probe


EXAMPLES = [
    Example("20-module-keys", "a static key and a static call of the patched module", flow=keyed.toggled,
            files={"/oot/keyed.ko": "oot/keyed/keyed.ko"},
            builds=(Build("20-module-keys", maker=makers.from_module_patches("oot/keyed", "keyed")),)),
    # What KVM's headers and macros bring: a key that is on while a processor has no controller, calls into kvm_amd.
    Example("22-kvm-keys", "keys and calls of kvm, in its headers",
            probes=(Probe("vcpu apic", r"^cr8 5, limit ffff$", r"^cr8 105, limit ffff$"),
                    Probe("vcpu no-apic", r"^cr8 5, limit ffff$", r"^cr8 105, limit ffff$")),
            setup="load kvm-amd", modules=("kvm-amd",), programs=("vcpu",)),
]
