// Is the module one for this kernel at all? kernel/module/main.c, check_modinfo(), elf_validity_cache_index_mod() and
// module_patient_check_exists().
#include "arch/special_sections.h"
#include "elf/build_id.h"
#include "elf/livepatch_abi.h"
#include "symbols/btf.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::verify {

namespace {

// include/linux/vermagic.h: the release comes first. With MODVERSIONS the kernel passes over it, but a live patch for
// one build of a kernel is none for another.
void check_vermagic(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    std::string_view wanted = kernel.vermagic();
    std::string_view given = subject.modinfo.value("vermagic");
    if (!wanted.empty() && !given.empty() && wanted != given)
        verdict.add("match.vermagic", "", fmt::format("the module says \"{}\", the kernel \"{}\"", given, wanted));
}

void check_build_ids(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    for (std::string_view text : subject.modinfo.values(elf::build_id_tag)) {
        const size_t colon = text.find(':');
        const bool is_module = colon != std::string_view::npos;
        std::string_view object = is_module ? text.substr(0, colon) : std::string_view("vmlinux");
        std::string_view wanted = is_module ? text.substr(colon + 1) : text;
        const elf::Object* image = kernel.image(object);
        const std::string given = image ? elf::build_id(*image) : std::string();
        if (!given.empty() && given != wanted)
            verdict.add("match.build-id", object,
                        fmt::format("the module was made for build {} of it, this is {}", wanted, given));
    }
}

// A kernel without a livepatch core refuses the modules that are for one, and ours does not run beside it.
void check_runtime(const Subject& subject, const symbols::SymbolTable& vmlinux, Verdict& verdict) {
    if (!subject.runtime)
        return;
    const bool has_core = !vmlinux.find("klp_enable_patch").empty();
    if (has_core && subject.runtime == elf::Runtime::core)
        verdict.add("match.runtime", "", "the module is for klp-build's own core, the kernel has CONFIG_LIVEPATCH");
    if (!has_core && subject.runtime == elf::Runtime::kernel && imports(subject.module, "klp_enable_patch"))
        verdict.add("match.runtime", "", "the module is for the kernel's core, the kernel has none");
}

// check_modinfo_retpoline(): such a kernel says "Vulnerable" from then on.
void check_retpoline(const Subject& subject, const symbols::SymbolTable& vmlinux, Verdict& verdict) {
    if (!vmlinux.find("retpoline_module_ok").empty() && subject.modinfo.value("retpoline") != "Y")
        verdict.add("match.retpoline", "",
                    fmt::format("retpoline= of .modinfo is \"{}\"", subject.modinfo.value("retpoline")));
}

void check_name(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    std::string_view name = subject.modinfo.value("name");
    if (!name.empty() && (name == "vmlinux" || (kernel.knows_modules() && kernel.table(name))))
        verdict.add("match.name-taken", name, "the kernel has a module of that name");
}

using Structures = std::unordered_map<std::string_view, symbols::Structure>;

void check_struct_module(const Subject& subject, const Structures& structures, Verdict& verdict) {
    const elf::Section* section = subject.module.find_section(".gnu.linkonce.this_module");
    auto found = structures.find("module");
    if (!section || found == structures.end())
        return;
    const symbols::Structure& wanted = found->second;
    if (section->size != wanted.size)
        verdict.add("match.struct-module", "",
                    fmt::format("it has {} bytes, the kernel's {}", section->size, wanted.size));
    for (const elf::Relocation& relocation : subject.module.relocations(section->index)) {
        std::string_view name = subject.module.symbol(relocation.symbol).name;
        auto member = wanted.members.find(name == "init_module" ? "init" : "exit");
        if (member != wanted.members.end() && member->second != relocation.offset)
            verdict.add("match.struct-module", name,
                        fmt::format("the pointer to it is at {}, the kernel's {} at {}", relocation.offset,
                                    member->first, member->second));
    }
}

void check_table_size(const Subject& subject, std::string_view name, std::string_view structure,
                      const Structures& structures, Verdict& verdict) {
    const elf::Section* section = name.empty() ? nullptr : subject.module.find_section(name);
    auto wanted = structures.find(structure);
    if (section && wanted != structures.end() && wanted->second.size != 0 && section->size % wanted->second.size != 0)
        verdict.add("match.table-size", name,
                    fmt::format("its size {} is no multiple of {}, the kernel's struct {}", section->size,
                                wanted->second.size, structure));
}

// What the kernel's own type data says of the structures that a module holds.
void check_structures(const Subject& subject, const elf::Object& image, Verdict& verdict) {
    std::vector<std::string_view> names = {"module"};
    for (const arch::SpecialSection& row : arch::special_sections()) {
        names.push_back(row.structure);
        names.push_back(row.parallel_structure);
    }
    const Structures structures = symbols::read_structures(image, names);
    check_struct_module(subject, structures, verdict);
    for (const arch::SpecialSection& row : arch::special_sections()) {
        check_table_size(subject, row.name, row.structure, structures, verdict);
        check_table_size(subject, row.parallel, row.parallel_structure, structures, verdict);
    }
}

// arch/x86/include/asm/orc_header.h: what objtool and the kernel agree upon; the kernel's own image has it too.
void check_orc_format(const Subject& subject, const elf::Object& image, Verdict& verdict) {
    const elf::Section* wanted = image.find_section(".orc_header");
    const elf::Section* given = subject.module.find_section(".orc_header");
    if (!wanted || wanted->data.empty() || !subject.module.find_section(".orc_unwind"))
        return;
    if (!given || !std::ranges::equal(given->data, wanted->data))
        verdict.add("match.orc-format", ".orc_header",
                    given ? "it is not that of the kernel" : "the kernel has one, the module has not");
}

} // namespace

void check_target(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    check_vermagic(subject, kernel, verdict);
    check_build_ids(subject, kernel, verdict);
    check_name(subject, kernel, verdict);
    if (const symbols::SymbolTable* vmlinux = kernel.table("vmlinux")) {
        check_runtime(subject, *vmlinux, verdict);
        check_retpoline(subject, *vmlinux, verdict);
    }
    if (const elf::Object* image = kernel.image("vmlinux")) {
        if (image->machine() != subject.module.machine())
            verdict.add("match.machine", "",
                        fmt::format("the module is for machine {}, the kernel for {}", subject.module.machine(),
                                    image->machine()));
        check_structures(subject, *image, verdict);
        check_orc_format(subject, *image, verdict);
    }
}

} // namespace klp::verify
