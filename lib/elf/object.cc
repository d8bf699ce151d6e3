#include "elf/object.h"

#include "elf/object_state.h"

#include <cstring>
#include <utility>

namespace klp::elf {

bool Section::is_allocated() const {
    return flags & SHF_ALLOC;
}
bool Section::is_code() const {
    return is_allocated() && (flags & SHF_EXECINSTR);
}
bool Section::is_writable() const {
    return flags & SHF_WRITE;
}
bool Section::is_mergeable_strings() const {
    return (flags & SHF_MERGE) && (flags & SHF_STRINGS);
}

bool Symbol::is_function() const {
    return type == STT_FUNC || type == STT_GNU_IFUNC;
}
bool Symbol::is_section() const {
    return type == STT_SECTION;
}
bool Symbol::is_file() const {
    return type == STT_FILE;
}
bool Symbol::is_local() const {
    return binding == STB_LOCAL;
}
bool Symbol::is_weak() const {
    return binding == STB_WEAK;
}

Object::Object(std::unique_ptr<State> state) : state_(std::move(state)) {}
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(Object&&) noexcept = default;
Object::~Object() = default;

Object Object::open(const std::filesystem::path& path) {
    return open(path, path.string());
}

Object Object::open(const std::filesystem::path& path, std::string name) {
    auto state = std::make_unique<State>(std::move(name), files::Mapping::of(path));
    state->read();
    return Object(std::move(state));
}

Object Object::from_bytes(std::string name, std::vector<std::byte> bytes) {
    auto state = std::make_unique<State>(std::move(name), files::Mapping(std::move(bytes)));
    state->read();
    return Object(std::move(state));
}

const std::string& Object::name() const {
    return state_->name;
}
Bytes Object::file() const {
    return {state_->image.data(), state_->image.size()};
}
uint16_t Object::machine() const {
    return state_->header.e_machine;
}
uint16_t Object::type() const {
    return state_->header.e_type;
}
uint32_t Object::flags() const {
    return state_->header.e_flags;
}
uint8_t Object::osabi() const {
    return state_->header.e_ident[EI_OSABI];
}
bool Object::is_little_endian() const {
    return state_->header.e_ident[EI_DATA] == ELFDATA2LSB;
}
std::span<const Section> Object::sections() const {
    return state_->sections;
}
std::span<const Symbol> Object::symbols() const {
    return state_->all_symbols();
}
void Object::visit_symbols(const std::function<void(const Symbol&)>& visit) const {
    state_->visit_symbols(visit);
}
bool Object::has_symbols() const {
    return state_->symbol_count > 0;
}
std::shared_ptr<const void> Object::owner() const {
    return state_->owner;
}
std::span<const Group> Object::groups() const {
    return state_->groups;
}
uint32_t Object::symbol_table_section() const {
    return state_->symbol_table;
}
std::span<const RelocationTable> Object::relocation_tables() const {
    return state_->tables;
}

std::vector<RelocationTable> Object::read_debug_relocation_tables() const {
    std::vector<RelocationTable> tables;
    for (const Section& section : state_->sections)
        if (state_->is_debug_table(section))
            tables.push_back(state_->read_relocation_table(section));
    return tables;
}

std::span<const Relocation> Object::relocations(uint32_t section) const {
    int32_t table = state_->table_of[section];
    if (table < 0)
        return {};
    return state_->tables[static_cast<size_t>(table)].entries;
}

const Section* Object::find_section(std::string_view name) const {
    auto found = state_->section_by_name.find(name);
    return found == state_->section_by_name.end() ? nullptr : &state_->sections[found->second];
}

const Section* Object::section_of(const Symbol& symbol) const {
    return symbol.place == Place::section ? &state_->sections[symbol.section] : nullptr;
}

std::string_view Object::string_at(const Section& section, uint64_t offset) {
    if (offset >= section.data.size())
        return {};
    const char* text = reinterpret_cast<const char*>(section.data.data()) + offset;
    const void* end = std::memchr(text, 0, section.data.size() - offset);
    if (!end)
        return {};
    return {text, static_cast<size_t>(static_cast<const char*>(end) - text)};
}

uint64_t Object::read_integer(Bytes data, uint64_t offset, unsigned width) const {
    uint64_t value = 0;
    for (unsigned at = 0; at < width; ++at) {
        unsigned shift = 8 * (is_little_endian() ? at : width - 1 - at);
        value |= std::to_integer<uint64_t>(data[offset + at]) << shift;
    }
    return value;
}

} // namespace klp::elf
