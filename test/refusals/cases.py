# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of what is refused: the patch or the kernel, the exit status, what is said."""

import dataclasses
import gzip
import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Callable

import klp

PATCHES = pathlib.Path(__file__).resolve().parent / "patches"
REFUSED, NOTHING_CHANGED = 1, 3


@dataclasses.dataclass(frozen=True)
class Case:
    """
    name      of the case; without `kernel_options` also of its patch
    what      is refused, for people
    says      regular expressions that the output must match
    statuses  allowed exit statuses
    series    kernels to try it on
    kernel_options  function(series, folder) -> options that name the kernel; Debian's cloud kernel by default
    patch     function(series, folder) -> the patch; patches/SERIES/NAME.patch by default
    path      function(folder) -> the PATH to run with
    """

    name: str
    what: str
    says: tuple
    statuses: tuple = (REFUSED,)
    series: tuple = klp.SERIES
    kernel_options: Callable | None = None
    patch: Callable | None = None
    path: Callable | None = None

    def arguments(self, series, folder):
        kernel = (self.kernel_options(series, folder) if self.kernel_options
                  else ["--kernel", klp.cloud_kernel(series)])
        patch = self.patch(series, folder) if self.patch else PATCHES / series / f"{self.name}.patch"
        return [*kernel, patch]

    def run_options(self, folder):
        return {"env": dict(os.environ, PATH=self.path(folder))} if self.path else {}


def _meminfo(series, _):
    return klp.example(series, "01-meminfo")


def _gzipped(patch, folder):
    packed = folder / f"{patch.name}.gz"
    packed.write_bytes(gzip.compress(patch.read_bytes()))
    return packed


def _with_config(line, without=None):
    """A kernel whose configuration has one more line, and not those that match `without`."""
    def options(series, folder):
        text = pathlib.Path(klp.kernel(series).parts["config"]).read_text()
        if without:
            text = re.sub(rf"^.*{without}.*$", "", text, flags=re.MULTILINE)
        config = folder / "config"
        config.write_text(text + line + "\n")
        return klp.parts(series, config=config)
    return options


def _system_map(series, folder):
    table = folder / "System.map"
    table.write_text("ffffffff81000000 T _text\nffffffff81000000 T startup_64\n")
    return klp.parts(series, vmlinux=table)


def _stripped(series, folder):
    image = folder / "vmlinux"
    subprocess.run(["strip", "-s", "-o", image, klp.kernel(series).parts["vmlinux"]], check=True)
    return klp.parts(series, vmlinux=image)


def _other_release(series, _):
    other = next(one for one in klp.SERIES if one != series)
    return klp.parts(series, vmlinux=klp.kernel(other).parts["vmlinux"])


def _symvers(change):
    """A Module.symvers whose text is changed."""
    def options(series, folder):
        symvers = folder / "Module.symvers"
        symvers.write_text(change(pathlib.Path(klp.kernel(series).parts["symvers"]).read_text()))
        return klp.parts(series, symvers=symvers)
    return options


def _symvers_of_other_series(series, _):
    other = next(one for one in klp.SERIES if one != series)
    return klp.parts(series, symvers=klp.kernel(other).parts["symvers"])


