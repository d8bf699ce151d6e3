// Any bytes as a module for klp-verify, and as the previous patch: a refusal or findings with known codes.
#include "input.h"
#include "report/finding.h"
#include "require.h"
#include "verify/rule.h"
#include "verify/verify.h"

using namespace klp;

namespace {

// The module is its own kernel: vmlinux and every module are the fuzzed file.
class SameFile : public symbols::KernelView {
public:
    explicit SameFile(const elf::Object& file)
        : file_(file), core_(symbols::read_elf_symbols(file, "vmlinux")),
          module_(symbols::read_elf_symbols(file, "m")) {
        exports_.add("f", {"vmlinux", "NS", 1, true});
    }
    const symbols::SymbolTable* table(std::string_view object) const override {
        return object == "vmlinux" ? &core_ : &module_;
    }
    const elf::Object* image(std::string_view) const override { return &file_; }
    const symbols::Exports* exports() const override { return &exports_; }
    std::string_view vermagic() const override { return "v"; }
    bool knows_modules() const override { return true; }

private:
    const elf::Object& file_;
    symbols::SymbolTable core_;
    symbols::SymbolTable module_;
    symbols::Exports exports_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        elf::Object input = fuzz::read_object("input", {data, size});
        SameFile kernel(input);
        for (const report::Finding& finding : verify::check(input, {.kernel = &kernel, .previous = &input}))
            fuzz::require(verify::find_rule(finding.code) != nullptr);
        verify::predict(input, kernel);
    } catch (const report::Refusal& refusal) {
        fuzz::require(!refusal.findings().empty());
    }
    return 0;
}
