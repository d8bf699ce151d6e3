# SPDX-License-Identifier: GPL-2.0-or-later
"""What outlives the machine: installed patches on a disk, and boots one after the other."""

import contextlib
import re
import subprocess

import lab
from lab import DONE, REFUSED
from results import Failed

# Those that a cloud kernel has not built in.
DISK_MODULES = ["virtio_blk", "virtio_pci", "ext4"]
DISK_SIZE = 64 << 20
OLD = "grep -i vmallocchunk /proc/meminfo", "^VmallocChunk:"
NEW = "grep -i vmallocchunk /proc/meminfo", "^VMALLOCCHUNK:"


def make_disk(path):
    """An empty file system with a journal, as machines have it that may crash."""
    with path.open("wb") as file:
        file.truncate(DISK_SIZE)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path], check=True)


@contextlib.contextmanager
def boot_with(kernel, disk):
    """A machine with the disk at /var/lib/klp."""
    tree = kernel.modules()
    modules = [name for name in DISK_MODULES if name in tree]
    with lab.boot(kernel, lab.bad_modules(kernel), modules, disk=disk) as vm:
        for name in modules:
            vm.run(f"load {name}")
        vm.wait_until("[ -b /dev/vda ]")
        vm.run("mkdir -p /var/lib/klp && mount -t ext4 /dev/vda /var/lib/klp")
        yield vm


def installed(vm, name):
    """What `list --installed` says of a patch; None if nothing."""
    found = [one for one in vm.json("list --installed")["installed"] if one["name"] == name]
    return found[0] if found else None


def install(vm):
    """install, load by name, accept; nothing is accepted untried, and nothing loaded unaccepted."""
    vm.ctl("install --package livepatch-meminfo /lp/lp_meminfo.ko", "installed for")
    one = installed(vm, "lp_meminfo")
    if one["package"] != "livepatch-meminfo" or one["accepted_at"] or one["patch_files"] != ["01-meminfo.patch"]:
        raise Failed(f"{one}")
    vm.ctl("accept lp_meminfo", "store.not-in-effect", status=REFUSED)
    vm.ctl("boot")
    vm.must_be(*OLD)
    vm.ctl("info lp_meminfo", "^lp_meminfo")
    # Loaded by somebody else: it is known by its build id.
    vm.run("insmod /lp/lp_meminfo.ko; wait_until 60 settled lp_meminfo")
    vm.ctl("list", "^  patches +01-meminfo.patch", "package +livepatch-meminfo")
    vm.ctl("unload lp_meminfo")
    vm.ctl("load lp_meminfo", "in effect")
    vm.ctl("list", "package +livepatch-meminfo", "file +/var/lib/klp/")
    vm.ctl("accept lp_meminfo", "from now on loaded")
    vm.ctl("install --package livepatch-meminfo /lp/lp_meminfo.ko")  # the same again: still accepted
    if not installed(vm, "lp_meminfo")["accepted_at"]:
        raise Failed("installing it again took its acceptance")
    vm.ctl("unload lp_meminfo")


def full_disk(vm):
    """A full disk leaves everything as it was."""
    before = vm.run("klpctl list --installed; ls -R /var/lib/klp")
    vm.run("for size in 64k 1k 1; do dd if=/dev/zero bs=$size 2>/dev/null >>/var/lib/klp/filler; done; true")
    try:
        vm.ctl("install /lp/lp_version.ko", r"error\[file.disk-full\]", status=REFUSED)
        vm.ctl("accept --revoke lp_meminfo", r"error\[file.disk-full\]", status=REFUSED)
    finally:
        vm.run("rm /var/lib/klp/filler")
    after = vm.run("klpctl list --installed; ls -R /var/lib/klp")
    if before != after:
        raise Failed(f"before:\n{before}after:\n{after}")


def killed(vm):
    """A killed install leaves a complete one, or none."""
    for milliseconds in (1, 3, 6, 10, 15, 25, 40, 80):
        vm.run(f"klpctl install /lp/lp_version.ko >/dev/null & usleep {milliseconds * 1000}; kill -9 $! 2>/dev/null; wait")
        one = installed(vm, "lp_version")
        if one:
            vm.must_be(f"sha256sum {one['file']}", f"^{one['sha256']}")
    vm.ctl("install /lp/lp_version.ko")
    vm.ctl("uninstall lp_version", "uninstalled$")
    left = vm.run("ls /var/lib/klp/*/").split()
    if installed(vm, "lp_version") or [name for name in left if "lp_version" in name]:
        raise Failed(f"still there: {left}")