def _image_of_other_machine(series, folder):
    """An ELF image with the right release in it, for arm64."""
    release = klp.kernel(series).parts["release"]
    source, image = folder / "banner.c", folder / "vmlinux"
    source.write_text(f'const char linux_banner[] = "Linux version {release} (someone) #1";\n')
    subprocess.run(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-Wl,-e,0", "-o", image, source], check=True)
    return klp.parts(series, vmlinux=image)


def _no_modules(series, folder):
    (folder / "modules/kernel").mkdir(parents=True)
    return klp.parts(series, modules=folder / "modules")


def _folder_as_patch(_, folder):
    patch = folder / "fixes"
    patch.mkdir()
    return patch


def _other_source(series, folder):
    """The source with one function changed, so that its unit is not what the image holds."""
    tree = folder / "source"
    shutil.copytree(klp.kernel(series).parts["source"], tree, symlinks=True, copy_function=os.link)
    path = tree / "fs/proc/meminfo.c"
    call = "\tsi_swapinfo(&i);\n"
    text = path.read_text().replace(call, call + call)
    path.unlink()
    path.write_text(text)
    return klp.parts(series, sourcedir=tree)


def _without(*missing):
    """A PATH that has everything but some tools (and what ends in their names, as a cross compiler does)."""
    def path(folder):
        tools = folder / "bin"
        tools.mkdir()
        for place in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
            for entry in os.scandir(place):
                if not entry.name.endswith(missing) and not (tools / entry.name).is_symlink():
                    (tools / entry.name).symlink_to(entry.path)
        return str(tools)
    return path


CASES = [
    Case("does-not-apply", "a patch that does not apply",
         (r"fs/proc/meminfo\.c", r"apply", r"hint:")),
    Case("fuzz", "a patch that applies with fuzz is built with a warning",
         (r"warning", r"fs/proc/meminfo\.c", r"fuzz"), statuses=(0,)),
    Case("nothing-built", "a patch to what this configuration does not build",
         (r"arch/arm64/kernel/process\.c", r"hint:"), statuses=(REFUSED, NOTHING_CHANGED)),
    Case("compressed-patch", "a patch file that is compressed", (r"source\.compressed-patch", r"by gzip", r"hint: .*gzip -dc"),
         patch=lambda series, folder: _gzipped(_meminfo(series, folder), folder)),
    Case("comment-only", "a patch that changes only comments and line numbers",
         (r"kernel/fork\.c", r"nothing|no change|unchanged"), statuses=(NOTHING_CHANGED,)),
    Case("init-code", "a change of __init code",
         (r"fs/proc/loadavg", r"proc_loadavg_init", r"__init|\.init\.text", r"hint:")),
    Case("notrace", "a change of a notrace function",
         (r"kernel/trace/trace_clock", r"trace_clock_local", r"ftrace|notrace", r"hint:")),
    Case("weak-overridden", "a change of a weak function in whose place the kernel has another unit's",
         (r"diff\.weak-overridden", r"kernel/panic\.c: nmi_panic_self_stop", r"weak", r"hint: change the function")),
    Case("inline-out-of-line", "a change of an inline function's copy out of line",
         (r"kernel/softirq", r"raise_softirq_irqoff", r"ftrace|notrace|inline", r"hint:")),
    Case("changed-data", "a changed initial value of an existing variable",
         (r"fs/pipe", r"pipe_max_size", r"data", r"hint:")),
    Case("boot-table", "a new entry of a table that is read at boot only",
         (r"drivers/pci/quirks\.c", r"\.pci_fixup_final", r"starts", r"hint:")),
    Case("does-not-compile", "a patch that does not compile: the compiler quotes the line at fault",
         (r"fs/proc/meminfo\.c:\d+", r"\| +si_swapinfo\(&i, no_such_thing\);", r"hint:")),
    Case("assembly", "a change of an assembly file",
         (r"arch/x86/entry/entry_64\.S", r"assembl", r"hint:")),
    Case("assembly-sees-header", "a header that assembly reads as well",
         (r"plan\.assembly-sees-header", r"run_flags\.h", r"vmenter\.S", r"hint:"), series=("6.12",)),
    Case("generated-input", "what a source is generated from",
         (r"plan\.generated-input", r"x509\.asn1", r"x509\.asn1\.o", r"hint:"), series=("6.12",)),
    Case("build-tool", "a program of the kernel's build, beside C code",
         (r"plan\.build-tool", r"tools/objtool/check\.c", r"hint:"), series=("6.12",)),
    Case("duplicate-name", "two new functions of one name in one object",
         (r"livepatch\.duplicate-name", r"klp_twice", r"fs/proc/loadavg\.c", r"fs/proc/uptime\.c", r"hint:"),
         series=("6.12",)),
    Case("moved-function", "a function that moves from one unit to another",
         (r"diff\.moved-function", r"name_to_int", r"fs/proc/util\.c", r"hint:"), series=("6.12",)),
    Case("static-of-module", "a static function of one module that code of another now calls",
         (r"diff\.unresolved", r"virtblk_getgeo", r"balloon_ack of virtio_balloon", r"hint:.*copy"), series=("6.12",)),
    Case("vdso", "a change of the vdso", (r"arch/x86/entry/vdso/vclock_gettime\.c", r"vdso", r"hint:")),
    Case("realmode", "a change of real-mode code",
         (r"arch/x86/realmode/rm/wakemain\.c", r"real.?mode", r"hint:")),

    Case("found-by-name", "a reference that only its name resolves, where proof is asked for",
         (r"origin\.reference-unproven", r"meminfo_proc_show", r"nr_threads", r"by its name alone", r"hint:"),
         kernel_options=lambda series, folder: ["--kernel", klp.cloud_kernel(series), "--require-proof"],
         patch=lambda series, folder: PATCHES / series / "found-by-name.patch"),

    Case("other-source", "a unit that is not in the image",
         (r"fs/proc/meminfo\.c", r"meminfo_proc_show", r"image", r"hint:"),
         kernel_options=_other_source, patch=_meminfo, series=("6.12",)),
    Case("latent-entropy", "a kernel with latent entropy",
         (r"LATENT_ENTROPY", r"hint:"), patch=_meminfo, series=("6.12",),
         kernel_options=_with_config("CONFIG_GCC_PLUGIN_LATENT_ENTROPY=y", "LATENT_ENTROPY")),
    Case("randstruct", "a kernel with randomised structures",
         (r"RANDSTRUCT", r"hint:"), patch=_meminfo, series=("6.12",),
         kernel_options=_with_config("CONFIG_RANDSTRUCT=y\nCONFIG_RANDSTRUCT_FULL=y", "RANDSTRUCT")),
    Case("no-livepatch", "a kernel without live patching",
         (r"CONFIG_LIVEPATCH", r"hint:"), patch=_meminfo, series=("6.12",),
         kernel_options=_with_config("# CONFIG_LIVEPATCH is not set", "CONFIG_LIVEPATCH")),
    Case("system-map", "a System.map in place of an image",
         (r"System\.map", r"vmlinux|image", r"hint:"), patch=_meminfo, kernel_options=_system_map,
         series=("6.12",)),
    Case("stripped-image", "an image without symbols",
         (r"vmlinux", r"strip|no symbol", r"hint:"), patch=_meminfo, kernel_options=_stripped,
         series=("6.12",)),
    Case("other-release", "an image of another release",
         (r"vmlinux", r"6\.1\.\d", r"6\.12\.\d", r"hint:"), patch=_meminfo, kernel_options=_other_release),
    Case("empty-symvers", "an empty Module.symvers",
         (r"target\.wrong-symvers", r"Module\.symvers: it is empty", r"hint:"), patch=_meminfo, series=("6.12",),
         kernel_options=_symvers(lambda text: "")),
    Case("foreign-symvers", "the Module.symvers of another kernel",
         (r"target\.wrong-symvers", r"of another kernel: \d+ symbols", r"hint:"), patch=_meminfo,
         kernel_options=_symvers_of_other_series),
    Case("other-build", "a Module.symvers of another build of the same sources",
         (r"target\.wrong-symvers", r"module_layout the version 0x", r"hint:"), patch=_meminfo, series=("6.12",),
         kernel_options=_symvers(lambda text: re.sub(r"^0x[0-9a-f]+(?=\tmodule_layout\t)", "0x12345678", text,
                                                     flags=re.MULTILINE))),
    Case("other-machine", "an image of another machine",
         (r"target\.wrong-machine", r"is for arm64", r"hint:"), patch=_meminfo, series=("6.12",),
         kernel_options=_image_of_other_machine),
    Case("no-modules", "a folder of modules with none in it",
         (r"target\.missing-part", r"no module \(\.ko\)", r"hint:"), patch=_meminfo, series=("6.12",),
         kernel_options=_no_modules),
    Case("folder-as-patch", "a folder in place of a patch",
         (r"file\.unreadable", r"fixes: .*[Ii]s a directory", r"hint:"), patch=_folder_as_patch, series=("6.12",)),
    Case("missing-make", "no make", (r"make", r"hint:"), patch=_meminfo, path=_without("make"),
         series=("6.12",)),
    Case("missing-compiler", "no gcc, and none to be made", (r"compiler\.missing", r"gcc-1\d", r"hint:"), patch=_meminfo,
         path=_without("gcc-12", "gcc-14", "gcc"), series=("6.12",),
         kernel_options=lambda series, folder: ["--kernel", klp.cloud_kernel(series), "--toolchain", "host"]),
    Case("unknown-release", "a release that the archive does not have",
         (r"6\.1\.0-1-cloud-amd64", r"6\.1\.0-\d\d+-cloud-amd64"), patch=_meminfo,
         kernel_options=lambda series, folder: ["--kernel", "debian:6.1.0-1-cloud-amd64"], series=("6.1",)),
]
