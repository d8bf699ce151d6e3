#include "diff/emit.h"

#include "diff/build_tables.h"
#include "diff/draft.h"
#include "diff/kernel_references.h"
#include "diff/relocate.h"
#include "diff/runtime_constants.h"

namespace klp::diff {

Emission emit(const Pair& pair, const Selected& selected, const KernelSymbols& kernel) {
    Draft draft(pair, selected, kernel);
    KernelReferences references(draft);
    relocate(draft, references);
    read_runtime_constants(draft, references);
    references.add_static_call_keys();
    add_build_tables(draft, references);
    return {std::move(draft.output), std::move(draft.findings), references.import_namespaces(), references.all(),
            std::move(draft.layout.literal_items)};
}

} // namespace klp::diff
