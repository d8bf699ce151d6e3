# SPDX-License-Identifier: GPL-2.0-or-later
"""Showing, loading and taking back, in one boot; force comes last, since nothing can be unloaded after it."""

from lab import DONE, REFUSED, TAKEN_BACK, UNDER_WAY
from results import Failed

OLD = "grep -i vmallocchunk /proc/meminfo", "^VmallocChunk:"
NEW = "grep -i vmallocchunk /proc/meminfo", "^VMALLOCCHUNK:"
AS_USER = "start-stop-daemon -S -c user -x /bin/klpctl -- "
PIPE_READER = "(sleep 1000 | cat >/dev/null) & echo"
VFORKER = "(/tests/vforker >/tmp/vforker.text) & wait_until 20 '[ -s /tmp/vforker.text ]'"


def nothing_loaded(vm):
    """A machine without live patches."""
    if vm.json("list") != {"core": True, "patches": []}:
        raise Failed("something is listed")
    vm.ctl("status")
    vm.ctl("status lp_meminfo", "not-loaded", status=REFUSED)
    release = vm.run("uname -r").strip()
    if vm.ctl("uname").strip() != release:
        raise Failed("uname prints something else")


def load_and_back(vm):
    """load, list, info, uname, disable, enable, unload: the old behaviour and the new one come and go."""
    vm.must_be(*OLD)
    vm.ctl("load /lp/lp_meminfo.ko", "lp_meminfo: in effect")
    vm.must_be(*NEW)
    patch = vm.json("list")["patches"][0]
    expected = {"name": "lp_meminfo", "state": "enabled", "patch_files": ["01-meminfo.patch"], "cves": [],
                "file": "/lp/lp_meminfo.ko"}
    if any(patch[key] != value for key, value in expected.items()):
        raise Failed(f"list says {patch}")
    if patch["objects"] != [{"name": "vmlinux", "patched": True,
                             "functions": [{"name": "meminfo_proc_show", "sympos": 1}]}]:
        raise Failed(f"list says {patch['objects']}")
    info = vm.json("info /lp/lp_meminfo.ko")
    if info["build_id"] != patch["build_id"] or info["kernel_build_id"] != vm.json("uname")["build_id"]:
        raise Failed(f"info and the running kernel differ: {info}")
    release = vm.run("uname -r").strip()
    if vm.ctl("uname").strip() != f"{release}+lp_meminfo":
        raise Failed("uname does not name the patch")
    vm.ctl("load /lp/lp_meminfo.ko", "in effect")  # once more: nothing to do
    vm.ctl("disable lp_meminfo", "not in effect")
    vm.must_be(*OLD)
    vm.ctl("list", "^lp_meminfo: not in effect")
    vm.ctl("disable lp_meminfo", "not in effect")
    vm.ctl("enable lp_meminfo", "in effect")
    vm.must_be(*NEW)
    vm.ctl("unload lp_meminfo", "unloaded")
    vm.must_be(*OLD)
    vm.must_be("lsmod", "^Module")
    if vm.json("list")["patches"]:
        raise Failed("still listed")


def replace(vm):
    """A cumulative patch takes the place of another, whose module goes."""
    vm.ctl("load /lp/lp_meminfo.ko")
    vm.ctl("load /lp/lp_version.ko")
    vm.wait_until("[ ! -d /sys/kernel/livepatch/lp_meminfo ]", 20)
    vm.must_be(*OLD)
    vm.ctl("list", "^lp_meminfo: replaced by lp_version", "^lp_version: enabled")
    vm.ctl("replace /lp/lp_meminfo.ko", "in place of all others")
    vm.must_be(*NEW)
    vm.must_be("cat /proc/version", "^Linux version")
    vm.loaded("lp_meminfo")
    vm.run("[ ! -d /sys/module/lp_version ]")
    vm.ctl("unload lp_meminfo")


