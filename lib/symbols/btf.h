// The prototypes of a kernel object's functions and the sizes of its structures, from its BTF
// (Documentation/bpf/btf.rst): every image has it, the one that boots too.
#pragma once

#include "elf/object.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace klp::symbols {

// The result's type and those of the parameters, as text without qualifiers: "int", "struct seq_file *", "...".
using Signature = std::vector<std::string>;

class Btf {
public:
    // Reads .BTF of vmlinux. nullopt if there is none, or none of a form that is known here.
    static std::optional<Btf> read(const elf::Object& vmlinux);

    // The prototype of a function, or nullopt if it is not described or (several of one name) not clear.
    std::optional<Signature> find(std::string_view function) const;

    // The size in bytes of `struct NAME`, or nullopt if it is not described or (several of one name) not clear.
    std::optional<uint32_t> structure_size(std::string_view name) const;

private:
    struct Type {
        uint32_t name = 0;
        uint32_t info = 0;
        uint32_t reference = 0; // size or type
        uint64_t rest = 0;      // offset of what follows
    };
    uint32_t word(uint64_t offset) const;
    std::string_view string_at(uint32_t offset) const;
    std::string type_name(uint32_t id, unsigned depth) const;
    bool read_types();

    const elf::Object* file_ = nullptr;
    elf::Bytes types_data_;
    elf::Bytes strings_;
    std::vector<Type> types_;                                   // by id; 0 is void
    std::unordered_map<std::string_view, uint32_t> functions_;  // name -> id, 0 if there are several
    std::unordered_map<std::string_view, uint32_t> structures_; // likewise
};

// A structure that is found without making anything of the rest: every check of a module asks for a few.
struct Structure {
    uint32_t size = 0;
    std::unordered_map<std::string_view, uint32_t>
        members; // name -> offset in bytes; those in nameless members are not
};

// Those of vmlinux that are named; without .BTF none, and none of which there are several. The result points into
// `vmlinux`.
std::unordered_map<std::string_view, Structure> read_structures(const elf::Object& vmlinux,
                                                                std::span<const std::string_view> names);

} // namespace klp::symbols
