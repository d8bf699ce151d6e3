#include "kernel/rust_readers.h"

#include "files/files.h"
#include "host/parallel.h"
#include "kernel/compile.h"
#include "report/finding.h"
#include "source/changes.h"
#include "source/declared_change.h"
#include "source/rust_names.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <set>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

using Files = std::map<std::string, source::FileChange>;
using Words = std::set<std::string, std::less<>>;

// What bindgen reads, below the top of the tree (rust/Makefile).
constexpr const char* bound_headers[] = {"rust/bindings/bindings_helper.h", "rust/uapi/uapi_helper.h"};
// What the first of them calls constants that bindgen could not make out otherwise; it is taken away again.
constexpr std::string_view helper_prefix = "RUST_CONST_HELPER_";

const BuildUnit* find_helpers(const std::vector<BuildUnit>& units) {
    const auto found =
        std::ranges::find_if(units, [](const BuildUnit& unit) { return unit.source.starts_with("rust/"); });
    return found == units.end() ? nullptr : &*found;
}

// The header in place of the unit's source.
source::CompileCommand reading_of(const BuildUnit& unit, const Target& target, const fs::path& header) {
    std::vector<std::string> argv = unit.compile;
    argv.back() = header.string();
    argv.insert(argv.end() - 1, {"-x", "c"});
    return {target.build.string(), header.string(), argv};
}

std::optional<source::HeaderReading> read(const source::UnitReader& reader, const source::CompileCommand& command) {
    std::optional<source::ReadUnit> expanded = reader.read(command);
    std::optional<source::UnexpandedUnit> unexpanded =
        expanded ? reader.read_unexpanded(command) : std::optional<source::UnexpandedUnit>();
    if (!unexpanded)
        return std::nullopt;
    return source::HeaderReading{std::move(*expanded), std::move(*unexpanded)};
}

Words names_in_rust(const fs::path& tree) {
    Words names;
    for (const char* folder : {"rust", "drivers", "samples/rust"}) {
        if (!fs::is_directory(tree / folder))
            continue;
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(tree / folder))
            if (entry.path().extension() == ".rs")
                source::add_bound_names(files::read_text(entry.path()), names);
            else if (entry.path().string().ends_with(".rs.S")) // macros for the assembler that become Rust
                source::add_all_words(files::read_text(entry.path()), names);
    }
    return names;
}

// bindgen writes a constant of `enum mode` as mode_FAST.
bool is_one_of(const source::Names& changed, std::string_view word) {
    if (changed.has(source::spelling_of(word)) ||
        changed.has(source::spelling_of(std::string(helper_prefix).append(word))))
        return true;
    for (size_t at = word.find('_'); at != word.npos; at = word.find('_', at + 1))
        if (changed.has(source::spelling_of(word.substr(at + 1))))
            return true;
    return false;
}

[[noreturn]] void refuse(const std::string& where, std::string message) {
    throw report::Refusal("plan.rust-sees-header", where, std::move(message),
                          "make the change in a file, or under a name, that only C code sees");
}

// Empty if the patch changes none.
std::string names_of_headers(const Files& files) {
    std::string names;
    for (const auto& [path, change] : files)
        if (source::kind_of(path) == source::FileKind::header)
            names += (names.empty() ? "" : ", ") + path;
    return names;
}

} // namespace

void refuse_rust_readers(const Target& target, const std::vector<BuildUnit>& units, const Files& files,
                         const fs::path& patched_source) {
    const std::string where = names_of_headers(files);
    if (where.empty() || !target.config.is_set("RUST") || is_out_of_tree(target))
        return;
    const BuildUnit* helpers = find_helpers(units);
    if (helpers == nullptr)
        refuse(where, "this kernel has code in Rust (CONFIG_RUST), and what that has of C's headers could not be found "
                      "out: kbuild names no C unit of rust/");
    const BuildUnit patched = in_patched_tree(*helpers, target, patched_source);
    const source::UnitReader reader({});
    for (const char* header : bound_headers) {
        if (!fs::exists(target.kernel_source / header))
            continue;
        std::array<std::optional<source::HeaderReading>, 2> sides;
        host::parallel_for(sides.size(), 0, [&](size_t i) {
            sides[i] = i == 0 ? read(reader, reading_of(*helpers, target, target.kernel_source / header))
                              : read(reader, reading_of(patched, target, patched_source / header));
        });
        const auto& [before, after] = sides;
        if (!before || !after)
            refuse(where, fmt::format("this kernel has code in Rust (CONFIG_RUST), and {}, by which that sees C's "
                                      "headers, cannot be read",
                                      header));
        const std::optional<source::Names> changed = source::changed_declarations(*before, *after);
        if (!changed)
            refuse(where,
                   fmt::format("this kernel has code in Rust (CONFIG_RUST), and what the patch changes for it in "
                               "{} cannot be told",
                               header));
        if (changed->all().empty())
            continue;
        const Words words = names_in_rust(target.kernel_source);
        const auto word = std::ranges::find_if(words, [&](const std::string& one) { return is_one_of(*changed, one); });
        if (word != words.end())
            refuse(where, fmt::format("Rust code of this kernel was compiled with {} as it was, and is not made anew: "
                                      "only C can be compiled and compared here",
                                      *word));
    }
}

} // namespace klp::kernel
