// Constants of the sources that a patch gives another value, where objects of the running kernel hold the old one. The
// debug data does not have them, so the text is read: that needs no compiler, and comes before it.
#include "pipeline.h"

#include "files/files.h"
#include "report/finding.h"
#include "source/constant_sizes.h"
#include "source/constant_uses.h"
#include "source/constants.h"
#include "source/encodings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <set>

namespace klp::build {

namespace {

struct Constant {
    std::string file;
    source::ChangedConstant change;
    source::ConstantUses uses;
    std::set<std::string, std::less<>> family; // it, and those of the file that are made of it
    source::Encodings encodings;
};

std::vector<Constant> constants_of(const PatchedFiles& changes) {
    std::vector<Constant> constants;
    for (const source::ChangedFile& file : changes.files) {
        const source::FileChange& change = changes.applied.files.at(file.path);
        if (!source::is_c(file.kind) || file.is_token_equal || !change.before || !change.after)
            continue;
        for (source::ChangedConstant& constant : source::changed_constants(*change.before, *change.after))
            constants.push_back({file.path, std::move(constant), {}, {}, {}});
    }
    for (Constant& constant : constants) {
        constant.family.insert(constant.change.name);
        for (const Constant& other : constants)
            if (other.file == constant.file && other.change.mentions.contains(constant.change.name))
                constant.family.insert(other.change.name);
    }
    return constants;
}

// By file: what it makes of a size that the constants decide.
using SizesOfFiles = std::map<std::string, source::ConstantSizes>;

// Every text that can use them: what the patch changes, and the sources of the units that it reaches.
SizesOfFiles find_uses(const PatchedFiles& changes, const kernel::Plan& plan, const kernel::PatchedTree& tree,
                       std::vector<Constant>& constants) {
    std::set<std::string, std::less<>> names;
    for (const Constant& constant : constants)
        names.insert(constant.change.name);
    SizesOfFiles sizes;
    std::set<std::string> paths;
    for (const source::ChangedFile& file : changes.files)
        paths.insert(file.path);
    for (const kernel::UnitChange& change : plan.changes)
        paths.insert(change.patched.source);
    for (const std::string& path : paths) {
        const std::filesystem::path file = tree.root() / path;
        if (!std::filesystem::is_regular_file(file))
            continue; // removed, or generated
        const std::string text = files::read_text(file);
        for (Constant& constant : constants) {
            source::add_uses(text, constant.change.name, constant.uses);
            source::add_encodings(text, constant.family, constant.encodings);
        }
        source::add_sizes(text, names, sizes[path]);
    }
    return sizes;
}

std::string members(const std::set<std::string>& names) {
    return fmt::format("`{}`", fmt::join(names, "`, `"));
}

std::optional<report::Finding> finding_of(const Constant& constant) {
    const source::ConstantUses& uses = constant.uses;
    if (uses.stored.empty() || uses.tested.empty())
        return std::nullopt; // a limit, a default: nothing that exists is taken for something else
    std::vector<std::string> both;
    std::ranges::set_intersection(uses.stored, uses.tested, std::back_inserter(both));
    std::string message = fmt::format("it is {} now, was {}; ", constant.change.after, constant.change.before);
    if (both.empty())
        message += fmt::format("code stores it in the members {} and tests {} for it; what is stored in objects that "
                               "exist has the old value",
                               members(uses.stored), members(uses.tested));
    else
        message +=
            fmt::format("code stores it in {} and tests that for it; objects that exist hold the old value there",
                        members({both.begin(), both.end()}));
    return report::Finding{"sense.constant-changed",
                           both.empty() ? report::Severity::warning : report::Severity::error,
                           fmt::format("{}:{}", constant.file, constant.change.line),
                           constant.change.name,
                           std::move(message),
                           "leave its value, and give the new meaning a constant of its own that no other value there "
                           "collides with"};
}

bool is_encoding(const Constant& constant) {
    return !constant.encodings.makers.empty() && !constant.encodings.takers.empty();
}

// What is put together and taken apart by it may be kept in between. Said of the constant that others are made of.
void add_encoding(const Constant& constant, const std::vector<Constant>& all, std::vector<report::Finding>& findings) {
    const auto is_made_of = [&](const Constant& other) {
        return &other != &constant && other.file == constant.file && other.family.contains(constant.change.name) &&
               is_encoding(other);
    };
    if (!is_encoding(constant) || std::ranges::any_of(all, is_made_of))
        return;
    const source::Encodings& encodings = constant.encodings;
    findings.push_back(
        {"sense.constant-changed", report::Severity::warning, fmt::format("{}:{}", constant.file, constant.change.line),
         constant.change.name,
         fmt::format("it is {} now, was {}; {}() puts numbers together by it, and {}() takes them apart; what was put "
                     "together before the patch and is kept in an object or variable is another number to the new code",
                     constant.change.after, constant.change.before, *encodings.makers.begin(),
                     *encodings.takers.begin()),
         "leave its value, unless what is put together is always taken apart before anything else runs"});
}

// bitmap_clear(x->m, 0, NAME): new code goes to the end that new objects have.
bool is_filled(const Constant& constant, std::string_view variable) {
    return variable.starts_with("->") && constant.uses.filled.contains(std::string(variable.substr(2)));
}

bool is_less(const source::ChangedConstant& change) {
    const auto number = [](const std::string& text) {
        char* end = nullptr;
        const unsigned long long value = std::strtoull(text.c_str(), &end, 0);
        return end != text.c_str() && *end == '\0' ? std::optional(value) : std::nullopt;
    };
    const auto before = number(change.before), after = number(change.after);
    return before && after && *after < *before;
}

// Nobody is misled by another size but code that goes by the constant where it uses the object.
void add_sizes(const SizesOfFiles& files, const std::vector<Constant>& constants,
               std::vector<report::Finding>& findings) {
    if (std::ranges::none_of(files, [](const auto& file) { return file.second.is_used; }))
        return;
    for (const auto& [path, sizes] : files)
        for (const source::ConstantSize& size : sizes.made) {
            const auto constant =
                std::ranges::find_if(constants, [&](const Constant& it) { return it.change.name == size.constant; });
            const bool is_overrun = is_filled(*constant, size.variable) && !is_less(constant->change);
            findings.push_back(
                {"sense.allocation-changed", is_overrun ? report::Severity::error : report::Severity::warning, path,
                 size.function,
                 fmt::format("it makes `{}` by {}, and {} is {} now, was {}; objects that exist have the old size{}",
                             size.variable, size.call, size.constant, constant->change.after, constant->change.before,
                             is_overrun ? ", and code writes as much there as the constant says" : ""),
                 "have code that goes by the constant tell new objects from old ones: give new ones a shadow variable, "
                 "or keep the size beside the object"});
        }
}

} // namespace

std::vector<report::Finding> sense_constants(const PatchedFiles& changes, const kernel::Plan& plan,
                                             const kernel::PatchedTree& tree) {
    std::vector<Constant> constants = constants_of(changes);
    if (constants.empty())
        return {};
    const SizesOfFiles sizes = find_uses(changes, plan, tree, constants);
    std::vector<report::Finding> findings;
    for (const Constant& constant : constants)
        if (std::optional<report::Finding> finding = finding_of(constant))
            findings.push_back(std::move(*finding));
        else
            add_encoding(constant, constants, findings);
    add_sizes(sizes, constants, findings);
    refuse_errors(findings);
    return findings;
}

} // namespace klp::build
