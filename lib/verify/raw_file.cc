#include "verify/raw_file.h"

#include <cstring>

namespace klp::verify {

namespace {

// Reads one field after the other, in the file's byte order.
class Reader {
public:
    Reader(const elf::Object& object, elf::Bytes bytes) : object_(object), bytes_(bytes) {}
    template <typename Field>
    void read(Field& field) {
        field = static_cast<Field>(object_.read_integer(bytes_, at_, sizeof(Field)));
        at_ += sizeof(Field);
    }
    void skip(size_t bytes) { at_ += bytes; }
    bool has(size_t bytes) const { return bytes_.size() - at_ >= bytes; }

private:
    const elf::Object& object_;
    elf::Bytes bytes_;
    size_t at_ = 0;
};

Elf64_Ehdr read_header(const elf::Object& module) {
    Elf64_Ehdr header = {};
    if (module.file().size() < sizeof(header))
        return header;
    std::memcpy(header.e_ident, module.file().data(), EI_NIDENT);
    Reader reader(module, module.file());
    reader.skip(EI_NIDENT);
    reader.read(header.e_type);
    reader.read(header.e_machine);
    reader.read(header.e_version);
    reader.read(header.e_entry);
    reader.read(header.e_phoff);
    reader.read(header.e_shoff);
    reader.read(header.e_flags);
    reader.read(header.e_ehsize);
    reader.read(header.e_phentsize);
    reader.read(header.e_phnum);
    reader.read(header.e_shentsize);
    reader.read(header.e_shnum);
    reader.read(header.e_shstrndx);
    return header;
}

void read(Reader& reader, Elf64_Shdr& section) {
    reader.read(section.sh_name);
    reader.read(section.sh_type);
    reader.read(section.sh_flags);
    reader.read(section.sh_addr);
    reader.read(section.sh_offset);
    reader.read(section.sh_size);
    reader.read(section.sh_link);
    reader.read(section.sh_info);
    reader.read(section.sh_addralign);
    reader.read(section.sh_entsize);
}

void read(Reader& reader, Elf64_Sym& symbol) {
    reader.read(symbol.st_name);
    reader.read(symbol.st_info);
    reader.read(symbol.st_other);
    reader.read(symbol.st_shndx);
    reader.read(symbol.st_value);
    reader.read(symbol.st_size);
}

// As many entries as elf::Object counts, as long as there are bytes for them.
template <typename Entry>
std::vector<Entry> read_table(const elf::Object& module, elf::Bytes bytes, size_t count) {
    std::vector<Entry> entries;
    entries.reserve(count);
    for (Reader reader(module, bytes); entries.size() < count && reader.has(sizeof(Entry));)
        read(reader, entries.emplace_back());
    return entries;
}

std::vector<Elf64_Shdr> read_sections(const elf::Object& module, uint64_t offset) {
    if (offset > module.file().size())
        return {};
    return read_table<Elf64_Shdr>(module, module.file().subspan(offset), module.sections().size());
}

std::vector<Elf64_Sym> read_symbols(const elf::Object& module) {
    if (module.symbol_table_section() == 0)
        return {};
    return read_table<Elf64_Sym>(module, module.section(module.symbol_table_section()).data, module.symbols().size());
}

// struct module_signature (include/linux/module_signature.h) ends in the length of what stands before it, 32 bits with
// the most significant byte first.
uint64_t signature_size(elf::Bytes file) {
    constexpr size_t trailer = 12, length_at = 8;
    if (file.size() < signature_marker.size() + trailer ||
        std::memcmp(file.data() + file.size() - signature_marker.size(), signature_marker.data(),
                    signature_marker.size()) != 0)
        return 0;
    const size_t start = file.size() - signature_marker.size() - trailer;
    uint64_t length = 0;
    for (size_t at = start + length_at; at < start + trailer; ++at)
        length = length << 8 | std::to_integer<uint64_t>(file[at]);
    return length + trailer + signature_marker.size();
}

} // namespace

RawFile read_raw(const elf::Object& module) {
    RawFile raw;
    raw.header = read_header(module);
    raw.sections = read_sections(module, raw.header.e_shoff);
    raw.symbols = read_symbols(module);
    raw.signature = signature_size(module.file());
    raw.length = module.file().size() - (raw.signature < module.file().size() ? raw.signature : 0);
    return raw;
}

} // namespace klp::verify
