#include "diff/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <span>
#include <string>

namespace klp::diff {

namespace {

using elf::NewSection;

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

// Lets `data` grow to an offset that is as far from a multiple of `alignment` as `start` was: what touched what came
// before still does.
void align_like(std::vector<std::byte>& data, uint64_t start, uint64_t alignment) {
    const uint64_t step = std::min<uint64_t>(std::max<uint64_t>(alignment, 1), 4096);
    while (data.size() % step != start % step)
        data.push_back(std::byte{0});
}

class Placer {
public:
    Placer(const Unit& patched, const Selection& selection, elf::Builder& output)
        : patched_(patched), object_(patched.object()), selection_(selection), output_(output) {}

    Layout run(const KeptEntries& kept) {
        place_pieces();
        place_literals(kept);
        for (const KeptEntry& it : kept.entries)
            place_entry(it);
        add_orc_header();
        return std::move(layout_);
    }

private:
    void place_pieces() {
        layout_.pieces.resize(patched_.pieces().size());
        for (uint32_t index = 0; index < patched_.pieces().size(); ++index) {
            const Piece& piece = patched_.piece(index);
            if (!selection_.included[index])
                continue;
            const bool is_alone =
                piece.kind == PieceKind::function || (piece.kind == PieceKind::variable && piece.is_own_section);
            layout_.pieces[index] = is_alone ? place_alone(piece) : place_beside_others(piece);
        }
    }

    Spot place_alone(const Piece& piece) {
        const elf::Section& model = object_.section(piece.section);
        NewSection section = like(model, piece.start);
        if (piece.kind == PieceKind::function && !piece.is_own_section)
            section.name = fmt::format(".text.{}", patched_.name(piece));
        if (model.type == SHT_NOBITS)
            section.nobits_size = piece.end - piece.start;
        else
            append(section, patched_.bytes(piece));
        return {output_.add_section(std::move(section)), 0};
    }

    // Pieces of one section stay in one, in order and as far from each other as before where they touched.
    Spot place_beside_others(const Piece& piece) {
        const elf::Section& model = object_.section(piece.section);
        const uint32_t shared = shared_section(piece.section);
        NewSection& section = output_.sections[shared];
        if (model.type == SHT_NOBITS) {
            const uint64_t step = std::max<uint64_t>(model.alignment, 1);
            const uint64_t missing = (piece.start % step + step - section.nobits_size % step) % step;
            const Spot spot{shared, section.nobits_size + missing};
            section.nobits_size += missing + (piece.end - piece.start);
            return spot;
        }
        align_like(section.data, piece.start, model.alignment);
        const Spot spot{shared, section.data.size()};
        append(section, patched_.bytes(piece));
        return spot;
    }

    uint32_t shared_section(uint32_t section) {
        auto [at, is_new] = layout_.shared.try_emplace(section, 0);
        if (is_new)
            at->second = output_.add_section(like(object_.section(section), 0));
        return at->second;
    }

    // Neighbours stay neighbours.
    void place_literals(const KeptEntries& kept) {
        for (uint32_t index = 0; index < patched_.pieces().size(); ++index)
            collect_literals(selection_.routing.of(index));
        for (const KeptEntry& it : kept.entries)
            collect_literals(selection_.routing.of(it.entry));
        for (auto& [place, offset] : layout_.literals)
            offset = place_literal(place.first, place.second);
    }

    void collect_literals(std::span<const RoutedReference> references) {
        for (const RoutedReference& it : references)
            if (it.route == Route::literal && !patched_.literal_of(it.reference).bytes.empty())
                layout_.literals.try_emplace({it.reference.id, it.reference.anchor}, 0);
    }

    // Returns where it went. The linker is not to merge it with others: it would take neighbours apart.
    uint64_t place_literal(uint32_t section, uint64_t start) {
        const elf::Section& model = object_.section(section);
        const elf::Bytes bytes = patched_.literal_at(section, start).bytes;
        NewSection& target = output_.sections[shared_section(section)];
        align_like(target.data, start, model.alignment);
        const uint64_t offset = target.data.size();
        append(target, bytes);
        Item item;
        const bool is_string = patched_.role(section) == Role::strings;
        item.kind = is_string ? "string" : "constant";
        item.size = bytes.size();
        item.name = is_string ? std::string(elf::Object::string_at(model, start)) : std::string(model.name);
        layout_.literal_items.push_back(std::move(item));
        return offset;
    }

    void place_entry(const KeptEntry& it) {
        const elf::Section& model = object_.section(it.entry.section);
        const SpecialTable& table = patched_.table_of(it.entry);
        const uint32_t section = table_section(it);
        NewSection& target = output_.sections[section];
        while (target.data.size() % table.entry_size != 0) // after an entry that lacked its padding
            target.data.push_back(std::byte{0});
        layout_.entries.push_back({section, target.data.size()});
        append(target, model.data.subspan(it.entry.start, it.entry.size));
        if (table.parallel != 0)
            append_parallel(it.entry, section);
    }

    uint32_t table_section(const KeptEntry& it) {
        const elf::Section& model = object_.section(it.entry.section);
        // A section that is bound to its function's (SHF_LINK_ORDER) is one per function.
        const bool is_bound = (model.flags & SHF_LINK_ORDER) != 0;
        auto [at, is_new] = tables_.try_emplace({it.entry.section, is_bound ? it.owner : none}, 0);
        if (is_new) {
            NewSection section = like(model, 0);
            section.entry_size = model.entry_size;
            if (is_bound) {
                section.flags |= SHF_LINK_ORDER;
                section.linked = layout_.pieces[it.owner].section;
            }
            at->second = output_.add_section(std::move(section));
        }
        return at->second;
    }

    void append_parallel(const SpecialEntry& entry, uint32_t section) {
        const SpecialTable& table = patched_.table_of(entry);
        const elf::Section& model = object_.section(table.parallel);
        auto [at, is_new] = parallel_.try_emplace(section, 0);
        if (is_new) {
            NewSection twin = like(model, 0);
            twin.entry_size = model.entry_size;
            at->second = output_.add_section(std::move(twin));
        }
        const uint64_t number = entry.start / table.entry_size;
        append(output_.sections[at->second], model.data.subspan(number * table.parallel_size, table.parallel_size));
    }

    // Says which layout the ORC data has; the module loader of kernels that have it wants it beside the data.
    void add_orc_header() {
        const elf::Section* header = object_.find_section(".orc_header");
        if (!header || parallel_.empty() || header->type == SHT_NOBITS)
            return;
        NewSection section = like(*header, 0);
        append(section, header->data);
        output_.add_section(std::move(section));
    }

    const Unit& patched_;
    const elf::Object& object_;
    const Selection& selection_;
    elf::Builder& output_;
    Layout layout_;
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> tables_; // section, owner or none -> output's section
    std::unordered_map<uint32_t, uint32_t> parallel_;          // output's section -> that of its parallel entries
};

} // namespace

Spot Layout::of_literal(const Reference& reference) const {
    const auto section = shared.find(reference.id);
    const auto found = literals.find({reference.id, reference.anchor});
    const int64_t base = found == literals.end() ? 0 : static_cast<int64_t>(found->second);
    const int64_t inner = difference(reference.offset, static_cast<int64_t>(reference.anchor));
    return {section == shared.end() ? 0 : section->second, static_cast<uint64_t>(sum(base, inner))};
}

Layout lay_out(const Pair& pair, const Selection& selection, const KeptEntries& kept, elf::Builder& output) {
    return Placer(pair.patched, selection, output).run(kept);
}

} // namespace klp::diff
