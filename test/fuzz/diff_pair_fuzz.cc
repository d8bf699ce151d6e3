// The ELF reader, and correlation, comparison, selection and emission on a pair of objects: whatever the files say, a
// refusal or an output, and the output can be read back.
// Input: the two objects.
#include "diff/diff.h"
#include "input.h"
#include "report/finding.h"

#include <cstdio>
#include <cstdlib>

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

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto [first, second] = fuzz::split({data, size});
    AnythingGoes resolver;
    diff::Options options;
    options.resolver = &resolver;
    options.explain = true;
    std::vector<std::byte> output;
    try {
        elf::Object original = fuzz::read_object("original", first);
        elf::Object patched = fuzz::read_object("patched", second);
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
