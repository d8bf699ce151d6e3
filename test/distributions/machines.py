# SPDX-License-Identifier: GPL-2.0-or-later
"""The roots: one that packages are built in, and fresh ones that they are installed in."""

import os
import shutil
import subprocess

import roots

USER = 1000  # who builds
PLACE = "/build"


class Machines:
    """Below `folder`, of a suite of Debian."""

    def __init__(self, folder, suite):
        self.suite = suite
        self.bare, self.builder, self.machine = (folder / f"{suite}-{name}" for name in ("bare", "builder", "machine"))
        self.place, self.ccache = folder / f"{suite}-build", folder / f"{suite}-ccache"

    def make_builder(self):
        """With what building any package takes and the compiler cache."""
        roots.make(self.bare, self.suite)
        for path in (self.place, self.ccache):
            path.mkdir(exist_ok=True)
            os.chown(path, USER, USER)
        if not (self.builder / "build").exists():
            shutil.rmtree(self.builder, ignore_errors=True)
            subprocess.run(["cp", "-a", self.bare, self.builder], check=True)
            roots.run(self.builder, "apt-get update -q && apt-get install -q -y --no-install-recommends build-essential ccache && "
                                    f"useradd -u {USER} -d /tmp builder")
            (self.builder / "build").mkdir()

    def sources(self, name):
        """The project in a new folder of the builder. Returns it."""
        folder = self.place / name
        shutil.rmtree(folder, ignore_errors=True)
        roots.copy_sources(folder)
        subprocess.run(["chown", "-R", f"{USER}:{USER}", folder], check=True)
        return folder

    def install(self, *packages, recommends=False):
        """Packages of the suite in the builder."""
        words = " ".join(packages)
        self.as_root(f"apt-get install -q -y {'' if recommends else '--no-install-recommends'} {words} && apt-get clean")

    def as_root(self, script, folder=PLACE):
        return roots.run(self.builder, script, folder=folder, binds={PLACE: self.place})

    def as_user(self, script, folder=PLACE):
        environment = {"CCACHE_DIR": "/ccache", "CCACHE_BASEDIR": PLACE, "CCACHE_NOHASHDIR": "1", "PATH": "/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp"}
        return roots.run(self.builder, f"exec setpriv --reuid {USER} --regid {USER} --clear-groups sh -ec '{script}'", folder=folder,
                         binds={PLACE: self.place, "/ccache": self.ccache}, environment=environment)

    def fresh(self):
        """A root that has nothing of ours. Returns it."""
        roots.make(self.bare, self.suite)
        shutil.rmtree(self.machine, ignore_errors=True)
        subprocess.run(["cp", "-a", self.bare, self.machine], check=True)
        return self.machine
