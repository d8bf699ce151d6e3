# SPDX-License-Identifier: GPL-2.0-or-later
"""Real fixes that add members to structures, as klp-build --rewrite makes them live: patches/rewrite/.

Each is looked at on objects that are older than the patch and on new ones, disabled, loaded again; `shadows` counts in
the kernel's memory what is kept beside objects.
"""

import makers
from example import Build, Example


def _fix(name, what, flow, programs=(), **more):
    def whole(session):
        flow(session)
        session.expect("shadows", r"^0$")
    return Example(f"rewrite-{name}", what, flow=whole,
                   builds=(Build(f"rewrite-{name}", (name,), maker=makers.from_rewritten),),
                   programs=("shadows", *programs), **more)


def _shadows(session, number):
    """Objects may go late."""
    session.vm.run(f"wait_until 30 '[ $(shadows) = {number} ]'")


def _pids(session):
    """The limit is in /a, and the task that may not fork in a group below."""
    def fork_in(group):
        session.vm.run(f"sh -c 'echo $$ >/tmp/cg/{group}/cgroup.procs; /bin/true; :' 2>/dev/null; true")

    def events(group, number):
        session.expect(f"cat /tmp/cg/{group}/pids.events", rf"^max {number}$")

    session.vm.run("mkdir -p /tmp/cg && mount -t cgroup2 none /tmp/cg && echo +pids >/tmp/cg/cgroup.subtree_control &&"
                   "mkdir /tmp/cg/a && echo +pids >/tmp/cg/a/cgroup.subtree_control && mkdir /tmp/cg/a/old &&"
                   "echo 1 >/tmp/cg/a/pids.max")
    fork_in("a/old")
    events("a", 0)
    events("a/old", 1)
    for _ in range(2):
        session.patch()
        session.expect("shadows", r"^0$")
        events("a", 0)
        fork_in("a/old")
        events("a", 1)
        events("a/old", 0)
        session.vm.run("mkdir /tmp/cg/a/new")
        fork_in("a/new")
        events("a", 2)
        events("a/new", 0)
        session.expect("shadows", r"^3$")
        session.vm.run("rmdir /tmp/cg/a/new")
        _shadows(session, 2)
        session.disable()
        session.expect("shadows", r"^0$")
        # The old meaning and the old count.
        events("a", 0)
        events("a/old", 1)
        session.unload()
    session.vm.run("rmdir /tmp/cg/a/old /tmp/cg/a; umount /tmp/cg")


def _zone(session):
    for zone, number in ((0, 30), (7, 200), (8, 200)):
        session.expect(f"zones add {zone} {number}", r"^ok$")
    session.expect("zones count 7", r"^430$")
    for _ in range(2):
        # A dump that began before the patch goes on after it.
        session.vm.run("rm -f /tmp/go; zones slow 7 /tmp/go >/tmp/said 2>&1 & echo $! >/tmp/dump")
        session.patch()
        session.expect("zones count 7", r"^200$")
        session.expect("zones count 0", r"^30$")
        session.expect("zones count 9", r"^0$")
        session.expect("shadows", r"^0$")
        session.vm.run("touch /tmp/go; wait_until 30 '[ ! -d /proc/$(cat /tmp/dump) ]'")
        session.expect("cat /tmp/said", r"^430$")
        # One that is under way has its variable.
        session.vm.run("rm -f /tmp/go; zones slow 7 /tmp/go >/tmp/said 2>&1 & echo $! >/tmp/dump")
        _shadows(session, 1)
        session.disable()
        session.expect("shadows", r"^0$")
        session.expect("zones count 7", r"^430$")
        session.vm.run("touch /tmp/go; wait_until 30 '[ ! -d /proc/$(cat /tmp/dump) ]'")
        session.unload()


def _revoke(session):
    def opened():
        return session.expect("fds open 0 /dev/hidraw0", r"^(\d+)$").group(1)

    session.vm.run("fds serve")
    device = session.expect("fds uhid 0 test", r"^(\d+)$").group(1)
    session.vm.run("wait_until 30 '[ -e /dev/hidraw0 ]'")
    old, other = opened(), opened()
    session.expect(f"fds revoke {old}", r"^EINVAL$|^ENOTTY$")
    for value in (5, 6):
        session.patch()
        new = opened()
        session.expect("shadows", r"^0$")
        for fd in (old, new):
            session.expect(f"fds revoke {fd}", r"^ok$")
        session.expect("shadows", r"^2$")
        session.expect(f"fds report {device} {value}", r"^ok$")
        for fd in (old, new):
            session.expect(f"fds read {fd}", r"^ENODEV$")
        session.expect(f"fds read {other}", rf"^{value}$")
        session.expect(f"fds close {new}", r"^ok$")
        _shadows(session, 1)
        session.disable()
        session.expect("shadows", r"^0$")
        # Nothing came while it was revoked.
        session.expect(f"fds read {old}", r"^EAGAIN$")
        session.expect(f"fds report {device} 9", r"^ok$")
        for fd in (old, other):
            session.expect(f"fds read {fd}", r"^9$")
        session.unload()
    session.expect("fds quit", r"^ok$")


