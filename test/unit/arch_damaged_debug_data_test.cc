// Debug data at which LLVM's reader would end the process.
#include "compile.h"

#include "arch/debug_lines.h"
#include "arch/dwarf_guard.h"
#include "arch/structure_sizes.h"
#include "report/finding.h"

#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <functional>
#include <iterator>

using namespace klp;
using namespace klp::test;

namespace {

std::string code_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return {};
}

} // namespace

TEST_CASE("damaged debug data: a reader that would end the process is refused instead") {
    CHECK(code_of([] { arch::read_debug_data("unit.o", [] { std::abort(); }); }) == "elf.damaged-debug-data");
    CHECK(code_of([] {
              arch::read_debug_data("unit.o", [] { *const_cast<volatile int*>(static_cast<int*>(nullptr)) = 1; });
          }) == "elf.damaged-debug-data");
    // What the reader throws itself stays what it is.
    CHECK(code_of([] { arch::read_debug_data("unit.o", [] { throw report::Refusal("a.b", "unit.o", "c"); }); }) ==
          "a.b");
}

TEST_CASE("damaged debug data: a table of relocations that is not there") {
    ScratchDirectory scratch;
    const std::filesystem::path path =
        compile_unit(scratch, "unit", "struct s { int a; };\nint f(struct s *s) { return s->a; }\n", "-g");
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    const elf::Object whole = elf::Object::open(path);
    CHECK(
        arch::structure_sizes(whole, std::vector<std::string_view>{"s"}, std::vector<std::string_view>{".c"}).at("s") ==
        4);
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    const elf::Section* info = whole.find_section(".debug_info");
    REQUIRE(info);
    unsigned damaged = 0;
    for (unsigned index = 0; index < header.e_shnum; ++index) {
        char* at = bytes.data() + header.e_shoff + index * sizeof(Elf64_Shdr);
        Elf64_Shdr section;
        std::memcpy(&section, at, sizeof(section));
        if (section.sh_type != SHT_RELA || section.sh_info != info->index)
            continue;
        section.sh_entsize = 7;
        std::memcpy(at, &section, sizeof(section));
        ++damaged;
    }
    REQUIRE(damaged == 1);
    const std::filesystem::path broken = scratch.path() / "broken.o";
    std::ofstream(broken, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const std::string code = code_of([&] {
        const elf::Object object = elf::Object::open(broken);
        arch::DebugLines(object).frames(1, 0);
        arch::structure_sizes(object, std::vector<std::string_view>{"s"}, std::vector<std::string_view>{".c"});
    });
    CHECK(code.starts_with("elf."));
}
