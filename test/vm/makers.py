# SPDX-License-Identifier: GPL-2.0-or-later
"""How the modules of the examples are made: each maker is function(kernel, build, folder).

A maker writes `folder`/MODULE.ko for build.module(), or raises Failed.
"""

import re
import subprocess

import external
import target
from failed import Failed

PATCHES = target.ROOT / "patches"


def _run(command, log, status=0):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log.write_text(result.stdout)
    if result.returncode != status:
        words = " ".join(str(word) for word in command)
        raise Failed(f"{words}\nended with status {result.returncode}:\n{result.stdout}")


def from_patches(kernel, build, folder):
    """klp-build on patches of the kernel's series."""
    _klp_build(kernel, build, folder, [PATCHES / kernel.examples / f"{name}.patch" for name in build.patch_names()])


def from_rewritten(kernel, build, folder):
    """klp-build on what its --rewrite makes of patches that cannot be live."""
    _klp_build(kernel, build, folder, [_rewrite(kernel, build, folder) / "fix.patch"])


def from_rewritten_for(*callers):
    """The same, where the new code is for these callers."""
    def make(kernel, build, folder):
        made = _rewrite(kernel, build, folder, "--rewrite-callers", ",".join(callers))
        _klp_build(kernel, build, folder, [made / "fix.patch"])
    return make


def from_answered(answers):
    """
    The same, where --rewrite has questions that its author answers: `answers` has for each empty function of the
    rewritten patch the lines to put into it.
    """
    def make(kernel, build, folder):
        made = _rewrite(kernel, build, folder, status=1)
        _klp_build(kernel, build, folder, [_answered(made / "fix.patch", answers)])
    return make


def _answered(patch, answers):
    """The patch without its questions; a hunk's header says how many lines the hunk then has."""
    lines, header = [], 0
    for line in patch.read_text().splitlines():
        if line.startswith("@@"):
            header = len(lines)
        name = line[1:].split("(")[0].split(" ")[-1]
        lines.append("+" if line.startswith("+#error") else line)
        if name in answers and line == f"+static void {name}(void)":
            new = answers[name].splitlines()
            old_place, start, count = re.match(r"(@@ -\S+ )\+(\d+),(\d+) @@", lines[header]).groups()
            lines[header] = f"{old_place}+{start},{int(count) + len(new)} @@"
            lines.append(None)
            lines += [f"+{text}" for text in new]
    while None in lines:  # the brace comes before what was put in
        at = lines.index(None)
        brace = lines.index("+{", at)
        del lines[brace]
        lines[at] = "+{"
    answered = patch.with_name("answered.patch")
    answered.write_text("\n".join(lines) + "\n")
    return answered


def _rewrite(kernel, build, folder, *options, status=0):
    patches = [PATCHES / "rewrite" / kernel.examples / f"{name}.patch" for name in build.patch_names()]
    made = folder / f"{build.module()}.rewritten"
    _run([target.tools_dir() / "klp-build", *kernel.options, *options, "--rewrite", made, *patches],
         made.with_suffix(".log"), status)
    return made


def from_authoring_patches(kernel, build, folder):
    """klp-build on the examples of docs/authoring.md, which fit the kernels of every series."""
    _klp_build(kernel, build, folder, [PATCHES / "authoring" / f"{name}.patch" for name in build.patch_names()])


def from_rewritten_module(source, name):
    """The same for patches of an out-of-tree module, built first from test/vm/SOURCE."""
    def make(kernel, build, folder):
        ko = external.build(kernel, source, folder, name)
        made = folder / f"{build.module()}.rewritten"
        of_module = ["--oot-module", ko, "--oot-module-src", ko.parent]
        patches = [PATCHES / "rewrite" / "oot" / f"{patch}.patch" for patch in build.patch_names()]
        _run([target.tools_dir() / "klp-build", *kernel.options, *of_module, "--rewrite", made, *patches],
             made.with_suffix(".log"))
        _klp_build(kernel, build, folder, [made / "fix.patch"], *of_module)
    return make


def from_module_patches(source, name):
    """klp-build on patches of an out-of-tree module, built first from test/vm/SOURCE."""
    def make(kernel, build, folder):
        ko = external.build(kernel, source, folder, name)
        _klp_build(kernel, build, folder, [PATCHES / "oot" / f"{patch}.patch" for patch in build.patch_names()],
                   "--oot-module", ko, "--oot-module-src", ko.parent)
    return make


def from_source(source, name):
    """A livepatch written by hand in test/vm/SOURCE, finished by klp-convert."""
    def make(kernel, build, folder):
        linked = external.build(kernel, source, folder, name, "KBUILD_MODPOST_WARN=1", *_core_variables(kernel))
        ko = folder / f"{build.module()}.ko"
        _run([target.tools_dir() / "klp-convert", "--vmlinux", kernel.parts["vmlinux"],
              "--modules", kernel.parts["modules_dir"], "--symvers", kernel.parts["symvers"], linked, ko],
             ko.with_suffix(".log"))
    return make


def _core_variables(kernel):
    """make's variables for a live patch of a kernel that has no core of its own."""
    if not kernel.needs_core():
        return []
    core = kernel.parts["core"]
    return [f"KLP_CORE_INCLUDE={core['include']}", f"KBUILD_EXTRA_SYMBOLS={core['symvers']}"]


def _klp_build(kernel, build, folder, patches, *options):
    ko = folder / f"{build.module()}.ko"
    _run([target.tools_dir() / "klp-build", *kernel.options, "-o", ko,
          "--report", ko.with_suffix(".json"), *build.options, *options, *patches], ko.with_suffix(".log"))
