// Loader steps elf_validity_cache_index_mod() and do_init_module(): struct module as the file holds it, which becomes
// the kernel's as it is.
#include "arch/machine.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::verify {

namespace {

// include/linux/module.h: int state, struct list_head list, char name[MODULE_NAME_LEN]. All else is zero but for the
// two pointers that modpost has set.
constexpr uint64_t name_at = 24;
constexpr uint64_t name_size = 56;
constexpr std::string_view init_function = "init_module";
constexpr std::string_view exit_function = "cleanup_module";

void check_header(const Subject& subject, const elf::Section& section, Verdict& verdict) {
    const auto sections = std::ranges::count(subject.module.sections(), section.name, &elf::Section::name);
    if (sections != 1)
        verdict.add("form.this-module", "", fmt::format("there are {} sections of its name", sections));
    if (section.type != SHT_PROGBITS || !section.is_allocated() || !section.is_writable() || section.is_code())
        verdict.add("form.this-module", "", fmt::format("sh_type is {}, sh_flags {:#x}", section.type, section.flags));
    if (section.alignment < alignof(uint64_t))
        verdict.add("form.this-module", "", fmt::format("its alignment is {}", section.alignment));
    if (section.size < name_at + name_size || section.size % alignof(uint64_t) != 0)
        verdict.add("form.this-module", "", fmt::format("its size is {}", section.size));
}

void check_content(const Subject& subject, const elf::Section& section, Verdict& verdict) {
    if (section.data.size() < name_at + name_size)
        return;
    std::string_view field(reinterpret_cast<const char*>(section.data.data()) + name_at, name_size);
    std::string_view name = field.substr(0, field.find('\0'));
    if (name != subject.modinfo.value("name"))
        verdict.add("form.this-module-name", "",
                    fmt::format("the name in it is \"{}\", in .modinfo \"{}\"", name, subject.modinfo.value("name")));
    for (uint64_t at = 0; at < section.data.size(); ++at)
        if (section.data[at] != std::byte{0} && (at < name_at || at >= name_at + name.size())) {
            verdict.add("form.this-module", "", fmt::format("the byte at {:#x} is not zero", at));
            return;
        }
}

// The functions in it, each pointed to once.
void check_pointers(const Subject& subject, const elf::Section& section, Verdict& verdict) {
    bool has_init = false, has_exit = false;
    for (const elf::Relocation& relocation : subject.module.relocations(section.index)) {
        const elf::Symbol& symbol = subject.module.symbol(relocation.symbol);
        const elf::Section* target = subject.module.section_of(symbol);
        bool& seen = symbol.name == exit_function ? has_exit : has_init;
        const bool is_function = symbol.name == init_function || symbol.name == exit_function;
        const bool is_pointer = relocation.type == arch::Machine::of(subject.module).absolute64();
        if (!is_function || !is_pointer || !target || !target->is_code() || relocation.addend != 0 || seen)
            verdict.add("form.this-module", symbol.name,
                        fmt::format("the pointer at {:#x} leads to {}+{:#x}", relocation.offset, symbol.name,
                                    static_cast<uint64_t>(relocation.addend)));
        else
            seen = true;
    }
    if (!has_init && subject.runtime) // an ordinary module may do without
        verdict.add("form.init", "", fmt::format("no pointer in it leads to {}()", init_function));
    auto is_exit = [](const elf::Symbol& symbol) {
        return symbol.name == exit_function && symbol.place == elf::Place::section;
    };
    if (!has_exit && std::ranges::any_of(subject.module.symbols(), is_exit))
        verdict.add("form.init", exit_function, "no pointer in it leads there");
}

} // namespace

void check_this_module(const Subject& subject, Verdict& verdict) {
    const elf::Section* section = subject.module.find_section(".gnu.linkonce.this_module");
    if (!section)
        return;
    check_header(subject, *section, verdict);
    check_content(subject, *section, verdict);
    check_pointers(subject, *section, verdict);
}

} // namespace klp::verify
