// The ELF reader, and correlation, comparison, selection and emission on a pair of objects: whatever the files say, a
// refusal or an output, and the output can be read back.
// Input: the size of the first object (4 bytes, little-endian), the first object, the second object.
#include "diff/diff.h"
#include "report/finding.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

using namespace klp;

class AnythingGoes : public symbols::Resolver {
public:
    symbols::Resolution resolve_defined(const elf::Symbol&) const override {
        return {symbols::Resolution::Kind::livepatch, "vmlinux", 1, true, {}, false, {}};
    }
    symbols::Resolution resolve_undefined(std::string_view) const override {
        return {symbols::Resolution::Kind::imported, "vmlinux", 0, true, {}, false, {}};
    }
};

elf::Object read(const char* name, const uint8_t* data, size_t size) {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    return elf::Object::from_bytes(name, std::vector<std::byte>(bytes, bytes + size));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    uint32_t first = 0;
    if (size < sizeof first)
        return 0;
    std::memcpy(&first, data, sizeof first);
    data += sizeof first;
    size -= sizeof first;
    first = static_cast<uint32_t>(std::min<size_t>(first, size));
    AnythingGoes resolver;
    diff::Options options;
    options.resolver = &resolver;
    options.explain = true;
    std::vector<std::byte> output;
    try {
        elf::Object original = read("original", data, first);
        elf::Object patched = read("patched", data + first, size - first);
        diff::Diff diff = diff::run(original, patched, options);
        if (diff.nothing_changed)
            return 0;
        output = diff.output.bytes();
    } catch (const report::Refusal&) {
        return 0;
    }
    try {
        elf::Object::from_bytes("output", output);
    } catch (const report::Refusal& refusal) {
        std::fprintf(stderr, "%s\n", refusal.what());
        std::abort();
    }
    return 0;
}