def _memberships(session):
    """Sockets that are members of a device which goes."""
    trace = "/sys/kernel/tracing"

    def members(number):
        session.expect("cat /sys/class/net/d0/flags", r"^0x" + ("1" if number else "0") + r"\w\w$")

    session.vm.run("fds serve")
    session.vm.run(f"echo klp_shadow_get_or_alloc >{trace}/set_ftrace_filter && echo function >{trace}/current_tracer")
    for _ in range(2):
        session.vm.run("ip link add d0 type dummy")
        old = session.expect("fds packet 0 d0", r"^(\d+)$").group(1)
        members(1)
        session.patch()
        session.expect("shadows", r"^0$")
        new = session.expect("fds packet 0 d0", r"^(\d+)$").group(1)
        session.expect("shadows", r"^1$")
        session.vm.run(f"echo >{trace}/trace; ip link del d0")
        # Both were on the list: the old one got its variable for that.
        session.expect(f"grep -c klp_packet_mclist_get_or_alloc {trace}/trace", r"^2$")
        _shadows(session, 0)
        for fd in (old, new):
            session.expect(f"fds close {fd}", r"^ok$")
        # A membership that lives on has its variable until the patch goes.
        session.vm.run("ip link add d0 type dummy")
        new = session.expect("fds packet 0 d0", r"^(\d+)$").group(1)
        session.expect("shadows", r"^1$")
        session.disable()
        session.expect("shadows", r"^0$")
        members(1)
        session.vm.run("ip link del d0")
        session.expect(f"fds close {new}", r"^ok$")
        session.unload()
    session.vm.run(f"echo nop >{trace}/current_tracer; echo >{trace}/set_ftrace_filter")
    session.expect("fds quit", r"^ok$")


def _nexthops(session):
    def routes(prefix, number):
        session.expect(f"grep -c ^{prefix} /proc/net/ipv6_route; true", rf"^{number}$")

    session.vm.run("ip link add d0 type dummy && ip link set d0 up")
    session.expect("nexthops add 1 d0", r"^ok$")
    session.expect("nexthops route fd01 1", r"^ok$")
    for round in range(2):
        session.patch()
        session.expect("shadows", r"^0$")
        session.expect("nexthops route fd02 1", r"^ok$")
        session.expect("shadows", r"^1$")
        session.expect("nexthops add 2 d0", r"^ok$")
        session.expect("nexthops route fd03 2", r"^ok$")
        session.expect("shadows", r"^2$")
        # All routes of a nexthop go with it, those that are older than the patch too.
        session.expect("nexthops del 2", r"^ok$")
        routes("fd03", 0)
        routes("fd0[12]", 2)
        _shadows(session, 1)
        if round:
            session.expect("nexthops del 1", r"^ok$")
            routes("fd0[12]", 0)
            _shadows(session, 0)
        else:
            session.vm.run("ip -6 route del fd02::/64")
        session.disable()
        session.expect("shadows", r"^0$")
        session.unload()
    session.vm.run("ip link del d0")


def _whiteouts(session):
    def mount(name):
        session.vm.run(f"mkdir -p /tmp/o/{name}/low /tmp/o/{name}/up /tmp/o/{name}/work /tmp/o/{name}/all && "
                       f"touch /tmp/o/{name}/low/1 /tmp/o/{name}/low/2 /tmp/o/{name}/low/3 && mount -t overlay overlay -o "
                       f"lowerdir=/tmp/o/{name}/low,upperdir=/tmp/o/{name}/up,workdir=/tmp/o/{name}/work /tmp/o/{name}/all")

    def remove(name, file):
        session.vm.run(f"rm /tmp/o/{name}/all/{file}")
        session.expect(f"ls -l /tmp/o/{name}/up/{file}", r"^c.* 0, +0 ")

    session.vm.run("mkdir -p /tmp/o && mount -t tmpfs none /tmp/o")
    mount("old")
    for file in (1, 2):
        session.patch()
        session.expect("shadows", r"^0$")
        remove("old", file)
        session.expect("shadows", r"^1$")
        mount("new")
        session.expect("shadows", r"^2$")
        remove("new", 1)
        remove("new", 2)
        session.expect("ls /tmp/o/new/all", r"^3$")
        session.vm.run("umount /tmp/o/new/all; rm -r /tmp/o/new")
        _shadows(session, 1)
        session.disable()
        session.expect("shadows", r"^0$")
        session.unload()
    remove("old", 3)
    session.vm.run("umount /tmp/o/old/all; umount /tmp/o")


