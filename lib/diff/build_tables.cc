#include "diff/build_tables.h"

#include "diff/callbacks.h"
#include "diff/landing_pads.h"
#include "elf/integer.h"
#include "elf/livepatch_abi.h"

#include <elf.h>
#include <initializer_list>
#include <string>
#include <unordered_map>

namespace klp::diff {

namespace {

using elf::NewSection;

// `.klp.build.strings`, each string once.
class Strings {
public:
    explicit Strings(elf::Builder& output) : output_(output) {
        NewSection section;
        section.name = elf::build_strings_section;
        section.flags = SHF_ALLOC;
        section_ = output.add_section(std::move(section));
    }
    uint32_t section() const { return section_; }
    // Where it is in the section.
    int64_t add(std::string_view text) {
        std::vector<std::byte>& data = output_.sections[section_].data;
        auto [at, is_new] = places_.try_emplace(std::string(text), data.size());
        if (is_new) {
            const elf::Bytes bytes = std::as_bytes(std::span(text.data(), text.size()));
            data.insert(data.end(), bytes.begin(), bytes.end());
            data.push_back(std::byte{0});
        }
        return static_cast<int64_t>(at->second);
    }

private:
    elf::Builder& output_;
    uint32_t section_ = 0;
    std::unordered_map<std::string, uint64_t> places_;
};

// A table of words, some of which are pointers.
class Table {
public:
    Table(Draft& draft, std::string_view name) : draft_(draft) {
        NewSection section;
        section.name = name;
        section.flags = SHF_ALLOC | SHF_WRITE;
        section.alignment = 8;
        section_ = draft.output.add_section(std::move(section));
    }
    void pointer(uint32_t symbol, int64_t addend) {
        relocations_.push_back({data_.size(), draft_.pair.patched.machine().absolute64(), symbol, addend});
        word(0);
    }
    void word(uint64_t value) {
        data_.resize(data_.size() + sizeof(value));
        elf::put_integer(std::span(data_).last(sizeof(value)), value, draft_.output.little_endian);
    }
    void finish() {
        draft_.output.sections[section_].data = std::move(data_);
        draft_.output.relocations_of(section_).entries = std::move(relocations_);
    }

private:
    Draft& draft_;
    uint32_t section_ = 0;
    std::vector<std::byte> data_;
    std::vector<elf::Relocation> relocations_;
};

uint32_t symbol_of(const Draft& draft, uint32_t piece) {
    return draft.own.symbols[draft.pair.patched.piece(piece).symbol];
}

void add_functions(Draft& draft, KernelReferences& kernel, Strings& strings) {
    if (draft.selection.changed.empty())
        return;
    Table table(draft, elf::build_functions_section);
    const uint32_t text = add_section_symbol(draft.output, strings.section());
    const Unit& original = draft.pair.original;
    for (uint32_t piece : draft.selection.changed) {
        const uint32_t symbol = original.piece(draft.pair.before(piece)).symbol;
        const std::string_view name = original.object().symbol(symbol).name;
        const symbols::Resolution& found = draft.kernel.defined(symbol);
        if (!is_found(found)) {
            kernel.to(name, found, piece);
            continue;
        }
        table.pointer(symbol_of(draft, piece), 0);
        table.pointer(text, strings.add(name));
        table.pointer(text, strings.add(draft.kernel.owner()));
        table.word(found.sympos);
    }
    table.finish();
}

void add_callbacks(Draft& draft, Strings& strings) {
    if (draft.pair.macros.callbacks.empty())
        return;
    Table table(draft, elf::build_callbacks_section);
    const uint32_t text = add_section_symbol(draft.output, strings.section());
    for (const Callback& callback : draft.pair.macros.callbacks) {
        table.pointer(symbol_of(draft, callback.function), 0);
        table.pointer(text, strings.add(object_of(callback, draft.kernel.owner())));
        table.word(static_cast<uint64_t>(callback.kind));
    }
    table.finish();
}

void add_symbols(Draft& draft, const std::vector<uint32_t>& symbols) {
    if (symbols.empty())
        return;
    Table table(draft, elf::build_symbols_section);
    for (uint32_t symbol : symbols)
        table.pointer(symbol, 0);
    table.finish();
}

} // namespace

void add_build_tables(Draft& draft, KernelReferences& kernel) {
    Strings strings(draft.output);
    add_functions(draft, kernel, strings);
    mark_landing_pads(draft);
    add_callbacks(draft, strings);
    add_symbols(draft, kernel.build_symbols());
}

} // namespace klp::diff
