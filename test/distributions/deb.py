# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages that debian/ makes."""

import re
import shutil

import contents
import roots
from machines import PLACE
from results import Failed

NAME = "klp-build"


class Debian:
    def __init__(self, machines, options):
        self.machines, self.cache, self.fast = machines, options.cache, options.nocheck
        self.source = machines.place / NAME

    def tests(self):
        return self.built, self.lintian, self.contents, self.autopkgtest, self.removed

    def debs(self):
        found = sorted(self.machines.place.glob("klp*.deb"))
        if not found:
            raise Failed("there are no packages: run deb.built")
        return found

    def built(self):
        """By a user, in a root that has what Build-Depends names."""
        self.machines.make_builder()
        for path in self.machines.place.glob("klp*_*"):
            path.unlink()
        self.machines.sources(NAME)
        self.machines.as_root("apt-get build-dep -q -y --no-install-recommends ./ && apt-get clean", folder=f"{PLACE}/{NAME}")
        self.machines.as_user(f"DEB_BUILD_OPTIONS={'nocheck' if self.fast else ''} dpkg-buildpackage -b -uc -us",
                              folder=f"{PLACE}/{NAME}")
        self.machines.sources(NAME)  # autopkgtest copies all that is there
        print("      ", ", ".join(f"{path.name} {path.stat().st_size // 1024} KB" for path in self.debs()))

    def lintian(self):
        """Not a word, of the least either."""
        self.machines.install("lintian")
        said = self.machines.as_user("lintian --fail-on none --display-info --pedantic *.changes")
        if said.strip():
            raise Failed(said)

    def contents(self):
        """What users look for is where they look."""
        for path in self.debs():
            if "-dbgsym_" in path.name:
                continue
            listed = roots.checked(["dpkg-deb", "--contents", path]).splitlines()
            files = {line.split()[5].removeprefix("./").removesuffix("/") for line in listed}
            contents.look_at(path.name.partition("_")[0], files, roots.checked(["dpkg-deb", "--field", path, "Depends"]))

    def autopkgtest(self):
        """In a root that has nothing else, by Debian's own program."""
        root = self.machines.fresh()
        mounts = [f"mount --bind {root} {root}", *(f"mount --rbind /{name} {root}/{name}" for name in ("proc", "sys", "dev"))]
        options = []
        if self.cache:
            (root / "cache").mkdir()
            mounts.append(f"mount --bind {self.cache} {root}/cache")
            options.append("--env=KLP_CACHE=/cache")
        words = ["autopkgtest", "--no-built-binaries", *options, f"{self.source}/", *self.debs(), "--", "chroot", root]
        said = roots.checked(["unshare", "--mount", "sh", "-ec", " && ".join(mounts) + ' && exec "$@"', "sh", *words])
        if not re.search(r"@ summary\nbuild-a-patch +PASS$", said, flags=re.MULTILINE):
            raise Failed(said)

    def removed(self):
        """The unit is switched on with klpctl; after a purge nothing is left."""
        root = self.machines.fresh()
        (root / "debs").mkdir()
        for path in self.debs():
            shutil.copy(path, root / "debs")
        roots.run(root, "apt-get update -q && apt-get install -q -y --no-install-recommends /debs/klp*.deb && rm -r /debs")
        link = root / "etc/systemd/system/sysinit.target.wants/klp.service"
        if not link.is_symlink():
            raise Failed("klp.service is not enabled")
        roots.run(root, "klp-build --version && klpctl --version && dpkg --purge klp-build klpctl klp-build-dbgsym klpctl-dbgsym")
        left = [str(path) for name in ("usr", "etc", "lib", "var/lib") for path in (root / name).rglob("*klp*")]
        if left:
            raise Failed("\n".join(left))
