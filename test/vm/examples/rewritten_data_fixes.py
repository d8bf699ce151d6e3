# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes that Linux made after 6.1 to data and to code that runs at boot, as klp-build --rewrite makes them live."""

import makers
from example import Build, Example

OPTIMIZE, HOSTNAMES = "/proc/sys/vm/hugetlb_optimize_vmemmap", "/proc/sys/fs/nfs/nsm_use_hostnames"


def _dobool(session):
    """The new function refuses the tables as they were: what it says shows that the tables are changed as well."""
    def writes(outcome):
        for path in (OPTIMIZE, HOSTNAMES):
            session.expect(f"echo 0 >{path} && cat {path} && echo 1 >{path} && cat {path}", r"\A0\n1$")
            session.expect(f"(echo 5000000000 >{path}) 2>&1 && echo written; true", outcome)

    for _ in range(2):
        writes(r"^written$")
        session.patch()
        writes(r"nvalid argument")
        session.disable()
        writes(r"^written$")
        session.unload()
    session.vm.run(f"echo 0 >{OPTIMIZE}")


def _quality(session):
    default = "/sys/module/rng_core/parameters/default_quality"
    for _ in range(2):
        session.expect(f"cat {default}", r"^0$")
        session.patch()
        session.expect(f"cat {default}", r"^1024$")
        session.disable()
        session.expect(f"cat {default}", r"^0$")
        session.unload()
    session.vm.run(f"echo 7 >{default}")
    session.patch()
    session.expect(f"cat {default}", r"^7$")
    session.unpatch()
    session.expect(f"cat {default}", r"^7$")


def _cmdline(session):
    size = "stat -c %s /proc/cmdline"
    length = session.expect("wc -c </proc/cmdline", r"^(\d+)$").group(1)
    for _ in range(2):
        session.expect(size, r"^0$")
        session.patch()
        session.expect(size, rf"^{length}$")
        session.disable()
        session.expect(size, r"^0$")
        session.unload()


def _resize(value):
    return f"""\textern int kern_path(const char *name, unsigned int flags, struct path *path);
\tstruct path path;

\tif (kern_path("/proc/cmdline", 0, &path))
\t\treturn;
\tPDE(d_inode(path.dentry))->size = {value};
\ti_size_write(d_inode(path.dentry), {value});
\tpath_put(&path);"""


def _fix(name, what, flow, maker=makers.from_rewritten, **more):
    return Example(f"rewrite-{name}", what, flow=flow, series=("6.1",),
                   builds=(Build(f"rewrite-{name}", (name,), maker=maker),), **more)


EXAMPLES = [
    _fix("dobool", "a function and the tables that it reads, one of them in a module", _dobool,
         setup="load lockd", modules=("lockd",)),
    _fix("quality", "a default", _quality),
    # What the author answers: the entry of /proc/cmdline is found by its path.
    _fix("cmdline", "a member of what an __init function has made", _cmdline,
         maker=makers.from_answered({"klp_proc_cmdline_init": _resize("strlen(saved_command_line) + 1"),
                                     "klp_fs_proc_cmdline_undo": _resize("0")})),
]
