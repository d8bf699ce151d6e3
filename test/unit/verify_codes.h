// The sound module, changed in one way, and the codes of the rules that then fire.
#pragma once

#include "sound_module.h"
#include "verify/verify.h"

#include <cstring>
#include <set>

namespace klp::test {

using Codes = std::set<std::string>;

inline Codes codes_of(const elf::Object& module, const verify::Options& options) {
    Codes codes;
    for (const report::Finding& finding : verify::check(module, options))
        codes.insert(finding.code);
    return codes;
}

inline Codes codes_of(const Sound& module, const FakeKernel& kernel) {
    return codes_of(module.object(), {.kernel = &kernel});
}
inline Codes codes_of(const Sound& module) {
    return codes_of(module, target());
}

inline Codes with_function(const char* name, const char* object, uint64_t sympos, FakeKernel kernel = target()) {
    Sound module;
    std::string text = std::string("vmlinux\0cmdline_show\0usbcore\0kick\0", 34) + name + '\0' + object + '\0';
    module.builder.sections[module.strings].data = test::bytes_of(text);
    module.add_function(64, 34, 34 + static_cast<int64_t>(std::strlen(name)) + 1, sympos);
    return codes_of(module, kernel);
}

inline Codes with_symbol(std::string name) {
    Sound module;
    module.builder.symbols[module.hidden].name = std::move(name);
    return codes_of(module);
}

// An image with a build id of four bytes.
inline elf::Object image_with_id(const std::vector<unsigned char>& id) {
    std::vector<unsigned char> note = {4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0};
    note.insert(note.end(), id.begin(), id.end());
    ModuleMaker maker;
    const auto* data = reinterpret_cast<const std::byte*>(note.data());
    maker.builder.add_section({.name = ".notes", .type = SHT_NOTE, .alignment = 4, .data = {data, data + note.size()}});
    return maker.object();
}

} // namespace klp::test
