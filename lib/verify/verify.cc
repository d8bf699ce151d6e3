#include "verify/verify.h"

#include "verify/groups.h"

#include <elf.h>

namespace klp::verify {

std::vector<report::Finding> check(const elf::Object& module, const Options& options) {
    Verdict verdict(module.name());
    if (module.type() != ET_REL || !module.find_section(".modinfo") ||
        !module.find_section(".gnu.linkonce.this_module")) {
        verdict.add("form.not-a-module", "", "the file is not a kernel module");
        return verdict.take();
    }
    Subject subject(module);
    check_form(subject, verdict);
    if (options.kernel)
        check_match(subject, *options.kernel, verdict);
    if (options.core && subject.runtime == elf::Runtime::core)
        check_core(subject, *options.core, options.kernel, verdict);
    check_sense(subject, verdict);
    if (options.kernel)
        check_prototypes(subject, *options.kernel, verdict);
    if (options.previous)
        check_succession(subject, *options.previous, verdict);
    return verdict.take();
}

} // namespace klp::verify
