#include "untouched.h"

#include "source/function_texts.h"

#include <algorithm>

namespace klp::build {

namespace {

// Another body for the same functions, if for any.
bool changes_bodies_only(const source::FileChange& change) {
    if (!change.before || !change.after)
        return false;
    return source::split_functions(*change.before).rest == source::split_functions(*change.after).rest;
}

bool has_same_text(std::string_view function, const source::FileChange& change) {
    const source::FunctionTexts before = source::split_functions(*change.before);
    const source::FunctionTexts after = source::split_functions(*change.after);
    const auto was = before.functions.find(function), is = after.functions.find(function);
    return was != before.functions.end() && is != after.functions.end() && was->second == is->second;
}

} // namespace

bool is_untouched(std::string_view function, const std::string& source, const PatchedFiles& changes) {
    const auto& files = changes.applied.files;
    if (!std::ranges::all_of(changes.files, [&](const source::ChangedFile& file) {
            const auto change = files.find(file.path);
            return file.is_token_equal || (change != files.end() && changes_bodies_only(change->second));
        }))
        return false;
    const auto own = files.find(source);
    return own == files.end() || has_same_text(function, own->second);
}

} // namespace klp::build
