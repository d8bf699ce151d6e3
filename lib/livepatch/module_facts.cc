#include "livepatch/module_facts.h"

#include "elf/build_id.h"
#include "elf/modinfo.h"
#include "files/digest.h"
#include "report/finding.h"
#include "symbols/kernel_symbols.h"
#include "verify/subject.h"

#include <algorithm>
#include <set>

namespace klp::livepatch {

namespace {

// include/linux/module_signature.h: MODULE_SIG_STRING is what the file ends with.
constexpr std::string_view signature_mark = "~Module signature appended~\n";

bool has_signature(elf::Bytes file) {
    std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
    return text.ends_with(signature_mark);
}

void read_build_ids(const elf::Modinfo& modinfo, ModuleFacts& facts) {
    for (std::string_view text : modinfo.values(elf::build_id_tag)) {
        const size_t colon = text.find(':');
        if (colon == std::string_view::npos)
            facts.kernel_build_id = text;
        else
            facts.module_ids.emplace(text.substr(0, colon), text.substr(colon + 1));
    }
}

// "SHA256 NAME": the name may hold blanks.
PatchFile patch_file_of(std::string_view text) {
    const size_t blank = std::min(text.find(' '), text.size());
    return {std::string(text.substr(std::min(blank + 1, text.size()))), std::string(text.substr(0, blank))};
}

std::vector<Object> objects_of(const verify::Patch& patch) {
    std::map<std::string_view, std::vector<Function>> by_object;
    for (const verify::PatchedFunction& function : patch.functions)
        by_object[function.object].push_back(
            {std::string(function.name), static_cast<unsigned>(std::max<uint64_t>(function.sympos, 1))});
    for (const verify::PatchCallback& callback : patch.callbacks)
        by_object[callback.object]; // an object that has only callbacks
    std::vector<Object> objects;
    for (auto& [name, functions] : by_object) {
        std::ranges::sort(functions, {}, [](const Function& one) { return std::pair(one.name, one.sympos); });
        objects.push_back({std::string(name), false, std::move(functions)});
    }
    return objects;
}

} // namespace

ModuleFacts read_module_facts(const elf::Object& module) {
    const elf::Modinfo modinfo = elf::read_modinfo(module);
    const std::optional<elf::Runtime> runtime = elf::livepatch_runtime(modinfo);
    if (module.type() != ET_REL || !runtime)
        throw report::Refusal("livepatch.not-a-livepatch", module.name(),
                              modinfo.fields.empty() ? "this is no kernel module" : "this module is no live patch",
                              "give a .ko that klp-build, klp-convert or another live patch tool made");
    const verify::Patch patch = verify::read_patch(module);
    const std::string_view vermagic = modinfo.value("vermagic");
    ModuleFacts facts;
    facts.name = modinfo.has("name") ? modinfo.value("name") : symbols::module_name_of(module.name());
    facts.runtime = *runtime;
    facts.release = vermagic.substr(0, vermagic.find(' '));
    read_build_ids(modinfo, facts);
    facts.knows_functions = patch.is_known;
    facts.is_replacing = patch.is_replacing;
    facts.objects = objects_of(patch);
    for (std::string_view text : modinfo.values(elf::patch_tag))
        facts.patch_files.push_back(patch_file_of(text));
    for (std::string_view cve : modinfo.values(elf::cve_tag))
        facts.cves.emplace_back(cve);
    facts.made_by = modinfo.value(elf::made_by_tag);
    facts.is_signed = has_signature(module.file());
    facts.build_id = elf::build_id(module);
    facts.sha256 = files::sha256(module.file());
    return facts;
}

} // namespace klp::livepatch
