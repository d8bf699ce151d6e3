# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel's packages in a folder: Debian's, and such of rpm as other distributions lay them out."""

import pathlib
import shutil
import subprocess

import klp
from klp import must_be
from results import Failed, Skipped

SERIES = "6.12"
PATCH = klp.example(SERIES, "01-meminfo")

SPEC = """\
Name: kernel
Version: 1
Release: 1
Summary: A kernel of the tests
License: GPL-2.0-only
%global debug_package %{{nil}}
%global __os_install_post %{{nil}}
%description
%package core
Summary: image and modules
%description core
%package debuginfo
Summary: vmlinux
%description debuginfo
%package devel
Summary: Module.symvers
%description devel
%install
cp -a {files}/. %{{buildroot}}
%files core
/lib
%files debuginfo
/usr/lib/debug
%files devel
/usr/src
"""


def debian_packages(folder):
    """The packages of the kernel that the tests have, made again of what was unpacked: any tool may have made them."""
    have = klp.kernel(SERIES).parts
    release = have["release"]
    entry = pathlib.Path(have["symvers"]).parents[4]
    for part in ("image", "debug", "headers"):
        content = folder / "build" / part
        content.mkdir(parents=True)
        subprocess.run(["cp", "-al", *(entry / part).iterdir(), content], check=True)
        (content / "DEBIAN").mkdir()
        (content / "DEBIAN/control").write_text(
            f"Package: some-{part}\nVersion: 1\nArchitecture: amd64\nMaintainer: T <t@example.org>\nDescription: of {release}\n")
        subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", content, folder / f"{part}-of-it.deb"], check=True,
                       stdout=subprocess.DEVNULL)
    shutil.rmtree(folder / "build")
    return have


def rpm_packages(folder):
    """As Fedora lays a kernel out: modules and configuration below /lib/modules, symvers compressed, vmlinux with the debug data."""
    if not shutil.which("rpmbuild"):
        raise Skipped("rpmbuild is not installed (Debian: rpm)")
    have = klp.kernel(SERIES).parts
    release = have["release"]
    files = folder / "files"
    modules = files / "lib/modules" / release
    modules.mkdir(parents=True)
    shutil.copy(have["vmlinuz"], modules / "vmlinuz")
    shutil.copy(have["config"], modules / "config")
    with open(modules / "symvers.xz", "wb") as output:
        subprocess.run(["xz", "-0", "-c", have["symvers"]], check=True, stdout=output)
    module = next(pathlib.Path(have["modules_dir"]).rglob("zram.ko*"))
    (modules / "kernel").mkdir()
    shutil.copy(module, modules / "kernel" / module.name)
    debug = files / "usr/lib/debug/lib/modules" / release
    debug.mkdir(parents=True)
    shutil.copy(have["vmlinux"], debug / "vmlinux")
    (debug / "zram.ko.debug").write_text("debug data only\n")
    (files / "usr/src/kernels" / release).mkdir(parents=True)
    (files / "usr/src/kernels" / release / "Makefile").write_text("# of external modules\n")
    spec = folder / "kernel.spec"
    spec.write_text(SPEC.format(files=files))
    made = subprocess.run(["rpmbuild", "-bb", "--define", f"_topdir {folder}/top", "--define", "_binary_payload w3.zstdio",
                           "--define", "_build_id_links none", spec], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if made.returncode != 0:
        raise Failed(made.stdout[-2000:])
    for package in (folder / "top/RPMS").rglob("*.rpm"):
        shutil.move(package, folder)
    for path in (files, folder / "top"):
        shutil.rmtree(path)
    return have


def build(folder, packages, *words):
    return klp.command("klp-build", "--kernel", f"packages:{packages}", "-n", "livepatch-x", "-o", folder, *words, PATCH)


def by_packages(make):
    """The module is that of the kernel by its name; nothing but the files was needed, and what they lack is said."""
    with klp.output_folder() as folder:
        packages = folder / "packages"
        packages.mkdir()
        have = make(packages)
        klp.must_say(build(folder, packages), r"error\[target\.no-source\]", r"--sourcedir DIR")
        klp.must_end(build(folder, packages, "--sourcedir", have["source"]), 0)
        made = (folder / "livepatch-x.ko").read_bytes()
        klp.must_end(klp.command("klp-build", "--kernel", klp.cloud_kernel(SERIES), "-n", "livepatch-x", "-o", folder, PATCH), 0)
        must_be("the same module", made == (folder / "livepatch-x.ko").read_bytes(), True)
        klp.must_end(klp.command("klp-verify", "--kernel", f"packages:{packages}", folder / "livepatch-x.ko"), 0)


def incomplete():
    """Each way in which a folder is none of a kernel's packages."""
    with klp.output_folder() as folder:
        empty = folder / "empty"
        empty.mkdir()
        (empty / "README").write_text("no package\n")
        klp.must_say(build(folder, empty), r"error\[target\.packages\]: .*: there are no packages")
        klp.must_say(build(folder, folder / "absent"), r"error\[file\.unreadable\]")
        lacking = folder / "lacking"
        lacking.mkdir()
        debian_packages(lacking)
        (lacking / "headers-of-it.deb").unlink()
        klp.must_say(build(folder, lacking), r"error\[target\.packages\]: .* lack .*Module\.symvers")
        damaged = folder / "damaged"
        damaged.mkdir()
        content = (lacking / "image-of-it.deb").read_bytes()
        (damaged / "image.deb").write_bytes(content[:len(content) // 2])
        klp.must_say(build(folder, damaged), r"error\[target\.unpack\]: .*image\.deb")
