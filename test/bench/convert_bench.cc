// klp-convert and klp-verify on a module with 10,000 livepatch relocations, each to another symbol of a real vmlinux,
// as multiples of what must be done in any case: reading the symbol table once. The promise is 2.
#include "convert/resolve.h"
#include "convert/rewrite.h"
#include "livepatch_modules.h"
#include "report/finding.h"
#include "symbols/kernel_files.h"
#include "verify/verify.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

using namespace klp;

namespace {

constexpr size_t relocation_count = 10000;
constexpr int repetitions = 5;

// The best of several runs, in milliseconds.
double measure(auto&& action) {
    double best = 1e9;
    for (int run = 0; run < repetitions; ++run) {
        auto start = std::chrono::steady_clock::now();
        action();
        std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
        best = std::min(best, taken.count());
    }
    return best;
}

bool may_be_referred_to(const symbols::SymbolTable& table, const symbols::KernelSymbol& symbol) {
    return table.find(symbol.name).size() == 1 && symbol.name.find(',') == std::string_view::npos;
}

elf::Object make_module(const symbols::SymbolTable& table) {
    test::ModuleMaker maker({"livepatch=Y", "license=GPL", "name=bench", "vermagic=bench"});
    uint32_t data = maker.section(".data.refs", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(8 * relocation_count));
    maker.section(".gnu.linkonce.this_module", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(64));
    uint64_t offset = 0;
    for (const symbols::KernelSymbol& symbol : table.symbols()) {
        if (!may_be_referred_to(table, symbol))
            continue;
        maker.relocate(data, offset, maker.undefined(std::string(symbol.name), STB_GLOBAL), R_X86_64_64, 0);
        offset += 8;
        if (offset == 8 * relocation_count)
            break;
    }
    return maker.object();
}

std::vector<std::byte> convert_module(const elf::Object& module, const symbols::KernelPaths& paths) {
    symbols::KernelFiles kernel(paths);
    return convert::rewrite(module, convert::resolve_references(module, kernel, {}, {}).references).bytes;
}

size_t verify_module(const std::vector<std::byte>& bytes, const symbols::KernelPaths& paths) {
    symbols::KernelFiles kernel(paths);
    return verify::check(elf::Object::from_bytes("bench.ko", bytes), {.kernel = &kernel}).size();
}

void run(const char* vmlinux) {
    symbols::KernelPaths paths;
    paths.vmlinux = vmlinux;
    double reading = measure([&] { symbols::KernelFiles(paths).table("vmlinux"); });
    elf::Object module = make_module(*symbols::KernelFiles(paths).table("vmlinux"));
    std::vector<std::byte> finished = convert_module(module, paths);
    double converting = measure([&] { convert_module(module, paths); });
    double verifying = measure([&] { verify_module(finished, paths); });
    fmt::print("reading the symbol table  {:7.1f} ms\n", reading);
    fmt::print("klp-convert, with reading {:7.1f} ms  {:.2f}\n", converting, converting / reading);
    fmt::print("klp-verify, with reading  {:7.1f} ms  {:.2f}\n", verifying, verifying / reading);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: convert_bench VMLINUX\n");
        return 2;
    }
    try {
        run(argv[1]);
    } catch (const report::Refusal& refusal) {
        fmt::print(stderr, "{}\n", refusal.what());
        return 1;
    }
    return 0;
}
