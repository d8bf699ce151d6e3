#include "rewrite_patch.h"
#include "rewrite_callers.h"

#include "files/files.h"
#include "host/process.h"
#include "rewrite/rewrite.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace klp::build {

namespace {

namespace fs = std::filesystem;

// Only what the patch changes can use what the patch brings: its own sources are enough to read.
rewrite::Request request_of(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                            const kernel::Plan& plan, const Images& images, const fs::path& root) {
    rewrite::Request request;
    request.patched_root = root.string();
    request.is_exported_by_vmlinux = [&images](const std::string& name) {
        const symbols::Export* found = images.exports()->find(name);
        return found && found->module == "vmlinux";
    };
    for (const auto& [path, change] : changes.applied.files)
        if (change.after && source::is_c(source::kind_of(path)))
            request.files[(root / path).string()] = {*change.after, change.line_origins};
    for (const kernel::UnitChange& change : plan.changes)
        if (!change.is_new() && changes.applied.files.contains(change.patched.source))
            request.units.push_back(unit_to_rewrite(target, change));
    add_named_callers(options.rewrite_callers, target, root, request);
    request.find_callers = [&target, request, root](const std::set<std::string>& functions) {
        return find_callers(functions, target, root, request);
    };
    request.callers_in_kernel = [&images](const std::string& function) { return callers_in_kernel(function, images); };
    return request;
}

// What the patch makes of the tree, by path below its top, with the rewritten texts in place.
std::map<std::string, std::optional<std::string>> final_texts(const PatchedFiles& changes,
                                                              const rewrite::Result& result, const fs::path& root) {
    std::map<std::string, std::optional<std::string>> texts;
    for (const auto& [path, change] : changes.applied.files)
        texts[path] = change.after;
    for (const auto& [path, text] : result.files)
        texts[fs::path(path).lexically_relative(root).string()] = text;
    return texts;
}

std::string difference(const std::string& path, const std::optional<std::string>& before,
                       const std::optional<std::string>& after, const fs::path& folder) {
    if (before == after)
        return "";
    const fs::path old_file = folder / "a" / path, new_file = folder / "b" / path;
    files::make_folder(old_file.parent_path());
    files::make_folder(new_file.parent_path());
    files::write(old_file, before.value_or(""));
    files::write(new_file, after.value_or(""));
    const host::Outcome outcome =
        host::run({.argv = {"diff", "-u", "-p", "--label", before ? "a/" + path : "/dev/null", "--label",
                            after ? "b/" + path : "/dev/null", old_file.string(), new_file.string()},
                   .directory = folder});
    // diff(1): 1 says that there are differences.
    if (outcome.status != 1)
        throw report::Refusal("rewrite.diff", path, "diff(1) failed: " + outcome.errors, "");
    return fmt::format("diff --git a/{0} b/{0}\n{1}", path, outcome.output);
}

std::string names_of(const Options& options) {
    std::vector<std::string> names;
    for (const fs::path& patch : options.patches)
        names.push_back(patch.filename().string());
    return fmt::format("{}", fmt::join(names, ", "));
}

// The text of the unpatched tree; nothing for a new file.
std::optional<std::string> text_before(const std::string& path, const PatchedFiles& changes,
                                       const kernel::Target& target) {
    if (const auto change = changes.applied.files.find(path); change != changes.applied.files.end())
        return change->second.before;
    return source::read_from(target.source)(path);
}

std::string patch_text(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                       const rewrite::Result& result, const fs::path& root, const fs::path& folder) {
    std::string text = fmt::format("Made by klp-build --rewrite from {}: the same fix, for a kernel that runs.\n\n",
                                   names_of(options));
    for (const std::string& paragraph : result.done)
        text += paragraph + "\n";
    text += "---\n";
    for (const auto& [path, after] : final_texts(changes, result, root))
        text += difference(path, text_before(path, changes, target), after, folder);
    return text;
}

std::string section(const char* title, const std::vector<std::string>& paragraphs) {
    if (paragraphs.empty())
        return "";
    std::string text = fmt::format("{}\n{}\n\n", title, std::string(std::string_view(title).size(), '-'));
    for (const std::string& paragraph : paragraphs)
        text += fmt::format("* {}\n", paragraph);
    return text + "\n";
}

std::string readme_text(const Options& options, const rewrite::Result& result) {
    std::vector<std::string> questions;
    for (const report::Finding& question : result.questions)
        questions.push_back(fmt::format("{}, {}: {}. What to do: {}. [{}]", question.where, question.function,
                                        question.message, question.hint, question.code));
    return fmt::format("fix.patch is {} with what a live patch cannot do taken back and done in another way.\n"
                       "Read it: it is yours. Build it with klp-build, or with any tool that offers\n"
                       "<linux/livepatch_helpers.h>; for kpatch-build, include \"kpatch-macros.h\" and write\n"
                       "KPATCH_POST_UNPATCH_CALLBACK() in place of KLP_POST_UNPATCH_CALLBACK().\n\n",
                       names_of(options)) +
           section("What was changed", result.done) + section("To decide before it can be built", questions) +
           section("To know", result.remarks);
}

} // namespace

Rewritten rewrite_patch(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                        const kernel::Plan& plan, const Images& images, kernel::PatchedTree& tree,
                        const fs::path& folder) {
    restore_own_lines(changes, tree);
    const rewrite::Result result = rewrite::rewrite(request_of(options, target, changes, plan, images, tree.root()));
    Rewritten written{options.rewrite / "fix.patch", options.rewrite / "README", result.questions, result.remarks};
    files::make_folder(options.rewrite);
    files::write(written.patch, patch_text(options, target, changes, result, tree.root(), folder));
    files::write(written.readme, readme_text(options, result));
    return written;
}

void hand_out_rewritten(const Rewritten& written) {
    fmt::print("{}: the patch to build; {}: what was changed{}\n", written.patch.string(), written.readme.string(),
               written.questions.empty() ? "" : ", and what is to be decided before it can be built");
    for (const std::string& remark : written.remarks)
        fmt::print("to know: {}\n", remark);
    if (!written.questions.empty())
        throw report::Refusal(written.questions);
}

} // namespace klp::build
