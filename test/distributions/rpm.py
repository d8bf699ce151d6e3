# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages that rpm/klp-build.spec makes. Debian's rpmbuild makes them, from Debian's libraries: what they are built from and
what they require by its name elsewhere is not looked at."""

import json
import re

import contents
import roots
from machines import PLACE
from results import Failed

SPEC = roots.ROOT / "rpm" / "klp-build.spec"
# What other rpmbuilds do and Debian's does not: it strips nothing and compresses no manual page, which then is not found.
OF_DEBIAN = ["unstripped-binary-or-object", "manpage-not-compressed", "no-manual-page-for-binary"]
# What the packages' Requires are in Debian.
RUNTIME = ("gcc libc6-dev bubblewrap binutils make bc flex bison dwarves libelf-dev libssl-dev kmod cpio rsync patch perl python3 xz-utils "
           "zstd tar debian-archive-keyring ca-certificates")


class Rpm:
    def __init__(self, machines, options):
        self.machines, self.cache, self.fast = machines, options.cache, options.nocheck
        self.folder = machines.place / "rpmbuild"

    def tests(self):
        return self.built, self.rpmlint, self.contents, self.installed

    def rpms(self):
        found = sorted(self.folder.glob("RPMS/*/*.rpm"))
        if not found:
            raise Failed("there are no packages: run rpm.built")
        return found

    def query(self, *words):
        """What rpm says of a package file."""
        return roots.checked(["rpm", "--query", *words])

    def built(self):
        """By a user, in the root that has what debian/control names."""
        self.machines.make_builder()
        self.machines.sources("klp-build-rpm")
        self.machines.as_root("apt-get build-dep -q -y --no-install-recommends ./ && apt-get clean", folder=f"{PLACE}/klp-build-rpm")
        self.machines.install("rpm")
        version = re.search(r"^Version: +(\S+)$", SPEC.read_text(), flags=re.MULTILINE).group(1)
        self.machines.as_user(
            f"rm -rf rpmbuild && mkdir -p rpmbuild/SOURCES && tar -C klp-build-rpm --transform=s,^\\.,klp-build-{version}, "
            f"-czf rpmbuild/SOURCES/klp-build-{version}.tar.gz . && CC=gcc CXX=g++ rpmbuild -bb --nodeps {'--without check' if self.fast else ''} "
            f"--define=\"_topdir {PLACE}/rpmbuild\" klp-build-rpm/rpm/klp-build.spec && rm -rf rpmbuild/BUILD")
        print("      ", ", ".join(f"{path.name} {path.stat().st_size // 1024} KB" for path in self.rpms()))

    def rpmlint(self):
        """No error and no warning."""
        self.machines.install("rpmlint")
        (self.machines.place / "rpmlint.toml").write_text(f"Filters = {json.dumps(OF_DEBIAN)}\n")
        said = self.machines.as_user("rpmlint --config rpmlint.toml --rpmlintrc klp-build-rpm/rpm/klp-build.rpmlintrc "
                                     "klp-build-rpm/rpm/klp-build.spec rpmbuild/RPMS/*/*.rpm || true")
        if not re.search(r"\b0 errors, 0 warnings\b", said):
            raise Failed(said)

    def contents(self):
        """What users look for is where they look."""
        for path in self.rpms():
            name = self.query("--queryformat", "%{NAME}", "--package", path)
            if name in contents.WANTED:
                files = {line.removeprefix("/") for line in self.query("--list", "--package", path).splitlines()}
                contents.look_at(name, files, self.query("--requires", "--package", path))

    def installed(self):
        """By rpm, in a root that has what they require: a patch is built, and nothing is left after they are erased."""
        root = self.machines.fresh()
        libraries = "$(ldd /usr/bin/klp-build /usr/bin/klpctl)"
        roots.run(root, f"apt-get update -q && apt-get install -q -y --no-install-recommends rpm {RUNTIME} libllvm19 libclang-cpp19 "
                        "libfmt9 libarchive13 && mkdir /rpms && apt-get clean")
        binds = {"/rpms": self.folder / "RPMS", **({"/cache": self.cache} if self.cache else {})}
        environment = {"AUTOPKGTEST_TMP": "/tmp", **({"KLP_CACHE": "/cache"} if self.cache else {})}
        roots.run(root, f"rpm --install --nodeps /rpms/*/*.rpm && rpm --verify --nodeps klp-build klpctl && "
                        f"! echo {libraries} | grep \"not found\"", binds=binds)
        test = (roots.ROOT / "debian/tests/build-a-patch").read_text()
        (root / "build-a-patch").write_text(test)
        roots.run(root, "sh /build-a-patch", binds=binds, environment=environment)
        roots.run(root, "rpm --erase --nodeps $(rpm --query --all klp\\*)")
        left = [str(path) for path in (root / "usr").rglob("*klp*")]
        if left:
            raise Failed("\n".join(left))
