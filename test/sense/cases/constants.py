# SPDX-License-Identifier: GPL-2.0-or-later
"""Macros with another value: what objects hold, and what they do not."""

from case import BINFMT, BUILT, EVENTFD_COUNT, LOOP, Case, harmless, refused

EPOLL, PACKET = "fs/eventpoll.c", "net/packet/af_packet.c"


def _constant(name, edits, *says):
    return refused(name, edits, r"error\[sense\.constant-changed\]", *says)


CASES = [
    _constant("flag", ((BINFMT, "#define MISC_FMT_OPEN_BINARY (1UL << 30)", "#define MISC_FMT_OPEN_BINARY (1UL << 27)"),),
              r"fs/binfmt_misc\.c:\d+: MISC_FMT_OPEN_BINARY", r"it is \(1UL << 27\) now, was \(1UL << 30\)", "`flags`"),
    _constant("mark", ((EPOLL, "#define EP_UNACTIVE_PTR ((void *) -1L)", "#define EP_UNACTIVE_PTR ((void *) -2L)"),),
              "EP_UNACTIVE_PTR", "`ovflist`"),
    _constant("flags-swapped", ((BINFMT, "#define MISC_FMT_CREDENTIALS (1UL << 29)\n#define MISC_FMT_OPEN_FILE (1UL << 28)",
                                 "#define MISC_FMT_CREDENTIALS (1UL << 28)\n#define MISC_FMT_OPEN_FILE (1UL << 29)"),),
              "MISC_FMT_CREDENTIALS", "MISC_FMT_OPEN_FILE"),

    Case("warned-constant-of-encoding", (("net/ipv4/tcp_bbr.c", "#define BW_SCALE 24", "#define BW_SCALE 20"),), BUILT,
         (r"warning\[sense\.constant-changed\].*BW_SCALE: it is 20 now, was 24; \w+\(\) puts numbers together", "hint: ")),

    harmless("limit", (EPOLL, "#define EP_MAX_NESTS 4", "#define EP_MAX_NESTS 5")),
    harmless("time", (LOOP, "#define LOOP_IDLE_WORKER_TIMEOUT (60 * HZ)", "#define LOOP_IDLE_WORKER_TIMEOUT (30 * HZ)")),
    harmless("result", (PACKET, "#define ROOM_LOW\t0x1\n#define ROOM_NORMAL\t0x2", "#define ROOM_LOW\t0x2\n#define ROOM_NORMAL\t0x1")),
    harmless("spelling-of-constant", (BINFMT, "#define MISC_FMT_OPEN_BINARY (1UL << 30)",
                                      "#define MISC_FMT_OPEN_BINARY 0x40000000UL"), EVENTFD_COUNT),
    harmless("command-number", ("include/uapi/linux/loop.h", "#define LOOP_SET_CAPACITY\t0x4C07", "#define LOOP_SET_CAPACITY\t0x4C27")),
]
