// One fault at a time in the module of module_image.h, and the rule that must find it.
#pragma once

#include "module_image.h"
#include "verify/verify.h"

#include <doctest/doctest.h>
#include <functional>
#include <set>

namespace klp::test {

using Bytes = std::vector<std::byte>;
using Codes = std::set<std::string>;

struct Fault {
    std::string name;
    std::string rule; // that must be among those that fire
    std::function<void(ModuleImage&)> damage;
};

inline Codes codes_of(Bytes bytes) {
    static const test::FakeKernel kernel = test::full_target();
    Codes codes;
    try {
        const elf::Object module = elf::Object::from_bytes("x.ko", std::move(bytes));
        for (const report::Finding& finding : verify::check(module, {.kernel = &kernel}))
            codes.insert(finding.code);
    } catch (const report::Refusal& refusal) {
        for (const report::Finding& finding : refusal.findings())
            codes.insert(finding.code);
    }
    return codes;
}

inline size_t check_all(const std::vector<Fault>& faults) {
    const Bytes sound = FullModule().builder.bytes();
    for (const Fault& fault : faults) {
        CAPTURE(fault.name);
        ModuleImage image(sound);
        fault.damage(image);
        CHECK(image.bytes != sound);
        const Codes codes = codes_of(image.bytes);
        CHECK_MESSAGE(codes.contains(fault.rule), "expected ", fault.rule, ", found ", doctest::toString(codes));
    }
    return faults.size();
}

template <typename Field>
Fault header(const char* name, Field Elf64_Ehdr::* field, uint64_t value, const char* rule) {
    return {name, rule, [=](ModuleImage& image) {
                image.edit_header([&](Elf64_Ehdr& wanted) { wanted.*field = static_cast<Field>(value); });
            }};
}

inline Fault identification(const char* name, size_t at, unsigned value, const char* rule) {
    return {name, rule, [=](ModuleImage& image) { image.bytes[at] = std::byte(value); }};
}

template <typename Field>
Fault section(const std::string& which, const char* name, Field Elf64_Shdr::* field,
              const std::function<Field(Field)>& to, const char* rule) {
    return {which + ": " + name, rule, [=](ModuleImage& image) {
                image.edit_section(which, [&](Elf64_Shdr& wanted) { wanted.*field = to(wanted.*field); });
            }};
}
inline Fault type(const char* which, uint32_t value, const char* rule) {
    return section<uint32_t>(which, "sh_type", &Elf64_Shdr::sh_type, [=](uint32_t) { return value; }, rule);
}
inline Fault flags(const char* which, uint64_t set, uint64_t cleared, const char* rule) {
    return section<uint64_t>(
        which, "sh_flags", &Elf64_Shdr::sh_flags, [=](uint64_t old) { return (old | set) & ~cleared; }, rule);
}
inline Fault entry_size(const char* which, uint64_t value, const char* rule) {
    return section<uint64_t>(which, "sh_entsize", &Elf64_Shdr::sh_entsize, [=](uint64_t) { return value; }, rule);
}
inline Fault size(const char* which, int64_t more, const char* rule) {
    return section<uint64_t>(
        which, "sh_size", &Elf64_Shdr::sh_size, [=](uint64_t old) { return old + static_cast<uint64_t>(more); }, rule);
}
inline Fault offset(const char* which, int64_t more, const char* rule) {
    return section<uint64_t>(
        which, "sh_offset", &Elf64_Shdr::sh_offset, [=](uint64_t old) { return old + static_cast<uint64_t>(more); },
        rule);
}

template <typename Field>
Fault symbol(const char* which, const char* name, Field Elf64_Sym::* field, uint64_t value, const char* rule) {
    return {std::string(which) + ": " + name, rule, [=](ModuleImage& image) {
                image.edit_symbol(which, [&](Elf64_Sym& wanted) { wanted.*field = static_cast<Field>(value); });
            }};
}

inline Fault relocation(const char* table, size_t index, const char* name, const std::function<void(Elf64_Rela&)>& to,
                        const char* rule) {
    return {std::string(table) + ": " + name, rule,
            [=](ModuleImage& image) { image.edit_relocation(table, index, to); }};
}
inline Fault addend(const char* table, size_t index, int64_t value, const char* rule) {
    return relocation(table, index, "r_addend", [=](Elf64_Rela& entry) { entry.r_addend = value; }, rule);
}
inline Fault place(const char* table, size_t index, uint64_t value, const char* rule) {
    return relocation(table, index, "r_offset", [=](Elf64_Rela& entry) { entry.r_offset = value; }, rule);
}
inline Fault kind(const char* table, size_t index, uint32_t value, const char* rule) {
    return relocation(
        table, index, "r_type",
        [=](Elf64_Rela& entry) { entry.r_info = ELF64_R_INFO(ELF64_R_SYM(entry.r_info), value); }, rule);
}

inline Fault text(const char* from, const char* to, const char* rule) {
    return {std::string(from) + " -> " + to, rule, [=](ModuleImage& image) { image.replace(from, to); }};
}
inline Fault content(const char* which, uint64_t at, unsigned value, const char* rule) {
    return {std::string(which) + ": content", rule,
            [=](ModuleImage& image) { image.bytes[image.section(which).sh_offset + at] = std::byte(value); }};
}

} // namespace klp::test
