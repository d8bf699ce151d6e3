// The symbols of a kernel: of vmlinux and of its modules, as kallsyms numbers them. Where they were read from (an ELF
// image, `readelf` text, the kallsyms tables inside a boot image) makes no difference above.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::elf {
class Object;
}

namespace klp::symbols {

struct KernelSymbol {
    std::string_view name;
    uint64_t address = 0; // linked address (vmlinux), or offset in its section (module)
    uint64_t size = 0;    // 0 where unknown
    uint32_t section = 0; // section index in the ELF file, 0 where unknown
    uint32_t file = 0;    // index into SymbolTable::files(); 0: none known
    uint8_t type = 0;     // STT_*
    bool global = false;  // STB_GLOBAL or STB_WEAK
    bool weak = false;    // the latter
    // Of a module's init sections: kallsyms forgets it once the module is up (kernel/module/kallsyms.c,
    // is_core_symbol()), so a sympos among namesakes of both kinds depends on when it is looked up.
    bool init = false;
    uint32_t hash = 0; // of the name; 0 where nobody has computed it
};

// The symbols of one object ("vmlinux" or a module's name, with '_' for '-') in the order of kallsyms: by address for
// vmlinux (scripts/kallsyms.c), by symbol table order for a module (kernel/module/kallsyms.c).
class SymbolTable {
public:
    // KernelSymbol::hash of a name.
    static uint32_t hash_of(std::string_view name);
    // `names` owns the text that the symbols' names point into.
    SymbolTable(std::string object, std::vector<KernelSymbol> symbols, std::vector<std::string> files,
                std::vector<std::shared_ptr<const void>> names);

    const std::string& object() const { return object_; }
    std::span<const KernelSymbol> symbols() const { return symbols_; }
    const std::string& file_of(const KernelSymbol& symbol) const { return files_[symbol.file]; }
    // Indices of the symbols of that name, in kallsyms order.
    std::span<const uint32_t> find(std::string_view name) const;
    // All symbols at exactly that address (vmlinux only), in kallsyms order.
    std::span<const KernelSymbol> at_address(uint64_t address) const;
    // The symbol that covers `address` (vmlinux only): the last one at or below it, or nullptr.
    const KernelSymbol* covering(uint64_t address) const;
    // The number livepatch uses for a symbol of symbols(): 0 if no other symbol of this object has its name, else its
    // place among them counted from 1 (Documentation/livepatch/livepatch.rst, old_sympos).
    unsigned sympos(const KernelSymbol& symbol) const;

private:
    std::string object_;
    std::vector<KernelSymbol> symbols_;
    std::vector<std::string> files_;
    std::vector<std::shared_ptr<const void>> names_;
    // Symbols of one name: [first, last) of by_name_.
    struct Namesakes {
        uint32_t first = 0;
        uint32_t last = 0;
    };
    // A hash table without a node per name: 200,000 of them would cost more than all else that reads a kernel.
    struct Slot {
        uint32_t hash = 0;
        uint32_t namesakes = 0; // index into namesakes_ + 1; 0: free
    };
    void gather_namesakes();
    size_t slot_of(std::string_view name, uint32_t hash) const;

    std::vector<uint32_t> by_name_; // namesakes together, in kallsyms order
    std::vector<Namesakes> namesakes_;
    std::vector<Slot> slots_; // a power of two, at most three quarters of it in use
};

// The kernel's name of a module whose file or path is `path`: "net/foo/dm-mod.ko.xz" -> "dm_mod"
// (scripts/Makefile.lib, modname; the module loader takes '-' and '_' for the same).
std::string module_name_of(std::string_view path);

// Reads the SHT_SYMTAB of a vmlinux or module; the result does not need `object` afterwards. `object_name` is how the
// kernel calls it. Symbols that kallsyms leaves out are not in the result: section, file and undefined ones; of vmlinux
// also absolute ones and compiler-local or build-time names (scripts/mksysmap and scripts/kallsyms.c,
// is_ignored_symbol()). Throws report::Refusal "symbols.stripped" if the file has no symbol table.
SymbolTable read_elf_symbols(const elf::Object& object, std::string object_name);

// Reads the text that `readelf --symbols --wide` prints, of which only .symtab counts if it has several tables. `path`
// is for messages. Throws "symbols.malformed" naming the line, "symbols.stripped" if there is no symbol in it.
SymbolTable read_readelf_symbols(std::string_view text, const std::string& path, std::string object_name);

} // namespace klp::symbols
