#include "diff/draft.h"

namespace klp::diff {

Draft::Draft(const Pair& of, const Selected& selected, const KernelSymbols& symbols)
    : pair(of), selection(selected.selection), moot(selected.moot), kernel(symbols),
      output(elf::Builder::like(of.patched.object())), kept(choose_entries(of, selected)),
      layout(lay_out(of, selection, kept, output)), own(add_own_symbols(of, selection, layout, output)),
      findings(std::move(kept.findings)) {}

void Draft::refuse(report::Finding finding, uint32_t piece) {
    if (piece == none || !moot[piece])
        findings.push_back(std::move(finding));
}

} // namespace klp::diff
