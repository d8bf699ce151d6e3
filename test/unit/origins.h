// Objects and linked kernels of test units, and what the proof of origin says of them.
#pragma once

#include "compile.h"
#include "proof/origin_resolver.h"

#include <algorithm>

namespace klp::test {

inline constexpr const char* sections = "-ffunction-sections -fdata-sections";

inline const elf::Symbol& symbol(const elf::Object& unit, std::string_view name)
{
    auto found = std::ranges::find(unit.symbols(), name, &elf::Symbol::name);
    REQUIRE(found != unit.symbols().end());
    return *found;
}

inline proof::OriginStatus status(const proof::UnitOrigin& origin, const elf::Object& unit, std::string_view name)
{
    const proof::FunctionOrigin* function = origin.find(symbol(unit, name).index);
    REQUIRE(function);
    return function->status;
}

// Opened as a linked kernel or, under another name, as a module.
inline proof::Image open_image(const std::filesystem::path& path, const std::string& object = "vmlinux")
{
    elf::Object file = elf::Object::open(path);
    symbols::SymbolTable table = symbols::read_elf_symbols(file, object);
    return {std::move(file), std::move(table)};
}

// The objects as a kernel.
inline proof::Image link_image(const ScratchDirectory& scratch, const std::vector<std::filesystem::path>& objects)
{
    std::filesystem::path vmlinux = scratch.path() / "vmlinux";
    std::string command = "ld -e 0 -Ttext=0xffffffff81000000 -o " + vmlinux.string();
    for (const std::filesystem::path& object : objects)
        command.append(" ").append(object.string());
    run(command);
    return open_image(vmlinux);
}

} // namespace klp::test
