#include "kernel/patched_files.h"

#include "source/changes.h"
#include "source/line_keeping.h"

namespace klp::kernel {

namespace {

// Renamed and new files have no old lines to keep to.
bool keeps_lines(const std::string& path, const source::FileChange& change) {
    const source::FileKind kind = source::kind_of(path);
    const bool is_c = kind == source::FileKind::c_source || kind == source::FileKind::header;
    return is_c && change.after && !change.origin.empty();
}

} // namespace

PatchedTree patched_tree_of(const Target& target) {
    PatchedTree tree = PatchedTree::acquire(target.source, target.entry / "patched");
    if (!target.has_fixed_source)
        tree.bring_up_to_date();
    return tree;
}

void write_patched_files(PatchedTree& tree, const source::Applied& applied) {
    for (const auto& [path, change] : applied.files) {
        if (source::kind_of(path) == source::FileKind::kconfig)
            continue;
        if (keeps_lines(path, change))
            tree.replace(path, source::keep_line_numbers(*change.after, change.line_origins));
        else
            tree.replace(path, change.after);
    }
}

} // namespace klp::kernel
