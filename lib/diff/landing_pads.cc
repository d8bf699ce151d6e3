#include "diff/landing_pads.h"

#include <array>
#include <string_view>

namespace klp::diff {

namespace {

// A section of marks: how large one is, and which kind its second word says (ANNOTYPE_NOENDBR of linux/annotate.h).
struct Marks {
    std::string_view section;
    unsigned size = 0;
    std::byte kind{0};
};

constexpr std::array all_marks{Marks{".discard.noendbr", 4}, Marks{".discard.annotate_insn", 8, std::byte{1}}};

} // namespace

void mark_landing_pads(Draft& draft) {
    const Unit& patched = draft.pair.patched;
    std::vector<elf::Relocation> marks;
    for (uint32_t index : draft.selection.changed)
        if (auto code = patched.code_of(patched.piece(index)))
            if (auto type = patched.machine().missing_landing_pad(*code))
                marks.push_back({0, *type, draft.own.symbols[patched.piece(index).symbol], 0});
    if (marks.empty())
        return;
    for (const Marks& it : all_marks) {
        elf::NewSection section;
        section.name = it.section;
        section.entry_size = it.size;
        section.data.resize(marks.size() * it.size);
        for (size_t at = 0; at < marks.size(); ++at) {
            marks[at].offset = at * it.size;
            if (it.size > 4)
                section.data[at * it.size + 4] = it.kind;
        }
        const uint32_t index = draft.output.add_section(std::move(section));
        draft.output.relocations_of(index).entries = marks;
    }
}

} // namespace klp::diff
