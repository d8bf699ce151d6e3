# SPDX-License-Identifier: GPL-2.0-or-later
"""klp.service in a Debian root that systemd boots."""

import contextlib
import pathlib
import platform
import shutil
import subprocess

import klp
import lab
from results import Failed

HERE = pathlib.Path(__file__).resolve().parent
SUITE = platform.freedesktop_os_release()["VERSION_CODENAME"]  # in which klpctl was linked
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "systemd,systemd-sysv,kmod"
ROOT_SIZE = "700M"
MODULES = ["virtio_blk", "virtio_pci", "ext4"]
OLD = "grep -i vmallocchunk /proc/meminfo", "^VmallocChunk:"
NEW = "grep -i vmallocchunk /proc/meminfo", "^VMALLOCCHUNK:"


def root_image():
    """A file system with Debian and systemd, made once and kept in the cache folder."""
    image = klp.target.cache_dir() / "roots" / f"{SUITE}-systemd.ext4"
    if image.exists():
        return image
    image.parent.mkdir(parents=True, exist_ok=True)
    tree, half = image.with_suffix(".tree"), image.with_suffix(".half")
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree, MIRROR], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, half, ROOT_SIZE], check=True)
    shutil.rmtree(tree)
    half.rename(image)
    return image


@contextlib.contextmanager
def boot(kernel, disk, append="", more=None):
    """The root, up to its last target, with `more` files ({path in the guest: path here}), below /lp."""
    tree = kernel.modules()
    files = {"/vm/root": HERE / "guest" / "root",
             "/etc/systemd/system/klp-serve.service": HERE / "guest" / "klp-serve.service",
             "/etc/systemd/system/klp.service": unit(), **(more or {})}
    with lab.boot(kernel, files, [name for name in MODULES if name in tree], disk=disk, boot_timeout=400,
                  append=f"rdinit=/vm/root systemd.journald.forward_to_console=0 {append}".strip()) as vm:
        yield vm


def unit():
    """klp.service as it is installed, for a klpctl in /usr/bin."""
    template = (klp.ROOT / "klpctl" / "klp.service.in").read_text()
    return template.replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin").encode()


def when(vm, name, what):
    """A time of a unit, in microseconds since the start."""
    return int(vm.run(f"systemctl show -P {what} {name}"))


def enable(vm):
    """Somebody installs, tries and accepts a patch, and enables the unit."""
    vm.run("systemctl enable klp.service")
    vm.ctl("install /lp/lp_meminfo.ko")
    vm.ctl("load lp_meminfo")
    vm.ctl("accept lp_meminfo")
    vm.ctl("unload lp_meminfo")
    vm.ctl("boot --guard 1", "in effect")
    vm.wait_until("grep -q '\"trial_boot\": \"\"' /var/lib/klp/*/lp_meminfo.json", 60)


def loads(vm):
    """The unit loads it, before the network; what it leaves behind watches."""
    vm.must_be("systemctl is-active klp.service", "^active$")
    vm.must_be(*NEW)
    vm.must_be("journalctl -b -u klp.service -o cat", "^lp_meminfo: in effect")
    if when(vm, "klp.service", "ExecMainExitTimestampMonotonic") > when(vm, "network-pre.target",
                                                                           "ActiveEnterTimestampMonotonic"):
        raise Failed("the network came first")
    vm.must_be("systemctl status klp.service", r"klpctl boot")


def is_off(vm):
    """klp.enable=0 on the kernel's command line: nothing is loaded, and the unit has not failed."""
    vm.must_be("systemctl is-active klp.service", "^active$")
    vm.must_be("journalctl -b -u klp.service -o cat", "klp.enable=0")
    vm.must_be(*OLD)


def is_blocked(vm):
    """After a restart within a minute the unit fails and says why, and the machine is up nevertheless."""
    vm.must_be("systemctl is-failed klp.service", "^failed$")
    vm.must_be("journalctl -b -u klp.service -o cat", r"store.blocked.*crash or restart within a minute")
    vm.must_be("systemctl is-active multi-user.target || true", "active|activating")
    vm.must_be(*OLD)


# One after the other on the same disk; the second ends at once, within the minute.
BOOTS = ((enable, ""), (loads, ""), (is_off, "klp.enable=0"), (is_blocked, ""))
SCENES = tuple(scene for scene, _ in BOOTS)


def switch_off(vm):
    """What was written is on the disk, and the machine goes off as it would without current."""
    vm.end_by("sync; echo o >/proc/sysrq-trigger; sleep 60")
