#include "verify/verify.h"

#include "verify/groups.h"

#include <elf.h>

namespace klp::verify {

namespace {

// In the loader's order.
void check_form(const Subject& subject, Verdict& verdict) {
    check_file(subject, verdict);
    check_sections(subject, verdict);
    check_modinfo(subject, verdict);
    check_this_module(subject, verdict);
    check_symbols(subject, verdict);
    check_relocations(subject, verdict);
    check_livepatch_sections(subject, verdict);
    check_core_table(subject, verdict);
    check_special_tables(subject, verdict);
    check_btf(subject, verdict);
}

// What the patch's author writes for the livepatch core; most modules have none of it, and are not disassembled.
void check_authors_code(const Subject& subject, Verdict& verdict) {
    const bool has_shadows =
        imports(subject.module, "klp_shadow_alloc") || imports(subject.module, "klp_shadow_get_or_alloc");
    if (!has_shadows && subject.patch.callbacks.empty())
        return;
    const ModuleCode code(subject.module);
    check_callbacks(subject, code, verdict);
    check_shadow_variables(code, verdict);
}

} // namespace

std::vector<report::Finding> check(const elf::Object& module, const Options& options) {
    Verdict verdict(module.name());
    if (module.type() != ET_REL || !module.find_section(".modinfo") ||
        !module.find_section(".gnu.linkonce.this_module")) {
        verdict.add("form.not-a-module", "", "the file is not a kernel module");
        return verdict.take();
    }
    Subject subject(module);
    check_form(subject, verdict);
    if (options.kernel) {
        check_target(subject, *options.kernel, verdict);
        check_imports(subject, *options.kernel, verdict);
        check_match(subject, *options.kernel, verdict);
    }
    if (options.core && subject.runtime == elf::Runtime::core)
        check_core(subject, *options.core, options.kernel, verdict);
    check_sense(subject, verdict);
    check_authors_code(subject, verdict);
    if (options.kernel)
        check_prototypes(subject, *options.kernel, verdict);
    if (options.previous)
        check_succession(subject, *options.previous, verdict);
    return verdict.take();
}

} // namespace klp::verify