def states(vm):
    """save, restore and rollback."""
    vm.run("rm -f /run/klp/previous")
    vm.ctl("rollback", "store.nothing-before", status=REFUSED)
    vm.ctl("load /lp/lp_meminfo.ko")
    vm.ctl("save", "1 live patch")
    vm.ctl("replace /lp/lp_version.ko")
    vm.must_be("cat /proc/version", "^release one")
    vm.ctl("rollback", "as before the last change")
    vm.must_be(*NEW)
    vm.loaded("lp_meminfo")
    vm.ctl("rollback")
    vm.loaded("lp_version")
    vm.ctl("restore", "as it was saved")
    vm.loaded("lp_meminfo")
    vm.run("[ ! -d /sys/module/lp_version ]")
    vm.run("echo '{\"patches\": []}' >/tmp/none")
    vm.ctl("restore /tmp/none")
    vm.loaded()
    vm.must_be(*OLD)
    vm.ctl("restore /lp/lp_meminfo.ko", "store.damaged", status=REFUSED)
    # A file that is another one by now.
    vm.run("cp /lp/lp_meminfo.ko /tmp/moved.ko")
    vm.ctl("load /tmp/moved.ko")
    vm.ctl("save /tmp/state")
    vm.ctl("unload lp_meminfo")
    # Another patch has its name by now.
    vm.ctl("load /lp/namesake.ko")
    vm.must_be("cat /proc/version", "^release one")
    vm.ctl("restore /tmp/state", "as it was saved")
    vm.must_be(*NEW)
    vm.must_be("cat /proc/version", "^Linux version")
    vm.ctl("unload lp_meminfo")
    vm.run("cp /lp/lp_version.ko /tmp/moved.ko")
    vm.ctl("restore /tmp/state", "livepatch.unknown-file", status=REFUSED)
    vm.loaded()


def survive(vm):
    """A load that is survived for its time is no trial any more."""
    vm.ctl("boot --guard 2", "lp_meminfo: in effect")
    vm.run("grep -q '\"trial_boot\": \"[^\"]' /var/lib/klp/*/lp_meminfo.json")
    vm.wait_until("grep -q '\"trial_boot\": \"\"' /var/lib/klp/*/lp_meminfo.json", 30)
    vm.wait_until("umount /var/lib/klp 2>/dev/null", 20)


def crash(vm):
    """The next start loads it; then the machine crashes."""
    vm.ctl("boot", "lp_meminfo: in effect")
    vm.must_be(*NEW)
    vm.end_by("echo c >/proc/sysrq-trigger")


def blocked(vm):
    """The start after the crash does not load it, and says why."""
    vm.ctl("boot", r"error\[store.blocked\].*crash or restart within a minute", status=REFUSED)
    vm.loaded()
    vm.must_be(*OLD)
    vm.ctl("boot", "store.blocked", status=REFUSED)
    vm.ctl("list --installed", "accepted, blocked", "blocked +its load at 20")
    vm.ctl("load lp_meminfo", "in effect")
    vm.ctl("accept lp_meminfo")
    if installed(vm, "lp_meminfo")["blocked"]:
        raise Failed("still blocked")
    vm.ctl("unload lp_meminfo")


def damaged(vm):
    """An installed module that is not what it was is not loaded."""
    file = installed(vm, "lp_meminfo")["file"]
    vm.run(f"cp {file} /tmp/sound.ko; sed -i 's/VMALLOCCHUNK/vMALLOCCHUNK/' {file}")
    vm.ctl("boot", r"error\[store.damaged\]", status=REFUSED)
    vm.loaded()
    vm.run(f"cp /tmp/sound.ko {file}")


def switched_off(vm):
    """klp.enable=0 on the kernel's command line, or a file, keeps it from being loaded."""
    vm.run("sed 's/$/ klp.enable=0/' /proc/cmdline >/tmp/cmdline; mount --bind /tmp/cmdline /proc/cmdline")
    vm.ctl("boot", "klp.enable=0 is on the kernel's command line")
    vm.run("umount /proc/cmdline; mkdir -p /etc/klp; touch /etc/klp/disabled")
    vm.ctl("boot", "/etc/klp/disabled is there")
    vm.loaded()
    vm.run("rm /etc/klp/disabled")


def new_kernel(vm):
    """A kernel that has no patches, where another one had, is told of."""
    vm.ctl("install /lp/foreign.ko", "installed for")
    vm.ctl("accept lp_meminfo --kernel 6.0", "store.not-installed", status=REFUSED)
    vm.ctl("uninstall lp_meminfo")  # that of the running kernel, though the other one has its name
    release = re.search(r"kernel +(\S+),", vm.ctl("list --installed"))[1]
    vm.ctl(f"accept lp_meminfo --kernel {release}")
    vm.ctl("boot", r"error\[store.no-patch-for-kernel\]", re.escape(release), status=REFUSED)
    vm.ctl("uninstall lp_meminfo", status=DONE)
    vm.ctl("boot")


# Each list is one boot; the disk goes from one to the next.
BOOTS = ((install, full_disk, killed, states, survive), (crash,), (blocked, damaged, switched_off, new_kernel))
SCENES = tuple(scene for scenes in BOOTS for scene in scenes)
