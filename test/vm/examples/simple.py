# SPDX-License-Identifier: GPL-2.0-or-later
"""Examples that the usual flow covers: one command shows the old and the new behaviour."""

from example import Build, Example, Probe

EXAMPLES = [
    Example(
        "01-meminfo", "a string and a constant in a vmlinux function",
        probes=(Probe("grep -i vmallocchunk /proc/meminfo",
                      r"^VmallocChunk: +0 kB$", r"^VMALLOCCHUNK: +168 kB$"),)),
    Example(
        "02-new-data", "new static functions, new static and global data, new strings",
        probes=(Probe("cat /proc/loadavg; cat /proc/loadavg",
                      r"\A(\d+\.\d\d ){3}\d+/\d+ \d+\n(\d+\.\d\d ){3}\d+/\d+ \d+\n\Z",
                      r"\A.* \d+/\d+ \d+ (idle|busy) #1\n.* (idle|busy) #2\n\Z"),)),
    Example(
        "03-inline-c", "a static inline function in a .c file, with its caller",
        probes=(Probe("tail -n 4 /proc/self/status",
                      r"\A(?![\s\S]*total_ctxt)[\s\S]*^nonvoluntary_ctxt_switches:\t\d+$",
                      r"^nonvoluntary_ctxt_switches:\t\d+\ntotal_ctxt_switches:\t\d+$"),)),
    Example(
        "03-inline-header", "an inline function of a header, used by vmlinux and by modules",
        setup="load tun", cleanup="rmmod tun", modules=("tun",), programs=("vnethdr",),
        probes=(Probe("vnethdr", r"^tap 0\npacket 0$", r"^tap 60\npacket 60$"),)),
    Example(
        "10-syscall", "a system call",
        probes=(Probe("uname -n", r"^\(none\)$", r"^patched-live$"),)),
    Example(
        "10-syscall-kpatch", "a system call by kpatch's macro",
        probes=(Probe("uname -n", r"^\(none\)$", r"^patched-live$"),)),
    Example(
        "13-new-file", "a new source file with its Makefile line",
        probes=(Probe("cat /proc/version; cat /proc/version",
                      r"\ALinux version .*\nLinux version .*\n\Z",
                      r"\ALinux .*\nread by cat, note 1\nLinux .*\nread by cat, note 2\n\Z"),)),
    Example(
        "13-rename", "a git patch with a rename and mode lines",
        probes=(Probe("head -n 1 /proc/softirqs", r"^ +CPU0", r"^renamed: +CPU0"),)),
    Example(
        "14-series", "a series of two patches, the second on top of the first",
        builds=(Build("14-series", ("14-series-1", "14-series-2")),),
        probes=(Probe("cat /proc/cmdline", r"panic=-1(?!.* series)", r" series=one,two$"),
                Probe("cat /proc/version", r"^Linux version", r"^series: Linux version"))),
    Example(
        "17-ignored", "changes that the author leaves out by macros",
        probes=(Probe("cat /proc/loadavg", r" \d+/\d+ \d+$", r" \d+/\d+ \d+ ignoring$"),
                Probe("cat /proc/sys/fs/pipe-max-size", r"^1048576$", r"^1048576$"))),
    Example(
        "19-trace-printk", "trace_printk() in patched code",
        probes=(Probe("echo > /sys/kernel/tracing/trace; cat /proc/uptime > /dev/null; tail -n 1 /sys/kernel/tracing/trace",
                      r"^#", r"uptime_proc_show: uptime of \d+ s$"),)),
]
