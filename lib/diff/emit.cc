#include "diff/emit.h"

#include "diff/callbacks.h"
#include "elf/livepatch_abi.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <elf.h>
#include <map>
#include <set>

namespace klp::diff {

namespace {

using elf::Builder;
using elf::NewSection;
using elf::NewSymbol;
using symbols::Resolution;

// Where something of the patched object went.
struct Spot {
    uint32_t section = 0;
    uint64_t offset = 0;
};

constexpr size_t static_call_prefix_size = 7; // of __SCT__ and __SCK__ (include/linux/static_call_types.h)

class Emitter {
public:
    Emitter(const Unit& original, const Unit& patched, const Correlation& correlation, const Selection& selection,
            const Selector& selector, const Macros& macros, const Options& options)
        : original_(original), patched_(patched), correlation_(correlation), selection_(selection), selector_(selector),
          macros_(macros), options_(options), object_(patched.object()) {
        emission_.output = Builder::like(object_);
    }
    Emission run();

private:
    struct KeptEntry {
        SpecialEntry entry;
        uint32_t owner = none;
    };
    void place_pieces();
    uint32_t place_alone(uint32_t piece);
    void place_beside_others(uint32_t piece);
    void place_literals();
    void collect_literals(uint32_t section, std::span<const elf::Relocation> relocations);
    uint64_t place_literal(uint32_t section, uint64_t start);
    void choose_entries();
    bool keeps(const SpecialEntry& entry, uint32_t owner);
    const elf::Relocation* key_of(const SpecialEntry& entry) const;
    void place_entries();
    void name_sections();
    void add_symbols();
    void relocate_pieces();
    void relocate_entries();
    void read_constants();
    uint32_t variable(std::string_view name, uint32_t from);
    elf::Relocation translate(uint32_t section, const elf::Relocation& relocation, uint32_t from, bool in_entry);
    void point_inside(const Reference& reference, const elf::Relocation& relocation, elf::Relocation& result);
    uint32_t reference_to(std::string_view name, const Resolution& resolution, uint32_t from);
    uint32_t plain(std::string_view name, uint8_t binding);
    uint32_t external(std::string_view name, uint32_t from);
    void refuse_module_static_call(uint32_t owner, std::string_view symbol, std::string_view module);
    void add_static_call_keys();
    void add_functions();
    void mark_landing_pads();
    void add_callbacks();
    void add_build_symbols();
    uint64_t add_string(std::string_view text);
    void check_lost(const elf::Relocation& relocation, uint32_t from);
    void fail(std::string code, uint32_t from, std::string message, std::string hint);
    std::string title(uint32_t piece) const { return piece == none ? std::string() : patched_.title(piece); }

