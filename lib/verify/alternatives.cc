// arch/x86/kernel/alternative.c, apply_alternatives(): entries with which the kernel stops itself (BUG_ON()) or writes
// beyond the instruction that it replaces.
#include "arch/field.h"
#include "verify/groups.h"

#include <fmt/format.h>

namespace klp::verify {

namespace {

void check(const Subject& subject, const arch::Alternative& entry, Verdict& verdict) {
    auto report = [&](const std::string& what) {
        verdict.add("form.alternative", ".altinstructions", fmt::format("the entry at {:#x} {}", entry.at, what));
    };
    auto is_within = [&](const arch::CodeRange& range) {
        const uint64_t size = subject.module.section(range.section).size;
        return range.offset <= size && range.size <= size - range.offset;
    };
    if (entry.original.size == 0 || entry.original.size > arch::longest_alternative)
        report(fmt::format("replaces {} bytes", entry.original.size));
    else if (!is_within(entry.original))
        report("replaces bytes beyond the end of the code");
    if (entry.replacement.size > entry.original.size)
        report(fmt::format("replaces {} bytes by {}", entry.original.size, entry.replacement.size));
    else if (entry.replacement.section != 0 && entry.replacement.size != 0 &&
             (!is_within(entry.replacement) || !subject.module.section(entry.replacement.section).is_code()))
        report("has a replacement that is not code");
    if (entry.feature >= arch::most_cpu_features)
        report(fmt::format("is for CPU feature {}", entry.feature));
}

} // namespace

void check_alternatives(const Subject& subject, Verdict& verdict) {
    for (const arch::Alternative& entry : arch::alternatives(subject.module))
        check(subject, entry, verdict);
}

} // namespace klp::verify
