# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixes that cannot be live as they are, as klp-build --rewrite makes them: patches/rewrite/.

Each is looked at on objects that are older than the patch and on new ones, disabled and loaded again. What is kept
beside objects goes with them and with the patch: `shadows` counts it in the kernel's memory.
"""

import keyed
import makers
from example import Build, Example


def _rewritten(name, what, flow, more_programs=(), **more):
    def whole(session):
        session.vm.run("fds serve")
        flow(session)
        session.expect("shadows", r"^0$")
        session.expect("fds quit", r"^ok$")
    return Example(f"rewrite-{name}", what, flow=whole,
                   builds=(Build(f"rewrite-{name}", (name,), maker=makers.from_rewritten),),
                   programs=("fds", "shadows", *more_programs), **more)


def _open(session, *words):
    """The number of a new file of the server's."""
    return session.expect(f"fds {' '.join(words)}", r"^(\d+)$").group(1)


def _scalar(session):
    old = _open(session, "timerfd")

    def unpatched():
        session.expect(f"fds info {old} shown", r"^nothing$")

    unpatched()
    for _ in range(2):
        session.patch()
        session.expect("shadows", r"^0$")
        session.expect(f"fds info {old} shown", r"^shown: 1 of 7$")
        session.expect(f"fds info {old} shown", r"^shown: 2 of 7$")
        new = _open(session, "timerfd")
        session.expect(f"fds info {new} shown", r"^shown: 1 of 7$")
        session.expect(f"fds info {old} shown", r"^shown: 3 of 7$")
        session.expect("shadows", r"^2$")
        session.expect(f"fds close {new}", r"^ok$")
        session.vm.run("wait_until 30 '[ $(shadows) = 1 ]'")
        session.disable()
        unpatched()
        session.expect("shadows", r"^0$")
        session.unload()


def _lock(session):
    old = _open(session, "eventfd", "3")
    session.expect(f"fds write {old} 1", r"^ok$")
    for _ in range(2):
        session.patch()
        # Not one write since.
        session.expect(f"fds info {old} writes", r"^nothing$")
        session.expect(f"fds write {old} 1", r"^ok$")
        session.expect(f"fds write {old} 1", r"^ok$")
        session.expect(f"fds info {old} writes", r"^writes: 2$")
        new = _open(session, "eventfd", "0")
        session.expect(f"fds write {new} 5", r"^ok$")
        session.expect(f"fds info {new} writes", r"^writes: 1$")
        session.expect(f"fds read {new}", r"^5$")
        session.expect(f"fds close {new}", r"^ok$")
        session.vm.run("wait_until 30 '[ $(shadows) = 1 ]'")
        session.disable()
        session.expect("shadows", r"^0$")
        session.expect(f"fds write {old} 1", r"^ok$")
        session.expect(f"fds info {old} writes", r"^nothing$")
        session.unload()
    # The old code counted on: 3 at first, and each write.
    session.expect(f"fds read {old}", r"^10$")


def _owner(session):
    """What is lost when the patch goes only kmemleak sees: test/vm/kmemleak."""
    label = r"^label: \w{16}$"
    old = _open(session, "timerfd")
    for _ in range(2):
        session.patch()
        session.expect(f"fds info {old} label", label)
        new, other = _open(session, "timerfd"), _open(session, "timerfd")
        for timer in (new, other):
            session.expect(f"fds info {timer} label", label)
        session.expect("shadows", r"^3$")
        session.expect(f"fds close {new}", r"^ok$")
        session.vm.run("wait_until 30 '[ $(shadows) = 2 ]'")
        session.disable()
        session.expect("shadows", r"^0$")
        session.expect(f"fds info {old} label", r"^nothing$")
        session.unload()
        session.expect(f"fds close {other}", r"^ok$")


def _embedded(session):
    size = "cat /sys/block/zram0/disksize"
    session.expect(size, r"^0$")
    for _ in range(2):
        session.patch()
        session.expect(size, r"^0, asked 1$")
        session.expect(size, r"^0, asked 2$")
        session.vm.run("echo 4M >/sys/block/zram0/disksize")
        session.expect(size, r"^4194304, asked 3$")
        # All counters of the device go back to zero.
        session.vm.run("echo 1 >/sys/block/zram0/reset")
        session.expect(size, r"^0, asked 1$")
        session.vm.run("cat /sys/class/zram-control/hot_add >/tmp/number")
        session.expect("cat /sys/block/zram$(cat /tmp/number)/disksize", r"^0, asked 1$")
        session.expect("shadows", r"^2$")
        session.vm.run("cat /tmp/number >/sys/class/zram-control/hot_remove")
        session.expect("shadows", r"^1$")
        session.vm.run("cat /sys/class/zram-control/hot_add >/tmp/number")
        session.disable()
        session.expect(size, r"^0$")
        session.expect("shadows", r"^0$")
        session.unload()
        # What the new code made, the old code takes down.
        session.vm.run("cat /tmp/number >/sys/class/zram-control/hot_remove")
    # The module may go with what belongs to its objects.
    session.patch()
    session.expect(size, r"^0, asked 1$")
    session.vm.run("rmmod zram")
    session.expect("shadows", r"^0$")
    session.unpatch()