def signal(vm):
    """A reader that sleeps in a patched function is shown, and woken at once."""
    vm.run(PIPE_READER)
    vm.start("load /lp/lp_sleepers.ko", "load")
    vm.wait_until("klpctl status lp_sleepers | grep -qE 'cat in (anon_)?pipe_read'", 20)
    vm.ctl("status", "^lp_sleepers: enabling; 1 task in the way", "^      (anon_)?pipe_read$", status=UNDER_WAY)
    vm.ctl("signal lp_sleepers", "1 task woken")
    # The kernel itself would have woken it only 15 seconds after the beginning.
    text = vm.ended("load", DONE, "in effect", seconds=20)
    if "15 s" in text:
        raise Failed(f"it did not end by the signal:\n{text}")
    vm.must_be("(echo x | dd bs=4242 count=1 2>&1) || true", "I/O error|Input/output error")
    vm.run("pidof cat >/dev/null")  # and the reader reads on
    vm.ctl("list", "^  patches +sleepers.patch", "^  fixes +CVE-2026-99999$")
    vm.run("killall sleep")
    vm.ctl("unload lp_sleepers")
    vm.must_be("echo x | dd bs=4242 count=1 2>/dev/null", "^x$")


def timeout(vm):
    """What cannot end is taken back in time: a task in vfork() is not woken by signals."""
    vm.run(VFORKER)
    vm.ctl("load --timeout 3 /lp/lp_sleepers.ko", "vforker in kernel_clone|1 task left", "taken back",
           status=TAKEN_BACK)
    vm.loaded()
    vm.run("[ ! -d /sys/module/lp_sleepers ]")
    vm.must_be("echo x | dd bs=4242 count=1 2>/dev/null", "^x$")


def interrupt(vm):
    """Ctrl-C takes it back; the task of timeout() still sleeps."""
    vm.start("load /lp/lp_sleepers.ko", "load")
    vm.wait_until("klpctl status lp_sleepers | grep -q 'vforker in kernel_clone'", 20)
    vm.run("kill -INT $(pidof klpctl)")
    vm.ended("load", TAKEN_BACK, "taken back", seconds=30)
    vm.loaded()


def busy(vm):
    """While one transition is under way, another one is refused or waits its turn."""
    vm.run("insmod /lp/lp_sleepers.ko")
    vm.ctl("load /lp/lp_meminfo.ko", "livepatch.busy", "lp_sleepers", status=REFUSED)
    vm.ctl("disable lp_sleepers --timeout 30", "not in effect")
    vm.ctl("unload lp_sleepers")


def bad_input(vm):
    """What is no live patch for this kernel gets one message, and nothing happens."""
    vm.run("head -c 9000 /lp/lp_meminfo.ko >/tmp/half.ko; echo text >/tmp/text.ko")
    vm.run("sed 's/klp_build_id=[0-9a-f]\\{8\\}/klp_build_id=00000000/' /lp/lp_meminfo.ko >/tmp/other.ko")
    for file, code in (("/tmp/half.ko", "elf.corrupt"), ("/tmp/text.ko", "elf.not-elf"), ("/tmp", "file.unreadable"),
                       ("/tmp/none.ko", "file.unreadable"), ("/tmp/other.ko", "livepatch.other-kernel"),
                       ("/vm/modules/dummy.ko", "livepatch.not-a-livepatch"), ("/lp/foreign.ko", "livepatch.other-kernel")):
        text = vm.ctl(f"load {file}", rf"error\[{code}\]", status=REFUSED)
        if text.count("error[") != 1:
            raise Failed(f"{file}: more than one message:\n{text}")
    vm.ctl("load /lp/lp_meminfo.ko")
    vm.ctl("load /lp/namesake.ko", r"error\[livepatch.name-taken\]", status=REFUSED)
    vm.ctl("unload lp_meminfo")
    vm.ctl("replace /lp/beside.ko", r"error\[livepatch.not-replacing\]", status=REFUSED)
    vm.loaded()


