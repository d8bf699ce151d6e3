# SPDX-License-Identifier: GPL-2.0-or-later
"""One case: what is edited, how klp-build ends, what it says of types and interfaces."""

import dataclasses

BUILT, REFUSED, NOTHING_CHANGED = 0, 1, 3


@dataclasses.dataclass(frozen=True)
class Case:
    """
    name    of the case
    edits   (file, old text, new text): each replaces the first such place
    status  klp-build's
    says    regular expressions that the output must match; without any it must not speak of types or interfaces
    alone   its edits are no part of a patch with those of other cases
    """

    name: str
    edits: tuple
    status: int = BUILT
    says: tuple = ()
    alone: bool = False

    @property
    def is_harmless(self):
        """Built, and nothing to say, also together with others."""
        return self.status == BUILT and not self.says and not self.alone


def refused(name, edits, *says):
    return Case(f"unsafe-{name}", edits, REFUSED, (*says, "hint: "))


def layout(name, edits, *says):
    return refused(name, edits, r"error\[sense\.layout-changed\]", *says)


def harmless(name, *edits):
    return Case(f"harmless-{name}", edits)


# Places that several cases edit.
EVENTFD, TIMERFD = "fs/eventfd.c", "fs/timerfd.c"
LOOP, BINFMT = "drivers/block/loop.c", "fs/binfmt_misc.c"

# Changes of code that go with a change of data: what else the patch does.
EVENTFD_COUNT = (EVENTFD, '"eventfd-count: %16llx\\n', '"eventfd-sum: %16llx\\n')
TIMERFD_CODE = (TIMERFD, "spin_unlock_irq(&ctx->wqh.lock);\n\n\tseq_printf(m,",
                "spin_unlock_irq(&ctx->wqh.lock);\n\n\tbarrier();\n\tseq_puts(m, \"timer\\n\");\n\tseq_printf(m,")
TIMERFD_END = "\tspinlock_t cancel_lock;\n\tbool might_cancel;\n"
