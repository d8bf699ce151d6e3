// The rule that looks at debug data: vmlinux's BTF and code, made by hand here, and the debug data of a compiled
// module.
#include "compile.h"
#include "fake_kernel.h"
#include "livepatch_modules.h"
#include "symbols/btf.h"
#include "verify/verify.h"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>

using namespace klp;

namespace {

constexpr uint64_t text_address = 0xffffffff81000000;

// BTF in the making (Documentation/bpf/btf.rst).
class BtfMaker {
public:
    uint32_t type(const std::string& name, unsigned kind, uint32_t count, uint32_t reference,
                  std::vector<uint32_t> rest = {}) {
        words_.insert(words_.end(), {string(name), (kind << 24) | count, reference});
        words_.insert(words_.end(), rest.begin(), rest.end());
        return ++last_;
    }
    std::vector<std::byte> bytes() const {
        std::vector<uint32_t> header{0x0001eb9f,
                                     24,
                                     0,
                                     static_cast<uint32_t>(words_.size() * 4),
                                     static_cast<uint32_t>(words_.size() * 4),
                                     static_cast<uint32_t>(strings_.size())};
        header.insert(header.end(), words_.begin(), words_.end());
        std::vector<std::byte> result(header.size() * 4 + strings_.size());
        std::memcpy(result.data(), header.data(), header.size() * 4);
        std::memcpy(result.data() + header.size() * 4, strings_.data(), strings_.size());
        return result;
    }

private:
    uint32_t string(const std::string& text) {
        if (text.empty())
            return 0;
        auto at = static_cast<uint32_t>(strings_.size());
        strings_ += text + '\0';
        return at;
    }
    std::string strings_ = std::string(1, '\0');
    std::vector<uint32_t> words_;
    uint32_t last_ = 0;
};

// int show(struct seq_file *m, int n)
std::vector<std::byte> btf_of_show() {
    BtfMaker btf;
    uint32_t integer = btf.type("int", 1, 0, 4, {0x01000020});
    uint32_t file = btf.type("seq_file", 4, 0, 8);
    uint32_t constant = btf.type("", 10, 0, file);
    uint32_t pointer = btf.type("", 2, 0, constant);
    uint32_t prototype = btf.type("", 13, 2, integer, {0, pointer, 0, integer});
    btf.type("show", 12, 0, prototype);
    return btf.bytes();
}

// show at +0x10, called from `caller` at +0x20.
elf::Object image(std::vector<std::byte> btf) {
    elf::Builder builder;
    builder.machine = EM_X86_64;
    builder.sections.resize(1);
    builder.symbols.resize(1);
    std::vector<std::byte> code(64, std::byte{0x90});
    const unsigned char call[] = {0xe8, 0xeb, 0xff, 0xff, 0xff}; // from 0x25 back to 0x10
    std::memcpy(code.data() + 0x20, call, sizeof(call));
    builder.add_section({.name = ".text", .flags = SHF_ALLOC | SHF_EXECINSTR, .data = code});
    builder.add_section({.name = ".BTF", .flags = SHF_ALLOC, .data = std::move(btf)});
    std::vector<std::byte> bytes = builder.bytes();
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    std::memcpy(bytes.data() + header.e_shoff + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_addr), &text_address, 8);
    return elf::Object::from_bytes("vmlinux", std::move(bytes));
}

test::FakeKernel kernel() {
    test::FakeKernel fake;
    fake.add("vmlinux", {{"_stext", text_address},
                         {"show", text_address + 0x10},
                         {"caller", text_address + 0x20},
                         {"klp_enable_patch", text_address + 0x40},
                         {"_etext", text_address + 0x40}});
    fake.add_image("vmlinux", image(btf_of_show()));
    fake.has_exports = false;
    return fake;
}

// A module that replaces `show`, and `caller` too if it is told to.
std::vector<std::string> findings(const std::string& parameters, bool with_caller = false) {
    test::ScratchDirectory scratch;
    std::string source = R"(
__attribute__((section(".modinfo"), used)) static const char info[] = "livepatch=Y\0license=GPL\0name=x\0vermagic=v";
extern int klp_enable_patch(void *);
__attribute__((section(".init.text"))) int init_module(void)
{
    return klp_enable_patch(0);
}
__attribute__((section(".gnu.linkonce.this_module"), used, aligned(8))) static struct {
    char head[24];
    char name[56];
    long more[6];
    int (*init)(void);
    long rest[6];
} this_module = { .name = "x", .init = init_module };
struct seq_file;
static int new_show()" + parameters +
                         R"() { return 7; }
static int new_caller(void) { return 8; }
struct func { const void *new_func; const char *name; const char *object; unsigned long sympos; };
__attribute__((section(".klp.build.funcs"), used)) static struct func funcs[] = {
    { new_show, "show", "vmlinux", 0 },
)" + (with_caller ? "{ new_caller, \"caller\", \"vmlinux\", 0 },\n" : "") +
                         "};\n" + "void *use = new_caller;\n";
    elf::Object module = elf::Object::open(test::compile_unit(scratch, "module", source, "-g"));
    test::FakeKernel target = kernel();
    std::vector<std::string> texts;
    for (const report::Finding& finding : verify::check(module, {.kernel = &target}))
        texts.push_back(finding.code + ": " + finding.message);
    return texts;
}

} // namespace

TEST_CASE("BTF says what a function takes and returns") {
    elf::Object vmlinux = image(btf_of_show());
    std::optional<symbols::Btf> btf = symbols::Btf::read(vmlinux);
    REQUIRE(btf);
    CHECK(btf->find("show") == symbols::Signature{"int", "struct seq_file *", "int"});
    CHECK_FALSE(btf->find("caller"));
}

TEST_CASE("BTF that is cut or wrong is not taken") {
    std::vector<std::byte> whole = btf_of_show();
    for (size_t size : {0, 10, 23, 24, 40, 60}) {
        elf::Object vmlinux = image({whole.begin(), whole.begin() + static_cast<long>(size)});
        CHECK_FALSE(symbols::Btf::read(vmlinux));
    }
    whole[24 + 7] = std::byte{0x1f}; // the first type's kind
    elf::Object vmlinux = image(whole);
    CHECK_FALSE(symbols::Btf::read(vmlinux));
}

TEST_CASE("sense: a replacement with another prototype, while somebody calls the function") {
    CHECK(findings("struct seq_file *m, int n").empty());
    CHECK(findings("const struct seq_file *m, int n").empty()); // qualifiers do not change a call
    CHECK(findings("struct seq_file *m") ==
          std::vector<std::string>{
              "sense.prototype: the replacement is int (struct seq_file *), the original int (struct "
              "seq_file *, int); still called by caller"});
    CHECK(findings("struct seq_file *m, long n").size() == 1);
    CHECK(findings("struct seq_file *m", true).empty());
}