    const Unit& original_;
    const Unit& patched_;
    const Correlation& correlation_;
    const Selection& selection_;
    const Selector& selector_;
    const Macros& macros_;
    const Options& options_;
    const elf::Object& object_;
    Emission emission_;
    std::vector<Spot> spot_of_piece_;
    std::vector<uint32_t> section_symbol_;                  // by output section
    std::vector<uint32_t> new_symbol_;                      // by patched symbol, 0: none
    std::unordered_map<uint32_t, uint32_t> shared_section_; // patched section -> output section
    std::map<std::pair<uint32_t, uint64_t>, uint64_t>
        literals_; // (patched section, start) -> offset in its output section
    std::map<std::pair<uint32_t, uint32_t>, uint32_t>
        entry_section_;                                       // (patched section, owner or none) -> output section
    std::unordered_map<uint32_t, uint32_t> parallel_section_; // output section -> that of its parallel entries
    std::vector<KeptEntry> entries_;
    std::vector<KeptEntry> constants_; // entries of Policy::constant
    std::vector<Spot> spot_of_entry_;
    std::unordered_map<std::string, uint32_t> undefined_;
    std::set<std::string> build_symbols_;
    std::set<std::string> namespaces_;
    std::set<std::string> static_call_trampolines_;
    std::unordered_map<std::string, uint64_t> strings_;
    std::vector<std::byte> string_data_;
    uint32_t strings_section_ = 0;
    std::vector<report::Finding> errors_;
    std::set<std::string> failed_;                                         // one message per missing symbol
    std::set<std::tuple<std::string, std::string, unsigned>> referred_to_; // object, name, sympos
    std::set<uint64_t> wide_addends_;
};

void Emitter::fail(std::string code, uint32_t from, std::string message, std::string hint) {
    errors_.push_back(
        {std::move(code), report::Severity::error, object_.name(), title(from), std::move(message), std::move(hint)});
}

uint64_t alignment_at(uint64_t alignment, uint64_t offset) {
    return offset == 0 ? alignment : std::min(alignment, offset & (~offset + 1));
}

void append(NewSection& section, elf::Bytes bytes) {
    section.data.insert(section.data.end(), bytes.begin(), bytes.end());
}

// Of what comes along from a section that is freed, or left out, when a module has started.
std::string lasting_name(const elf::Section& model) {
    const char* kind = model.is_code()            ? ".text"
                       : model.type == SHT_NOBITS ? ".bss"
                       : model.is_writable()      ? ".data"
                                                  : ".rodata";
    return kind + std::string(model.name.substr(model.name.find('.', 1)));
}

NewSection like(const elf::Section& model, uint64_t start) {
    constexpr uint64_t kept = SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR | SHF_TLS;
    NewSection section;
    section.name = arch::is_init(model.name) || arch::is_exit(model.name)
                       ? lasting_name(model)
                       : std::string(arch::name_in_module(model.name));
    section.type = model.type;
    section.flags = model.flags & kept;
    section.alignment = alignment_at(model.alignment, start);
    return section;
}

uint32_t Emitter::place_alone(uint32_t piece) {
    const Piece& it = patched_.piece(piece);
    const elf::Section& model = object_.section(it.section);
    NewSection section = like(model, it.start);
    if (arch::is_decrypted(model.name))
        fail("diff.decrypted-data", piece,
             fmt::format("it is new and in {}, memory that vmlinux shares with the hypervisor from its start on; a "
                         "module has none",
                         model.name),
             "keep it in ordinary memory, or decrypt its pages in a pre-patch callback (set_memory_decrypted())");
    if (it.kind == PieceKind::function && !it.is_own_section)
        section.name = fmt::format(".text.{}", patched_.name(it));
    if (model.type == SHT_NOBITS)
        section.nobits_size = it.end - it.start;
    else
        append(section, patched_.bytes(it));
    return emission_.output.add_section(std::move(section));
}

// Lets `data` grow to an offset that is as far from a multiple of `alignment` as `start` was: what touched what came
// before still does.
void align_like(std::vector<std::byte>& data, uint64_t start, uint64_t alignment) {
    const uint64_t step = std::min<uint64_t>(std::max<uint64_t>(alignment, 1), 4096);
    while (data.size() % step != start % step)
        data.push_back(std::byte{0});
}

// Pieces of one section stay in one, in order and as far from each other as before where they touched.
void Emitter::place_beside_others(uint32_t piece) {
    const Piece& it = patched_.piece(piece);
    const elf::Section& model = object_.section(it.section);
    auto [at, is_new] = shared_section_.try_emplace(it.section, 0);
    if (is_new)
        at->second = emission_.output.add_section(like(model, 0));
    NewSection& section = emission_.output.sections[at->second];
    if (model.type == SHT_NOBITS) {
        const uint64_t step = std::max<uint64_t>(model.alignment, 1);
        const uint64_t missing = (it.start % step + step - section.nobits_size % step) % step;
        spot_of_piece_[piece] = {at->second, section.nobits_size + missing};
        section.nobits_size += missing + (it.end - it.start);
        return;
    }
    align_like(section.data, it.start, model.alignment);
    spot_of_piece_[piece] = {at->second, section.data.size()};
    append(section, patched_.bytes(it));
}

void Emitter::place_pieces() {
    spot_of_piece_.resize(patched_.pieces().size());
    for (uint32_t index = 0; index < patched_.pieces().size(); ++index) {
        const Piece& piece = patched_.piece(index);
        if (!selection_.included[index])
            continue;
        const bool is_alone =
            piece.kind == PieceKind::function || (piece.kind == PieceKind::variable && piece.is_own_section);
        if (is_alone)
            spot_of_piece_[index] = {place_alone(index), 0};
        else
            place_beside_others(index);
    }
}

void Emitter::collect_literals(uint32_t section, std::span<const elf::Relocation> relocations) {
    for (const elf::Relocation& relocation : relocations) {
        const Reference reference = patched_.reference(section, relocation);
        if (reference.to == Reference::To::literal && !patched_.literal_of(reference).bytes.empty())
            literals_.try_emplace({reference.id, reference.anchor}, 0);
    }
}

// Neighbours stay neighbours: the end of one may be meant where the next begins ("for (p = s; p != s + sizeof(s);)").
void Emitter::place_literals() {
    for (uint32_t index = 0; index < patched_.pieces().size(); ++index)
        if (selection_.included[index])
            collect_literals(patched_.piece(index).section, patched_.relocations(patched_.piece(index)));
    for (const KeptEntry& kept : entries_)
        collect_literals(kept.entry.section, patched_.relocations(kept.entry.section, kept.entry.start,
                                                                  kept.entry.start + kept.entry.size));
    for (auto& [place, offset] : literals_)
        offset = place_literal(place.first, place.second);
}

// Returns where it went. The linker is not to merge it with others: it would take neighbours apart.
uint64_t Emitter::place_literal(uint32_t section, uint64_t start) {
    const elf::Section& model = object_.section(section);
    const elf::Bytes bytes = patched_.literal_at(section, start).bytes;
    auto [shared, is_first] = shared_section_.try_emplace(section, 0);
    if (is_first)
        shared->second = emission_.output.add_section(like(model, 0));
    std::vector<std::byte>& data = emission_.output.sections[shared->second].data;
    align_like(data, start, model.alignment);
    const uint64_t offset = data.size();
    data.insert(data.end(), bytes.begin(), bytes.end());
    Item item;
    const bool is_string = patched_.role(section) == Role::strings;
    item.kind = is_string ? "string" : "constant";
    item.size = bytes.size();
    item.name = is_string ? std::string(elf::Object::string_at(model, start)) : std::string(model.name);
    emission_.literals.push_back(std::move(item));
    return offset;
}

// Of a jump label or static call: the relocation that names its key, the last one of the entry.
const elf::Relocation* Emitter::key_of(const SpecialEntry& entry) const {
    const elf::Relocation* key = nullptr;
    for (const elf::Relocation& relocation : patched_.relocations(entry.section, entry.start, entry.start + entry.size))
        if (!patched_.is_own_place(entry, relocation))
            key = &relocation;
    return key;
}

// The kernel initialises a module's jump labels and static calls when it is loaded; livepatch relocations of a module
// that comes later are applied after that (kernel/livepatch/core.c, klp_write_section_relocs()), so its keys are out of
// reach. Those of vmlinux are there in time since 5.8.
bool Emitter::keeps(const SpecialEntry& entry, uint32_t owner) {
    const SpecialSection& kind = *patched_.table_of(entry).kind;
    if (kind.key_field.empty())
        return true;
    const elf::Relocation* key = key_of(entry);
    if (!key)
        return true;
    Reference reference = patched_.reference(entry.section, *key);
    Route route = selector_.route(reference, owner, entry.section, *key, true);
    const Resolution* found = nullptr;
    std::string name;
    if (route == Route::original) {
        uint32_t symbol = selector_.original_symbol(reference, *key);
        found = &selector_.resolve_defined(symbol);
        name = original_.object().symbol(symbol).name;
    } else if (route == Route::external) {
        name = object_.symbol(reference.id).name;
        if (options_.is_provided(name))
            return true;
        found = &selector_.resolve_undefined(name);
    }
    bool is_out_of_reach = found && found->kind == Resolution::Kind::livepatch && found->object != "vmlinux";
    if (!is_out_of_reach)
        return true;
    bool is_harmless = name.starts_with("__tracepoint_") || name.starts_with("__SCK__tp_func_") ||
                       name.find("__UNIQUE_ID_ddebug") != std::string::npos || name.starts_with("descriptor");
    if (is_harmless) {
        if (failed_.insert(fmt::format("{}/{}", owner, name)).second)
            emission_.findings.push_back(
                {"diff.key-dropped", report::Severity::warning, object_.name(), title(owner),
                 fmt::format("the {} with key {} of module {} is left out: it stays disabled in the patched function",
                             kind.key_field, name, found->object),
                 "trace or debug the patched function by other means"});
        return false;
    }
    if (kind.key_field == "static call")
        refuse_module_static_call(owner, name, found->object);
    else if (failed_.insert(fmt::format("{}/{}", owner, name)).second)
        fail("diff.module-key", owner,
             fmt::format("it uses a {} whose key {} belongs to module {}; the kernel cannot relocate that in time",
                         kind.key_field, name, found->object),
             "test the key with static_key_enabled() in the patch instead of static_branch_likely() or _unlikely()");
    return false;
}

// The site's key would be relocated after the kernel has looked at the site (kernel/static_call_inline.c,
// static_call_module_notify()).
void Emitter::refuse_module_static_call(uint32_t owner, std::string_view symbol, std::string_view module) {
    std::string_view name = symbol.substr(static_call_prefix_size);
    if (failed_.insert(fmt::format("{}/static call {}", owner, name)).second)
        fail("diff.module-key", owner,
             fmt::format("it makes a static call whose key __SCK__{} belongs to module {}; the kernel cannot relocate "
                         "that in time",
                         name, module),
             fmt::format("call it with KLP_STATIC_CALL({}) in the patch (<linux/livepatch_helpers.h>)", name));
}

void Emitter::choose_entries() {
    for (uint32_t index = 0; index < patched_.pieces().size(); ++index)
        if (selection_.included[index])
            for (const SpecialEntry& entry : patched_.entries_of(index)) {
                if (patched_.table_of(entry).kind->policy == Policy::constant)
                    constants_.push_back({entry, index});
                else if (keeps(entry, index))
                    entries_.push_back({entry, index});
            }
    std::ranges::sort(entries_, {},
                      [](const KeptEntry& kept) { return std::pair(kept.entry.section, kept.entry.start); });
}

void Emitter::place_entries() {
    for (const KeptEntry& kept : entries_) {
        const elf::Section& model = object_.section(kept.entry.section);
        const SpecialTable& table = patched_.table_of(kept.entry);
        // A section that is bound to its function's (SHF_LINK_ORDER) is one per function.
        const bool is_bound = (model.flags & SHF_LINK_ORDER) != 0;
        auto [at, is_new] = entry_section_.try_emplace({kept.entry.section, is_bound ? kept.owner : none}, 0);
        if (is_new) {
            NewSection section = like(model, 0);
            section.entry_size = model.entry_size;
            if (is_bound) {
                section.flags |= SHF_LINK_ORDER;
                section.linked = spot_of_piece_[kept.owner].section;
            }
            at->second = emission_.output.add_section(std::move(section));
        }
        NewSection& target = emission_.output.sections[at->second];
        while (target.data.size() % table.entry_size != 0) // after an entry that lacked its padding
            target.data.push_back(std::byte{0});
        spot_of_entry_.push_back({at->second, target.data.size()});
        append(target, model.data.subspan(kept.entry.start, kept.entry.size));
        if (table.parallel == 0)
            continue;
        auto [twin, is_first] = parallel_section_.try_emplace(at->second, 0);
        const elf::Section& twin_model = object_.section(table.parallel);
        if (is_first) {
            NewSection section = like(twin_model, 0);
            section.entry_size = twin_model.entry_size;
            twin->second = emission_.output.add_section(std::move(section));
        }
        uint64_t number = kept.entry.start / table.entry_size;
        append(emission_.output.sections[twin->second],
               twin_model.data.subspan(number * table.parallel_size, table.parallel_size));
    }
    // Says which layout the ORC data has; the module loader of kernels that have it wants it beside the data.
    const elf::Section* header = object_.find_section(".orc_header");
    if (header && !parallel_section_.empty() && header->type != SHT_NOBITS) {
        NewSection section = like(*header, 0);
        append(section, header->data);
        emission_.output.add_section(std::move(section));
    }
}

void Emitter::name_sections() {
    section_symbol_.assign(emission_.output.sections.size(), 0);
    for (uint32_t section = 1; section < emission_.output.sections.size(); ++section) {
        NewSymbol symbol;
        symbol.type = STT_SECTION;
        symbol.place = elf::Place::section;
        symbol.section = section;
        section_symbol_[section] = emission_.output.add_symbol(std::move(symbol));
    }
}

void Emitter::add_symbols() {
    new_symbol_.assign(object_.symbols().size(), 0);
    std::optional<NewSymbol> file; // the FILE symbol that the next local one stands under
    for (const elf::Symbol& symbol : object_.symbols()) {
        if (symbol.is_file()) {
            NewSymbol copy;
            copy.name = symbol.name;
            copy.type = STT_FILE;
            copy.place = elf::Place::absolute;
            file = std::move(copy);
            continue;
        }
        uint32_t piece = symbol.place == elf::Place::section ? patched_.piece_of_symbol(symbol.index) : none;
        bool is_wanted =
            piece != none && selection_.included[piece] && !symbol.is_section() && !patched_.machine().is_mark(symbol);
        if (!is_wanted)
            continue;
        if (file && symbol.is_local()) {
            emission_.output.add_symbol(std::move(*file));
            file.reset();
        }
        const Piece& it = patched_.piece(piece);
        const Spot& spot = spot_of_piece_[piece];
        NewSymbol copy;
        copy.name = symbol.name;
        copy.value = symbol.value - it.start + spot.offset;
        copy.size = symbol.size;
        copy.type = symbol.type;
        copy.other = symbol.other;
        copy.place = elf::Place::section;
        copy.section = spot.section;
        // What the kernel has already must not take part in the link by name.
        copy.binding = correlation_.to_original[piece] != none ? uint8_t{STB_LOCAL} : symbol.binding;
        if (copy.binding == STB_LOCAL && symbol.binding != STB_LOCAL)
            copy.other = static_cast<uint8_t>(copy.other & ~3U); // hidden and protected are for globals
        new_symbol_[symbol.index] = emission_.output.add_symbol(std::move(copy));
    }
}

uint32_t Emitter::plain(std::string_view name, uint8_t binding) {
    auto [at, is_new] = undefined_.try_emplace(std::string(name), 0);
    if (is_new) {
        NewSymbol symbol;
        symbol.name = name;
        symbol.binding = binding;
        at->second = emission_.output.add_symbol(std::move(symbol));
    }
    return at->second;
}

uint32_t Emitter::reference_to(std::string_view name, const Resolution& resolution, uint32_t from) {
    if (resolution.kind == Resolution::Kind::imported || resolution.kind == Resolution::Kind::livepatch)
        if (referred_to_.emplace(resolution.object, name, resolution.sympos).second)
            emission_.references.push_back({std::string(name), title(from), resolution});
    switch (resolution.kind) {
    case Resolution::Kind::imported:
        if (!resolution.name_space.empty())
            namespaces_.insert(resolution.name_space);
        return plain(name, STB_GLOBAL);
    case Resolution::Kind::livepatch:
        // Tracepoints are dropped where their key is out of reach, which leaves their calls unused.
        if (name.starts_with("__SCT__") && !name.starts_with("__SCT__tp_func_") && resolution.object != "vmlinux")
            refuse_module_static_call(from, name, resolution.object);
        break;
    case Resolution::Kind::absent:
    case Resolution::Kind::ambiguous:
        if (failed_.insert(std::string(name)).second) {
            const bool is_absent = resolution.kind == Resolution::Kind::absent;
            std::string candidates;
            for (const std::string& candidate : resolution.candidates)
                candidates += fmt::format("{}{}", candidates.empty() ? "" : "; ", candidate);
            fail(is_absent ? "diff.unresolved" : "diff.ambiguous", from,
                 is_absent ? fmt::format("it refers to {}, which the target kernel does not have", name)
                           : fmt::format("it refers to {}, and the target kernel has several: {}", name, candidates),
                 is_absent
                     ? "check that the kernel given is the one that runs, built from this source and configuration"
                     : "give the kernel's image with debug symbols, so that it can be told by content");
        }
        return plain(name, STB_WEAK);
    }
    const bool keeps_name = resolution.is_global && resolution.object == "vmlinux" && resolution.sympos == 0;
    if (keeps_name) {
        build_symbols_.insert(std::string(name));
        return plain(name, STB_WEAK);
    }
    std::string_view owner =
        resolution.object == "vmlinux" ? std::string_view("vmlinux") : std::string_view(options_.owner);
    return plain(fmt::format("{}{}.{}.{},{}", elf::reference_prefix, owner, resolution.object, name, resolution.sympos),
                 STB_WEAK);
}

uint32_t Emitter::external(std::string_view name, uint32_t from) {
    constexpr std::array linker_made{std::string_view(".TOC."), std::string_view("_GLOBAL_OFFSET_TABLE_")};
    if (std::ranges::find(linker_made, name) != linker_made.end() || patched_.machine().is_profiling_call(name) ||
        options_.is_provided(name))
        return plain(name, STB_GLOBAL);
    if (name.starts_with("__SCT__"))
        static_call_trampolines_.insert(std::string(name));
    return reference_to(name, selector_.resolve_undefined(name), from);
}

void Emitter::point_inside(const Reference& reference, const elf::Relocation& relocation, elf::Relocation& result) {
    const elf::Symbol& used = object_.symbol(relocation.symbol);
    if (relocation.symbol != 0 && new_symbol_[relocation.symbol] != 0 && !used.is_section()) {
        result.symbol = new_symbol_[relocation.symbol];
        result.addend = relocation.addend;
        return;
    }
    const Piece& target = patched_.piece(reference.id);
    const Spot& spot = spot_of_piece_[reference.id];
    int64_t offset = sum(static_cast<int64_t>(spot.offset + (target.entry - target.start)), reference.offset);
    result.symbol = section_symbol_[spot.section];
    result.addend = difference(offset, reference.bias);
}

// A reference that leads to nothing that this tool understands must not become a reference to nothing.
void Emitter::check_lost(const elf::Relocation& relocation, uint32_t from) {
    const elf::Symbol& symbol = object_.symbol(relocation.symbol);
    arch::RelocationKind kind = patched_.machine().relocation(relocation.type);
    if (!kind.is_known)
        fail("diff.relocation-unknown", from,
             fmt::format("it has a relocation of type {}, which this tool does not know", relocation.type),
             "please report it with the compiler's version");
    else if (kind.form != arch::Form::none && relocation.symbol != 0 && symbol.place == elf::Place::section)
        fail("diff.reference-lost", from,
             fmt::format("it refers to section {}, which a live patch cannot take along",
                         object_.section(symbol.section).name),
             "leave the function out with KLP_IGNORE_FUNCTION(), or change the patch so that the reference goes away");
}

elf::Relocation Emitter::translate(uint32_t section, const elf::Relocation& relocation, uint32_t from, bool in_entry) {
    Reference reference = patched_.reference(section, relocation);
    elf::Relocation result = relocation;
    if (!patched_.machine().relocation(relocation.type).is_known)
        check_lost(relocation, from);
    if (relocation.symbol == 0) { // resolved by the assembler: the addend is ours to make
        uint32_t around = patched_.piece_at(section, relocation.offset);
        if (around != none)
            reference.bias = patched_.machine().addend_bias(patched_.code_of(patched_.piece(around)), relocation);
    }
    switch (selector_.route(reference, from, section, relocation, in_entry)) {
    case Route::nothing:
        if (patched_.machine().relocation(relocation.type).is_known)
            check_lost(relocation, from);
        result.symbol = 0;
        break;
    case Route::inside:
        point_inside(reference, relocation, result);
        break;
    case Route::literal: {
        uint32_t target = shared_section_[reference.id];
        auto at = literals_.find({reference.id, reference.anchor});
        int64_t inner = difference(reference.offset, static_cast<int64_t>(reference.anchor));
        int64_t base = at == literals_.end() ? 0 : static_cast<int64_t>(at->second);
        result.symbol = section_symbol_[target];
        result.addend = difference(sum(base, inner), reference.bias);
        break;
    }
    case Route::original: {
        uint32_t symbol = selector_.original_symbol(reference, relocation);
        const elf::Symbol& target = original_.object().symbol(symbol);
        const Piece& piece = original_.piece(correlation_.to_original[reference.id]);
        result.symbol = reference_to(target.name, selector_.resolve_defined(symbol), from);
        result.addend =
            difference(difference(reference.offset, reference.bias), static_cast<int64_t>(target.value - piece.entry));
        break;
    }
    case Route::external: {
        const elf::Symbol& target = object_.symbol(reference.id);
        result.symbol = target.name.empty() ? 0 : external(target.name, from);
        break;
    }
    }
    return result;
}

void Emitter::relocate_pieces() {
    for (uint32_t index = 0; index < patched_.pieces().size(); ++index) {
        if (!selection_.included[index])
            continue;
        const Piece& piece = patched_.piece(index);
        const Spot& spot = spot_of_piece_[index];
        std::vector<elf::Relocation> translated;
        for (const elf::Relocation& relocation : patched_.relocations(piece)) {
            if (patched_.machine().relocation(relocation.type).form == arch::Form::none &&
                patched_.machine().relocation(relocation.type).is_known)
                continue;
            elf::Relocation moved = translate(piece.section, relocation, index, false);
            moved.offset = relocation.offset - piece.start + spot.offset;
            // What the assembler had put there counts no more.
            NewSection& section = emission_.output.sections[spot.section];
            unsigned width = patched_.resolved_width(piece.section, relocation.offset);
            if (width != 0 && patched_.machine().relocation(relocation.type).width != 0)
                std::fill_n(section.data.begin() + static_cast<std::ptrdiff_t>(moved.offset), width, std::byte{0});
            translated.push_back(moved);
        }
        if (translated.empty())
            continue;
        std::vector<elf::Relocation>& table = emission_.output.relocations_of(spot.section).entries;
        table.insert(table.end(), translated.begin(), translated.end());
    }
}

void Emitter::relocate_entries() {
    for (size_t number = 0; number < entries_.size(); ++number) {
        const KeptEntry& kept = entries_[number];
        const Spot& spot = spot_of_entry_[number];
        for (const elf::Relocation& relocation :
             patched_.relocations(kept.entry.section, kept.entry.start, kept.entry.start + kept.entry.size)) {
            elf::Relocation moved = relocation;
            if (patched_.is_own_place(kept.entry, relocation)) {
                moved.symbol = section_symbol_[spot.section];
                moved.addend = static_cast<int64_t>(patched_.named_offset(relocation) - kept.entry.start + spot.offset);
            } else {
                moved = translate(kept.entry.section, relocation, kept.owner, true);
            }
            moved.offset = relocation.offset - kept.entry.start + spot.offset;
            emission_.output.relocations_of(spot.section).entries.push_back(moved);
        }
    }
}

// The variable of that name: this unit's own one as the kernel has it, or somebody else's.
uint32_t Emitter::variable(std::string_view name, uint32_t from) {
    for (const elf::Symbol& symbol : original_.object().symbols())
        if (symbol.name == name && symbol.place == elf::Place::section)
            return reference_to(name, selector_.resolve_defined(symbol.index), from);
    return external(name, from);
}

// The kernel writes runtime constants into the code of vmlinux at boot and never into that of a module: what the copy
// holds is a placeholder (arch/x86/include/asm/runtime-const.h refuses to be used in modules). So it reads the
// variable.
void Emitter::read_constants() {
    for (const KeptEntry& kept : constants_) {
        const elf::Section& table = object_.section(kept.entry.section);
        std::string_view name = table.name.substr(patched_.table_of(kept.entry).kind->name.size());
        const elf::Relocation& tie =
            patched_.relocations(kept.entry.section, kept.entry.start, kept.entry.start + kept.entry.size).front();
        const Piece& piece = patched_.piece(kept.owner);
        const Spot& spot = spot_of_piece_[kept.owner];
        uint64_t place = spot.offset + (piece.entry - piece.start) +
                         static_cast<uint64_t>(patched_.reference(kept.entry.section, tie).offset);
        NewSection& section = emission_.output.sections[spot.section];
        std::optional<elf::Relocation> load = patched_.machine().load_from_memory(section.data, place);
        if (!load) {
            fail("diff.runtime-constant", kept.owner,
                 fmt::format(
                     "the kernel writes the value of {} into its code at boot, which it does not do for modules", name),
                 "leave the function out with KLP_IGNORE_FUNCTION() and patch its callers instead");
            continue;
        }
        load->symbol = variable(name, kept.owner);
        std::vector<elf::Relocation>& relocations = emission_.output.relocations_of(spot.section).entries;
        relocations.insert(std::ranges::upper_bound(relocations, load->offset, {}, &elf::Relocation::offset), *load);
    }
}

// Kernels that run objtool on the finished module make .static_call_sites then, from calls to __SCT__NAME; objtool
// looks for __SCK__NAME by its plain name (tools/objtool/check.c, create_static_call_sections()).
void Emitter::add_static_call_keys() {
    if (object_.find_section(".static_call_sites"))
        return;
    for (const std::string& trampoline : static_call_trampolines_) {
        std::string key = "__SCK__" + trampoline.substr(static_call_prefix_size);
        if (options_.is_provided(key))
            continue;
        const Resolution& found = selector_.resolve_undefined(key);
        if (found.kind == Resolution::Kind::livepatch) {
            build_symbols_.insert(key);
            plain(key, STB_WEAK);
        } else if (found.kind == Resolution::Kind::imported) {
            reference_to(key, found, none);
        } // or not to be had: objtool then uses the trampoline itself, for which the kernel has a table
    }
}

uint64_t Emitter::add_string(std::string_view text) {
    auto [at, is_new] = strings_.try_emplace(std::string(text), string_data_.size());
    if (is_new) {
        elf::Bytes bytes = std::as_bytes(std::span(text.data(), text.size()));
        string_data_.insert(string_data_.end(), bytes.begin(), bytes.end());
        string_data_.push_back(std::byte{0});
    }
    return at->second;
}

void put64(const Builder& builder, std::vector<std::byte>& data, uint64_t value) {
    for (unsigned at = 0; at < 8; ++at)
        data.push_back(static_cast<std::byte>(value >> (8 * (builder.little_endian ? at : 7 - at))));
}

uint32_t add_table(Builder& builder, std::string_view name) {
    NewSection section;
    section.name = name;
    section.flags = SHF_ALLOC | SHF_WRITE;
    section.alignment = 8;
    return builder.add_section(std::move(section));
}

uint32_t add_section_symbol(Builder& builder, uint32_t section) {
    NewSymbol symbol;
    symbol.type = STT_SECTION;
    symbol.place = elf::Place::section;
    symbol.section = section;
    return builder.add_symbol(std::move(symbol));
}

void Emitter::add_functions() {
    if (selection_.changed.empty())
        return;
    Builder& builder = emission_.output;
    uint32_t table = add_table(builder, elf::build_functions_section);
    uint32_t text = add_section_symbol(builder, strings_section_);
    const uint32_t absolute = patched_.machine().absolute64();
    std::vector<elf::Relocation> relocations;
    std::vector<std::byte> data;
    for (uint32_t piece : selection_.changed) {
        uint32_t symbol = original_.piece(correlation_.to_original[piece]).symbol;
        std::string_view name = original_.object().symbol(symbol).name;
        const Resolution& found = selector_.resolve_defined(symbol);
        if (found.kind == Resolution::Kind::absent || found.kind == Resolution::Kind::ambiguous) {
            reference_to(name, found, piece);
            continue;
        }
        uint64_t at = data.size();
        relocations.push_back({at, absolute, new_symbol_[patched_.piece(piece).symbol], 0});
        relocations.push_back({at + 8, absolute, text, static_cast<int64_t>(add_string(name))});
        relocations.push_back({at + 16, absolute, text, static_cast<int64_t>(add_string(options_.owner))});
        for (uint64_t word : {uint64_t{0}, uint64_t{0}, uint64_t{0}, uint64_t{found.sympos}})
            put64(builder, data, word);
    }
    builder.sections[table].data = std::move(data);
    builder.relocations_of(table).entries = std::move(relocations);
}

// The table of functions makes objtool think that somebody calls them through a pointer, which those that the compiler
// knows all calls of are not made for. ftrace enters them by a return (kernel/livepatch/patch.c, klp_ftrace_handler()).
// Kernels from 6.14 on have one section for all such marks (ANNOTYPE_NOENDBR is 1), those before one for this. Both are
// gone from the finished module.
void Emitter::mark_landing_pads() {
    constexpr uint32_t annotype_noendbr = 1;
    Builder& builder = emission_.output;
    std::vector<elf::Relocation> marks;
    for (uint32_t piece : selection_.changed)
        if (auto code = patched_.code_of(patched_.piece(piece)))
            if (auto type = patched_.machine().missing_landing_pad(*code))
                marks.push_back({0, *type, new_symbol_[patched_.piece(piece).symbol], 0});
    if (marks.empty())
        return;
    for (auto [name, size] : {std::pair(".discard.noendbr", 4U), std::pair(".discard.annotate_insn", 8U)}) {
        NewSection section;
        section.name = name;
        section.entry_size = size;
        section.data.resize(marks.size() * size);
        for (size_t at = 0; at < marks.size(); ++at) {
            marks[at].offset = at * size;
            if (size == 8)
                section.data[at * size + 4] = std::byte{annotype_noendbr};
        }
        const uint32_t index = builder.add_section(std::move(section));
        builder.relocations_of(index).entries = marks;
    }
}

void Emitter::add_callbacks() {
    if (macros_.callbacks.empty())
        return;
    Builder& builder = emission_.output;
    uint32_t table = add_table(builder, elf::build_callbacks_section);
    uint32_t text = add_section_symbol(builder, strings_section_);
    const uint32_t absolute = patched_.machine().absolute64();
    std::vector<elf::Relocation> relocations;
    std::vector<std::byte> data;
    for (const Callback& callback : macros_.callbacks) {
        uint64_t at = data.size();
        relocations.push_back({at, absolute, new_symbol_[patched_.piece(callback.function).symbol], 0});
        relocations.push_back(
            {at + 8, absolute, text, static_cast<int64_t>(add_string(object_of(callback, options_.owner)))});
        for (uint64_t word : {uint64_t{0}, uint64_t{0}, static_cast<uint64_t>(callback.kind)})
            put64(builder, data, word);
    }
    builder.sections[table].data = std::move(data);
    builder.relocations_of(table).entries = std::move(relocations);
}

void Emitter::add_build_symbols() {
    if (build_symbols_.empty())
        return;
    Builder& builder = emission_.output;
    uint32_t table = add_table(builder, elf::build_symbols_section);
    std::vector<elf::Relocation> relocations;
    for (const std::string& name : build_symbols_)
        relocations.push_back({relocations.size() * 8, patched_.machine().absolute64(), undefined_.at(name), 0});
    builder.sections[table].data.resize(relocations.size() * 8);
    builder.relocations_of(table).entries = std::move(relocations);
}

Emission Emitter::run() {
    choose_entries();
    place_pieces();
    place_literals();
    place_entries();
    name_sections();
    add_symbols();
    relocate_pieces();
    relocate_entries();
    read_constants();
    add_static_call_keys();
    NewSection strings;
    strings.name = elf::build_strings_section;
    strings.flags = SHF_ALLOC;
    strings_section_ = emission_.output.add_section(std::move(strings));
    add_functions();
    mark_landing_pads();
    add_callbacks();
    add_build_symbols();
    emission_.output.sections[strings_section_].data = std::move(string_data_);
    if (!errors_.empty())
        throw report::Refusal(std::move(errors_));
    emission_.import_namespaces.assign(namespaces_.begin(), namespaces_.end());
    return std::move(emission_);
}

} // namespace

Emission emit(const Unit& original, const Unit& patched, const Correlation& correlation, const Selection& selection,
              const Selector& selector, const Macros& macros, const Options& options) {
    return Emitter(original, patched, correlation, selection, selector, macros, options).run();
}

} // namespace klp::diff
