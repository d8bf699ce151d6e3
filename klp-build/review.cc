#include "review.h"

#include "convert/reference.h"
#include "files/digest.h"
#include "host/parallel.h"
#include "sense/layout_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::build {

namespace {

// The address of a symbol of vmlinux as it is linked; a module has none before it is loaded.
std::string address_of(const convert::LivepatchReference& reference, const Images& images) {
    const symbols::SymbolTable* table = reference.object == "vmlinux" ? images.table("vmlinux") : nullptr;
    if (!table)
        return {};
    for (uint32_t index : table->find(reference.name)) {
        const symbols::KernelSymbol& symbol = table->symbols()[index];
        if (table->sympos(symbol) == reference.sympos)
            return fmt::format("{:#x}", symbol.address);
    }
    return {};
}

// A section of the module that is there when it is loaded, and no list of ours.
bool is_loaded(const elf::Section& section) {
    return section.is_allocated() && !section.name.starts_with(".klp.build.");
}

void hash(report::Input& input) {
    input.size = std::filesystem::file_size(input.path);
    input.sha256 = files::sha256_of(input.path);
}

} // namespace

void Review::see_patch(const PatchedFiles& changes) {
    if (is_wanted_)
        texts_ = changes.applied.files;
}

void Review::see_plan(const kernel::Plan& plan) {
    std::set<std::string> owners;
    for (const kernel::UnitChange& change : plan.changes)
        owners.insert(change.patched.owner);
    owners_.assign(owners.begin(), owners.end());
}

void Review::see_layouts(const std::vector<kernel::ObjectPair>& pairs) {
    if (!is_wanted_)
        return;
    std::vector<std::vector<report::LayoutTable>> tables(pairs.size());
    host::parallel_for(pairs.size(), jobs_, [&](size_t at) {
        const kernel::ObjectPair& pair = pairs[at];
        if (!pair.original.empty())
            tables[at] = sense::layout_tables(elf::Object::open(pair.original, pair.unit.source),
                                              elf::Object::open(pair.patched, pair.unit.source));
    });
    // Units that include one header have the same of it.
    std::set<std::pair<std::string, std::string>> known;
    layouts_.clear();
    for (std::vector<report::LayoutTable>& of_unit : tables)
        for (report::LayoutTable& table : of_unit)
            if (known.emplace(table.name, table.where).second)
                layouts_.push_back(std::move(table));
}

void Review::see_references(const Module& linked, const Images& images) {
    if (!is_wanted_)
        return;
    const elf::Object module = elf::Object::open(linked.file);
    std::map<uint32_t, size_t> places; // symbol -> in symbols_
    for (const convert::LivepatchReference& reference : convert::read_references(module)) {
        places[reference.symbol] = symbols_.size();
        symbols_.push_back({reference.name,
                            reference.object,
                            reference.sympos,
                            address_of(reference, images),
                            reference.owner,
                            0,
                            {}});
    }
    for (const elf::RelocationTable& table : module.relocation_tables()) {
        const elf::Section& section = module.section(table.target);
        for (const elf::Relocation& relocation : table.entries) {
            auto place = places.find(relocation.symbol);
            if (place == places.end() || !is_loaded(section))
                continue;
            report::KernelSymbol& symbol = symbols_[place->second];
            ++symbol.relocations;
            if (std::ranges::find(symbol.sections, section.name) == symbol.sections.end())
                symbol.sections.emplace_back(section.name);
        }
    }
    std::erase_if(symbols_, [](const report::KernelSymbol& symbol) { return symbol.relocations == 0; });
}

void Review::see_module(const Livepatch& livepatch) {
    if (!is_wanted_)
        return;
    const elf::Object module = elf::Object::from_bytes(livepatch.name + ".ko", livepatch.module.bytes);
    for (const elf::Section& section : module.sections())
        if (section.is_allocated() && section.size != 0)
            sections_.push_back({std::string(section.name), section.size});
}

std::vector<report::Input> list_inputs(const Options& options, const std::optional<kernel::Target>& target,
                                       const std::vector<std::string>& owners) {
    std::vector<report::Input> inputs;
    auto add = [&](const char* role, const std::filesystem::path& path) {
        inputs.push_back({role, path.string(), 0, {}});
    };
    for (const std::filesystem::path& patch : options.patches)
        add("patch", patch);
    if (target) {
        add("vmlinux", target->vmlinux);
        for (const std::string& owner : owners)
            if (const std::filesystem::path* module = kernel::find_module(*target, owner); module && owner != "vmlinux")
                add("module", *module);
        add("configuration", target->build / ".config");
        add("Module.symvers", target->symvers);
    }
    // A patch may come out of a pipe, which can be read once.
    host::parallel_for(inputs.size(), options.jobs, [&](size_t at) {
        if (std::filesystem::is_regular_file(inputs[at].path))
            hash(inputs[at]);
    });
    return inputs;
}

} // namespace klp::build
