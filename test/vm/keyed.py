# SPDX-License-Identifier: GPL-2.0-or-later
"""What a patch of oot/keyed must leave working: its static key and its static call are toggled."""


def toggled(session):
    """Before, with the patch, after it, and once more."""
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