def _sets(session):
    """A set ends in a work item instead of an RCU callback."""
    trace = "/sys/kernel/tracing"

    def destroy(name, where):
        session.vm.run(f"echo >{trace}/trace")
        session.expect(f"ipsets destroy {name}", r"^ok$")
        session.vm.run(f"wait_until 30 'grep -q bitmap_ip_destroy {trace}/trace'")
        session.expect(f"grep bitmap_ip_destroy {trace}/trace", where)
        _shadows(session, 0)

    in_work, elsewhere = r"^ *kworker/", r"^(?! *kworker/).*bitmap_ip_destroy"
    session.vm.run(f"echo bitmap_ip_destroy >{trace}/set_ftrace_filter && echo function >{trace}/current_tracer")
    for name in ("first", "old", "older"):
        session.expect(f"ipsets create {name}", r"^ok$")
    destroy("first", elsewhere)
    for old in ("old", "older"):
        session.patch()
        session.expect("shadows", r"^0$")
        destroy(old, in_work)
        session.expect("ipsets create new", r"^ok$")
        destroy("new", in_work)
        # What is under way when the patch goes comes to its end.
        session.vm.run(f"echo >{trace}/trace")
        for number in range(20):
            session.expect(f"ipsets create {number}", r"^ok$")
        session.vm.run("for i in $(seq 0 19); do ipsets destroy $i; done")
        session.disable()
        session.expect("shadows", r"^0$")
        session.expect(f"grep -c bitmap_ip_destroy {trace}/trace", r"^20$")
        session.expect("ipsets create first", r"^ok$")
        destroy("first", elsewhere)
        session.unload()
    session.vm.run(f"echo nop >{trace}/current_tracer; echo >{trace}/set_ftrace_filter")
    session.vm.run("rmmod ip_set_bitmap_ip")


def _partial_send(session):
    """A signal comes while half of a request is sent: the work item sends the rest."""
    trace = "/sys/kernel/tracing"

    def serve(device):
        session.vm.run(f"nbds serve /dev/{device} /tmp/{device}.stop; wait_until 30 '[ -e /sys/block/{device}/pid ]'")

    def interrupt(device):
        """Returns once the writer waits for room in the socket, and a signal has reached it."""
        session.vm.run(f"echo >/tmp/{device}.stop")
        writer = session.expect(f"nbds begin /dev/{device}", r"^(\d+)$").group(1)
        session.vm.run(f"wait_until 30 'grep -q sock_alloc_send /proc/{writer}/stack'; kill {writer}")
        return writer

    def finish(device, writer):
        session.vm.run(f"rm /tmp/{device}.stop; wait_until 60 '[ ! -d /proc/{writer} ]'")
        session.expect(f"nbds check /dev/{device}", r"^1048576$")

    serve("nbd0")
    finish("nbd0", interrupt("nbd0"))
    for device in ("nbd1", "nbd2"):
        session.patch()
        session.expect("shadows", r"^0$")
        session.vm.run(f"echo nbd_pending_cmd_work >{trace}/set_ftrace_filter && echo function >{trace}/current_tracer")
        # Of a connection that is older than the patch, and of a new one.
        serve(device)
        session.expect("shadows", r"^1$")
        for some, shadows in (("nbd0", 2), (device, 2)):
            session.vm.run(f"echo >{trace}/trace")
            writer = interrupt(some)
            session.vm.run(f"wait_until 30 'grep -q nbd_pending_cmd_work {trace}/trace'")
            session.expect(f"grep nbd_pending_cmd_work {trace}/trace", r"^ *kworker/")
            finish(some, writer)
            session.expect("shadows", rf"^{shadows}$")
        session.vm.run(f"echo nop >{trace}/current_tracer; echo >{trace}/set_ftrace_filter")
        session.vm.run(f"nbds stop /dev/{device}")
        _shadows(session, 1)
        session.disable()
        session.expect("shadows", r"^0$")
        finish("nbd0", interrupt("nbd0"))
        session.unload()
    session.vm.run("nbds stop /dev/nbd0; wait_until 30 '[ ! -e /sys/block/nbd0/pid ]'")


FIXED_LATER = ("6.1", "6.12")  # newer kernels came with it

EXAMPLES = [
    _fix("nbd-partial-send", "a real fix: a work item that is made ready with its function", _partial_send, ("nbds",),
         setup="load nbd nbds_max=3", modules=("nbd",), series=("6.12",)),
    _fix("ipset-destroy", "a real fix: a work item behind a grace period", _sets, ("ipsets",),
         setup="load ip_set_bitmap_ip", modules=("ip_set_bitmap_ip",), series=FIXED_LATER),
    _fix("packet-notifier", "a real fix: a list head, first used where nothing may sleep", _memberships, ("fds",),
         setup="load dummy", modules=("dummy",), series=FIXED_LATER),
    _fix("nexthop-lock", "a real fix: a spinlock and a flag, used in two units", _nexthops, ("nexthops",),
         setup="load dummy", modules=("dummy",), series=("6.12",)),
    _fix("overlay-whiteout", "a real fix: a mutex that an initialiser function makes ready", _whiteouts,
         setup="load overlay", modules=("overlay",), series=("6.12",)),
    _fix("pids-events", "a real fix: counters of a control group", _pids, series=("6.1",)),
    _fix("conntrack-zone", "a real fix: a flag in a filter that lives as long as a dump", _zone, ("zones",),
         setup="load nf_conntrack_netlink", modules=("nf_conntrack_netlink",), series=("6.1",)),
    _fix("hidraw-revoke", "a real fix: a flag in what each open file has", _revoke, ("fds",),
         setup="load uhid; load hid_generic", modules=("uhid", "hid_generic"), series=("6.1",)),
]
