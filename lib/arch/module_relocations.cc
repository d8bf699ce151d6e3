#include "arch/module_relocations.h"

#include <elf.h>
#include <span>

namespace klp::arch {

namespace {

struct Range {
    uint32_t first;
    uint32_t last;
    unsigned width;
};

constexpr uint16_t loongarch = 258; // EM_LOONGARCH, newer than the C library's header

constexpr Range x86_64[] = {
    {R_X86_64_NONE, R_X86_64_NONE, 0},   {R_X86_64_64, R_X86_64_64, 8},  {R_X86_64_PC32, R_X86_64_PC32, 4},
    {R_X86_64_PLT32, R_X86_64_PLT32, 4}, {R_X86_64_32, R_X86_64_32S, 4}, {R_X86_64_PC64, R_X86_64_PC64, 8},
};

constexpr Range aarch64[] = {
    {R_AARCH64_NONE, R_AARCH64_NONE, 0},
    {256, 256, 0}, // R_ARM_NONE of old compilers
    {R_AARCH64_ABS64, R_AARCH64_ABS64, 8},
    {R_AARCH64_ABS32, R_AARCH64_ABS32, 4},
    {R_AARCH64_ABS16, R_AARCH64_ABS16, 2},
    {R_AARCH64_PREL64, R_AARCH64_PREL64, 8},
    {R_AARCH64_PREL32, R_AARCH64_PREL32, 4},
    {R_AARCH64_PREL16, R_AARCH64_PREL16, 2},
    {R_AARCH64_MOVW_UABS_G0, R_AARCH64_MOVW_SABS_G2, 4},
    {R_AARCH64_LD_PREL_LO19, R_AARCH64_LDST8_ABS_LO12_NC, 4},
    {R_AARCH64_TSTBR14, R_AARCH64_LDST64_ABS_LO12_NC, 4},
    {R_AARCH64_MOVW_PREL_G0, R_AARCH64_MOVW_PREL_G3, 4},
    {R_AARCH64_LDST128_ABS_LO12_NC, R_AARCH64_LDST128_ABS_LO12_NC, 4},
};

constexpr Range ppc64[] = {
    {R_PPC64_ADDR32, R_PPC64_ADDR32, 4},
    {R_PPC64_ADDR64, R_PPC64_ADDR64, 8},
    {R_PPC64_REL24, R_PPC64_REL24, 4},
    {R_PPC64_REL32, R_PPC64_REL32, 4},
    {R_PPC64_REL64, R_PPC64_REL64, 8},
    {R_PPC64_TOC16, R_PPC64_TOC16_LO, 2},
    {R_PPC64_TOC16_HA, R_PPC64_TOC16_HA, 2},
    {R_PPC64_TOC, R_PPC64_TOC, 8},
    {R_PPC64_TOC16_DS, R_PPC64_TOC16_LO_DS, 2},
    {109, 109, 0}, // R_PPC64_TOCSAVE
    {116, 116, 4}, // R_PPC64_REL24_NOTOC
    {118, 118, 0}, // R_PPC64_ENTRY
    {132, 133, 8}, // R_PPC64_PCREL34, R_PPC64_GOT_PCREL34
    {R_PPC64_REL16_LO, R_PPC64_REL16_LO, 2},
    {R_PPC64_REL16_HA, R_PPC64_REL16_HA, 2},
};

constexpr Range s390x[] = {
    {R_390_NONE, R_390_NONE, 0},
    {R_390_8, R_390_8, 1},
    {R_390_12, R_390_16, 2},
    {R_390_32, R_390_32, 4},
    {R_390_PC32, R_390_PC32, 4},
    {R_390_GOT12, R_390_GOT12, 2},
    {R_390_GOT32, R_390_PLT32, 4},
    {R_390_GOTOFF32, R_390_GOTPC, 4},
    {R_390_GOT16, R_390_PLT16DBL, 2},
    {R_390_PC32DBL, R_390_GOTPCDBL, 4},
    {R_390_64, R_390_GOT64, 8},
    {R_390_PLT64, R_390_PLT64, 8},
    {R_390_GOTENT, R_390_GOTENT, 4},
    {R_390_GOTOFF16, R_390_GOTOFF16, 2},
    {R_390_GOTOFF64, R_390_GOTOFF64, 8},
    {R_390_GOTPLT12, R_390_GOTPLT16, 2},
    {R_390_GOTPLT32, R_390_GOTPLT32, 4},
    {R_390_GOTPLT64, R_390_GOTPLT64, 8},
    {R_390_GOTPLTENT, R_390_GOTPLTENT, 4},
    {R_390_PLTOFF16, R_390_PLTOFF16, 2},
    {R_390_PLTOFF32, R_390_PLTOFF32, 4},
    {R_390_PLTOFF64, R_390_PLTOFF64, 8},
    {R_390_20, R_390_GOTPLT20, 4},
};

// Numbers of arch/loongarch/include/asm/elf.h.
constexpr Range loongarch64[] = {
    {0, 0, 0},    // NONE
    {1, 1, 4},    // 32
    {2, 2, 8},    // 64
    {20, 24, 0},  // MARK_LA, MARK_PCREL, SOP_PUSH_*
    {29, 29, 0},  // SOP_PUSH_PLT_PCREL
    {32, 37, 0},  // SOP_SUB ... SOP_IF_ELSE
    {38, 46, 4},  // SOP_POP_32_*
    {50, 50, 4},  // ADD32
    {51, 51, 8},  // ADD64
    {55, 55, 4},  // SUB32
    {56, 56, 8},  // SUB64
    {66, 66, 4},  // B26
    {71, 76, 4},  // PCALA_*, GOT_PC_*
    {99, 99, 4},  // 32_PCREL
    {109, 109, 8} // 64_PCREL
};

std::span<const Range> ranges_of(uint16_t machine) {
    switch (machine) {
    case EM_X86_64:
        return x86_64;
    case EM_AARCH64:
        return aarch64;
    case EM_PPC64:
        return ppc64;
    case EM_S390:
        return s390x;
    case loongarch:
        return loongarch64;
    default:
        return {};
    }
}

} // namespace

std::optional<unsigned> module_relocation_width(uint16_t machine, uint32_t type) {
    for (const Range& range : ranges_of(machine))
        if (type >= range.first && type <= range.last)
            return range.width;
    return std::nullopt;
}

bool loader_wants_zero_place(uint16_t machine) {
    return machine == EM_X86_64;
}

bool relocations_accumulate(uint16_t machine) {
    return machine == loongarch;
}

} // namespace klp::arch
