// From the linked module to its final form, checked against the kernel.
#include "pipeline.h"

#include "convert/convert.h"
#include "report/finding.h"
#include "symbols/kernel_files.h"
#include "verify/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace klp::build {

namespace {

// What the module imports from other modules: the loader takes them along, and keeps them for as long as the patch is
// there.
std::vector<report::Finding> module_dependencies(const elf::Object& module, const Images& images) {
    std::map<std::string, std::string> first_import;
    for (const elf::Symbol& symbol : module.symbols())
        if (const symbols::Export* entry = symbol.is_undefined() ? images.exports()->find(symbol.name) : nullptr)
            if (entry->module != "vmlinux")
                first_import.emplace(entry->module, symbol.name);
    std::vector<report::Finding> findings;
    for (const auto& [needed, symbol] : first_import)
        findings.push_back(
            {"module.dependency", report::Severity::warning, needed, "",
             fmt::format("patched code uses {} of module {}, which nothing that is patched depends on by "
                         "itself: the live patch can only be loaded where that is, and keeps it from being "
                         "unloaded",
                         symbol, needed),
             fmt::format("load {} first, or load the live patch with modprobe", needed)});
    return findings;
}

} // namespace

Livepatch make_livepatch(const Module& linked, const Images& images) {
    const elf::Object module = elf::Object::open(linked.file);
    Livepatch livepatch{linked.name, convert::convert(module), linked.core, {}};
    livepatch.findings = livepatch.module.findings;
    std::ranges::move(module_dependencies(module, images), std::back_inserter(livepatch.findings));
    return livepatch;
}

Verdict verify_livepatch(const Options& build_options, const Images& images, const Livepatch& livepatch) {
    elf::Object module = elf::Object::from_bytes(livepatch.name + ".ko", livepatch.module.bytes);
    verify::Options options;
    options.kernel = &images;
    std::optional<elf::Object> core;
    if (livepatch.core)
        options.core = &core.emplace(elf::Object::open(livepatch.core->module));
    std::optional<elf::Object> previous;
    if (!build_options.over.empty())
        options.previous = &previous.emplace(symbols::open_module(build_options.over));
    std::vector<report::Finding> errors;
    Verdict verdict;
    for (report::Finding& finding : verify::check(module, options))
        (finding.severity == report::Severity::error ? errors : verdict.findings).push_back(std::move(finding));
    if (!errors.empty())
        throw report::Refusal(std::move(errors));
    return verdict;
}

} // namespace klp::build
