// A target kernel made of a few names, for the tests of convert and verify.
#pragma once

#include "elf/object.h"
#include "symbols/kernel_view.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace klp::test {

struct FakeSymbol {
    std::string_view name;
    uint64_t address = 0;
    std::string_view file = {};
    uint8_t type = 2; // STT_FUNC
    bool global = true;
    uint64_t size = 8;
    uint32_t section = 0;
};

class FakeKernel : public symbols::KernelView {
public:
    void add(const std::string& object, const std::vector<FakeSymbol>& wanted) {
        std::vector<symbols::KernelSymbol> list;
        std::vector<std::string> files{""};
        for (const FakeSymbol& symbol : wanted) {
            files.emplace_back(symbol.file);
            list.push_back({.name = symbol.name,
                            .address = symbol.address,
                            .size = symbol.size,
                            .section = symbol.section,
                            .file = static_cast<uint32_t>(files.size() - 1),
                            .type = symbol.type,
                            .global = symbol.global});
        }
        tables_.insert_or_assign(object, symbols::SymbolTable(object, std::move(list), std::move(files), {}));
    }
    void add(symbols::SymbolTable table) {
        std::string object = table.object();
        tables_.insert_or_assign(std::move(object), std::move(table));
    }
    void add_image(const std::string& object, elf::Object image) { images_.insert_or_assign(object, std::move(image)); }

    const symbols::SymbolTable* table(std::string_view object) const override {
        auto found = tables_.find(object);
        return found == tables_.end() ? nullptr : &found->second;
    }
    const elf::Object* image(std::string_view object) const override {
        auto found = images_.find(object);
        return found == images_.end() ? nullptr : &found->second;
    }
    const symbols::Exports* exports() const override { return has_exports ? &exported : nullptr; }
    std::string_view vermagic() const override { return release; }
    bool knows_modules() const override { return has_modules; }

    symbols::Exports exported;
    bool has_exports = true;
    bool has_modules = true;
    std::string release;

private:
    std::map<std::string, symbols::SymbolTable, std::less<>> tables_;
    std::map<std::string, elf::Object, std::less<>> images_;
};

} // namespace klp::test