def _value(session):
    most = "cat /proc/sys/fs/pipe-max-size"
    fewest = "cat /proc/sys/net/ipv4/neigh/default/gc_thresh1"
    for _ in range(2):
        session.expect(most, r"^1048576$")
        session.expect(fewest, r"^128$")
        session.patch()
        session.expect(most, r"^262144$")
        session.expect(fewest, r"^64$")
        session.disable()
        session.unload()
    session.expect(most, r"^1048576$")
    session.expect(fewest, r"^128$")

    # What somebody has set stays, before and after.
    session.patch()
    session.vm.run("echo 131072 >/proc/sys/fs/pipe-max-size")
    session.unpatch()
    session.expect(most, r"^131072$")
    session.expect(fewest, r"^128$")
    session.patch()
    session.expect(most, r"^131072$")
    session.expect(fewest, r"^64$")
    session.unpatch()
    session.expect(most, r"^131072$")
    session.expect(fewest, r"^128$")
    session.vm.run("echo 1048576 >/proc/sys/fs/pipe-max-size")


def _signature(session):
    counter = _open(session, "eventfd", "7")
    for left in (7, 5):
        session.patch()
        session.expect(f"fds read {counter}", r"^3$")
        session.disable()
        session.expect(f"fds read {counter}", rf"^{left - 3}$")
        session.unload()
        session.expect(f"fds write {counter} 5", r"^ok$")


def _enumerator(session):
    mount = "mount -t devpts -o quiet,mode=600 devpts /tmp/pts 2>&1 && echo fine && ls -l /tmp/pts/ptmx && umount /tmp/pts"
    usual = "mount -t devpts -o ptmxmode=640 devpts /tmp/pts && ls -l /tmp/pts/ptmx && umount /tmp/pts"
    session.vm.run("mkdir -p /tmp/pts")
    session.expect(f"{mount}; true", r"nvalid argument")
    for _ in range(2):
        session.patch()
        session.expect(mount, r"^fine$")
        session.expect(usual, r"^crw-r-----")
        session.disable()
        session.expect(f"{mount}; true", r"nvalid argument")
        session.expect(usual, r"^crw-r-----")
        session.unload()


def _enumerator_of_keys(session):
    """7.x: devpts has its options in a table that others know."""
    session.expect("addkey user master 0123456789abcdef", r"^ok$")

    def adding(command, name):
        return f"addkey encrypted {name} '{command} default user:master 32'"

    session.expect(adding("create", "none"), r"^Invalid argument$")
    for number in range(2):
        session.patch()
        session.expect(adding("create", f"created{number}"), r"^ok$")
        session.expect(adding("new", f"new{number}"), r"^ok$")
        session.expect(adding("update", "none"), r"^Invalid argument$")
        session.disable()
        session.expect(adding("create", "none"), r"^Invalid argument$")
        session.expect(adding("new", f"newer{number}"), r"^ok$")
        session.unload()


EXAMPLES = [
    Example("rewrite-keys", "a static key and a static call of the patched module", flow=keyed.toggled,
            files={"/oot/keyed.ko": "oot/keyed/keyed.ko"},
            builds=(Build("rewrite-keys", ("keys",),
                          maker=makers.from_rewritten_module("oot/keyed", "keyed")),)),
    _rewritten("scalar", "new members that count and that are set up", _scalar),
    _rewritten("lock", "a mutex and bit-fields as new members", _lock),
    _rewritten("owner", "a new member that points to memory of its own", _owner),
    _rewritten("signature", "an exported function with one more argument", _signature),
    _rewritten("enumerator", "a new enumerator in the middle: a mount option that is ignored", _enumerator,
               allowed=(r"devpts: called with bogus options",), series=("6.1", "6.12")),
    _rewritten("enumerator", "a new enumerator in the middle: a command that makes a key", _enumerator_of_keys,
               more_programs=("addkey",), series=("7.2",)),
    _rewritten("value", "initial values, of a variable and of a table's member", _value),
    _rewritten("embedded", "a new member of a structure that is a member itself, in a module", _embedded,
               setup="load lzo_rle 2>/dev/null; load zram", modules=("zram", "lzo_rle")),
]