def check(vm):
    """What speaks against a patch here and now is said, and nothing is changed."""
    vm.ctl("check /lp/lp_meminfo.ko", "nothing speaks against loading it", r"note\[livepatch.not-looked-at\]: /boot")
    vm.ctl("check /lp/foreign.ko", r"error\[livepatch.other-kernel\]", "do not load it", status=REFUSED)
    # /proc/kallsyms knows no such function.
    vm.run("sed 's/meminfo_proc_show/meminfo_proc_shew/g' /lp/lp_meminfo.ko >/tmp/typo.ko")
    vm.ctl("check /tmp/typo.ko", r"error\[match.function-missing\].*meminfo_proc_shew", "do not load it", status=REFUSED)
    vm.ctl("load /tmp/typo.ko", r"error\[livepatch.load-failed\].*the kernel says.*meminfo_proc_shew", status=REFUSED)
    trace = "cd /sys/kernel/tracing"
    # The second instruction is behind the call of ftrace, before which some kernels have an endbr64.
    vm.run(f"{trace}; echo 'p:start meminfo_proc_show' >kprobe_events")
    vm.run(f"{trace}; for at in 5 9; do echo p:inside meminfo_proc_show+$at >>kprobe_events && break; done 2>/dev/null")
    vm.run(f"{trace}; echo 1 >events/kprobes/enable")
    vm.ctl("check /lp/lp_meminfo.ko", r"warning\[livepatch.probed\].*at its start", r"warning\[livepatch.probed\].*at \+0x[59]",
           "nothing speaks against")
    vm.run(f"{trace}; echo 0 >events/kprobes/enable; echo >kprobe_events")
    vm.run(f"{trace}; echo meminfo_proc_show >set_ftrace_filter; echo function >current_tracer")
    vm.ctl("check /lp/lp_meminfo.ko", r"warning\[livepatch.traced\].*\(1 users\)")
    vm.run(f"{trace}; echo nop >current_tracer; echo >set_ftrace_filter")
    vm.run("(/tests/fentry meminfo_proc_show >/tmp/fentry.text 2>&1) & wait_until 20 '[ -s /tmp/fentry.text ]'")
    vm.must_be("cat /tmp/fentry.text", "^attached$")
    text = vm.ctl("check /lp/lp_meminfo.ko", r"warning\[livepatch.bpf-attached\].*bpf_trampoline_\d+ is attached")
    if "livepatch.traced" in text:
        raise Failed(f"the program is told of twice:\n{text}")
    vm.run("killall fentry; wait_until 20 '! grep -q meminfo_proc_show /sys/kernel/tracing/enabled_functions'")
    vm.run(PIPE_READER)
    vm.ctl("check /lp/lp_sleepers.ko", r"warning\[livepatch.asleep\].*(anon_)?pipe_read: \d+ cat sleeps in it",
           r"kernel_clone: \d+ vforker sleeps")
    vm.run("killall sleep")
    vm.ctl("load /lp/lp_version.ko")
    text = vm.ctl("check /lp/lp_meminfo.ko", r"note\[livepatch.replaces\].*it takes the place of lp_version")
    if "probed" in text or "traced" in text:
        raise Failed(f"there are no probes any more:\n{text}")
    vm.ctl("check /lp/lp_version.ko", "nothing speaks against loading it")
    vm.ctl("unload lp_version")
    vm.loaded()


