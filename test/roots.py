# SPDX-License-Identifier: GPL-2.0-or-later
"""Systems of Debian in folders, and commands that run in them (debootstrap and bwrap, as root)."""

import os
import pathlib
import subprocess

from results import Failed

MIRROR = "http://deb.debian.org/debian"
ROOT = pathlib.Path(__file__).resolve().parents[1]
END_OF_OUTPUT = 4000  # characters that say why something failed


def make(root, suite):
    """The smallest system of a suite, if it is not there."""
    if not (root / "etc/os-release").exists():
        subprocess.run(["debootstrap", "--variant=minbase", suite, root, MIRROR], check=True, stdout=subprocess.DEVNULL)
        # The mirror may be one that stands still. What it has is signed nevertheless.
        (root / "etc/apt/apt.conf.d/valid-until").write_text('Acquire::Check-Valid-Until "false";\n')


def copy_sources(folder):
    """The files that git knows: what lies about is not what anybody gets. A file that is the same there keeps its time, and
    one that is not gets that of now, so that a build in the folder is done again as far as need be."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["rsync", "--checksum", "--links", "--perms", "--from0", "--files-from=-", ".", folder], cwd=ROOT, input=names,
                   check=True)


def run(root, script, *, folder="/", binds=None, environment=None):
    """Run a script of sh as the system's root. Returns what it said; raises Failed unless it ends with 0."""
    words = ["bwrap", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--cap-add", "ALL", "--clearenv"]
    for inside, outside in (binds or {}).items():
        words += ["--bind", outside, inside]
    words += ["--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf"]
    for name, value in {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                        "DEBIAN_FRONTEND": "noninteractive", **(environment or {})}.items():
        words += ["--setenv", name, value]
    words += ["--chdir", folder, "--", "sh", "-ec", script]
    return checked(words)


def checked(words):
    """Run a command of this system. Returns what it said; raises Failed unless it ends with 0."""
    done = subprocess.run(words, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace", check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(os.fspath, words))}: status {done.returncode}\n{done.stdout[-END_OF_OUTPUT:]}")
    return done.stdout