def check_image(vm):
    """With the image that it was booted from, all of klp-verify's rules are looked at."""
    vm.run("mkdir -p /boot; ln -s /spare/vmlinuz /boot/vmlinuz-$(uname -r)")
    text = vm.ctl("check /lp/lp_meminfo.ko", "nothing speaks against loading it")
    if "not-looked-at" in text:
        raise Failed(f"the image was not found:\n{text}")
    vm.run("sed 's/meminfo_proc_show/meminfo_proc_shew/g' /lp/lp_meminfo.ko >/tmp/typo.ko")
    vm.ctl("check /tmp/typo.ko", r"error\[match.function-missing\]", status=REFUSED)
    # An image of another build is none.
    vm.run("rm /boot/*; ln -s /lp/lp_meminfo.ko /boot/vmlinuz-$(uname -r)")
    vm.ctl("check /lp/lp_meminfo.ko", r"note\[livepatch.not-looked-at\]: /boot")
    vm.run("rm /boot/*")


def unprivileged(vm):
    """Without rights: what shows works, what changes says which right is missing."""
    vm.ctl("load /lp/lp_meminfo.ko")
    vm.must_be(f"{AS_USER} list", "^lp_meminfo: enabled, loaded 20")
    vm.must_be(f"{AS_USER} list", "meminfo_proc_show")
    vm.must_be(f"{AS_USER} uname", r"\+lp_meminfo$")
    vm.must_be(f"{AS_USER} info /lp/lp_meminfo.ko", "01-meminfo.patch")
    vm.must_be(f"{AS_USER} status", "^lp_meminfo: enabled")
    for command in ("load /lp/lp_version.ko", "replace /lp/lp_version.ko", "disable lp_meminfo", "unload lp_meminfo",
                    "enable lp_meminfo", "signal lp_meminfo", "force --yes lp_meminfo"):
        vm.must_be(f"{AS_USER} {command} 2>&1; echo status=$?", r"livepatch.no-right.*CAP_SYS_MODULE(.|\n)*status=1")
    vm.must_be(f"{AS_USER} check /lp/lp_meminfo.ko 2>&1; echo status=$?", r"livepatch.no-right.*CAP_SYS_ADMIN(.|\n)*status=1")
    vm.loaded("lp_meminfo")
    vm.ctl("unload lp_meminfo")


def force(vm):
    """Only who means it; afterwards the module stays."""
    vm.start("load --timeout 600 /lp/lp_sleepers.ko", "load")
    vm.wait_until("klpctl status lp_sleepers | grep -q 'vforker in kernel_clone'", 20)
    vm.must_be("echo no | klpctl force lp_sleepers 2>&1; echo status=$?", r"not-confirmed(.|\n)*status=1")
    vm.ctl("status", "enabling", status=UNDER_WAY)
    vm.must_be("echo lp_sleepers | klpctl force lp_sleepers 2>&1; echo status=$?", "forced\nstatus=0")
    vm.ended("load", DONE, "in effect")
    vm.ctl("force --yes lp_sleepers", "not-in-transition", status=REFUSED)
    vm.run("kill -TERM $(head -n 1 /tmp/vforker.text); wait_until 20 '! pidof vforker >/dev/null'")


def brings_core(vm):
    """A kernel without a livepatch core gets klp_core.ko with the first live patch."""
    if vm.json("list") != {"core": False, "patches": []}:
        raise Failed("something is listed")
    vm.ctl("check /lp/lp_meminfo.ko", "nothing speaks against loading it")
    vm.run("mkdir /tmp/alone; cp /lp/lp_meminfo.ko /tmp/alone")
    vm.ctl("load /tmp/alone/lp_meminfo.ko", r"error\[file.unreadable\].*klp_core.ko", status=REFUSED)
    vm.ctl("load /lp/lp_meminfo.ko", "in effect")
    vm.must_be(*NEW)
    vm.must_be("lsmod", "^klp_core")
    vm.ctl("unload lp_meminfo")
    nothing_loaded(vm)


# On a kernel without a livepatch core.
WITHOUT_CORE = (brings_core, load_and_back, replace, signal, timeout, interrupt, busy, unprivileged, force)
SCENES = (nothing_loaded, load_and_back, replace, signal, timeout, interrupt, busy, bad_input, check, check_image, unprivileged,
          force)
