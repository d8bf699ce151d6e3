#include "rewrite_callers.h"

#include "files/files.h"
#include "kernel/untraced.h"
#include "proof/image_callers.h"
#include "report/finding.h"
#include "report/names.h"
#include "sense/code.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace klp::build {

namespace {

namespace fs = std::filesystem;

// More than these, and somebody has to say which of them the fix is for.
constexpr size_t most_callers = 8;

bool is_part_of_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

bool names(const std::string& text, const std::string& function) {
    for (size_t at = text.find(function); at != text.npos; at = text.find(function, at + 1)) {
        const size_t end = at + function.size();
        if ((at == 0 || !is_part_of_name(text[at - 1])) && (end == text.size() || !is_part_of_name(text[end])))
            return true;
    }
    return false;
}

void add(const kernel::BuildUnit& unit, const kernel::Target& target, const fs::path& patched_source,
         rewrite::Sources& sources) {
    const kernel::BuildUnit patched = kernel::in_patched_tree(unit, target, patched_source);
    rewrite::PatchedText text{files::read_text(target.source / unit.source), {}};
    const size_t lines = static_cast<size_t>(std::ranges::count(text.text, '\n')) + 1;
    for (size_t line = 1; line <= lines; ++line)
        text.line_origins.push_back(static_cast<uint32_t>(line));
    sources.units.push_back(unit_to_rewrite(target, {unit, patched}));
    sources.files.emplace((patched_source / unit.source).string(), std::move(text));
}

} // namespace

rewrite::Unit unit_to_rewrite(const kernel::Target& target, const kernel::UnitChange& change) {
    const std::string directory = target.build.string();
    return {{directory, change.unit.compile.back(), change.unit.compile},
            {directory, change.patched.compile.back(), change.patched.compile},
            change.patched.owner,
            kernel::untraced_by(target, change.unit).empty()};
}

void add_named_callers(const std::vector<std::string>& named, const kernel::Target& target,
                       const fs::path& patched_source, rewrite::Request& request) {
    const std::vector<kernel::BuildUnit> units = named.empty() ? std::vector<kernel::BuildUnit>() : units_of(target);
    rewrite::Sources sources;
    for (const std::string& caller : named) {
        const size_t colon = caller.rfind(':');
        const std::string source = caller.substr(0, colon);
        const std::string file = (patched_source / source).string();
        const auto unit = std::ranges::find(units, source, &kernel::BuildUnit::source);
        if (unit == units.end())
            throw report::Refusal("rewrite.no-such-caller", source,
                                  "--rewrite-callers names it, and it is no source that this kernel is built from",
                                  "give the path of a .c file from the top of the source tree");
        request.callers.push_back({file, colon == caller.npos ? "" : caller.substr(colon + 1)});
        if (!request.files.contains(file) && !sources.files.contains(file))
            add(*unit, target, patched_source, sources);
    }
    request.files.merge(sources.files);
    std::ranges::move(sources.units, std::back_inserter(request.units));
}

rewrite::Sources find_callers(const std::set<std::string>& functions, const kernel::Target& target,
                              const fs::path& patched_source, const rewrite::Request& request) {
    std::vector<const kernel::BuildUnit*> callers;
    std::vector<std::string> paths;
    const std::vector<kernel::BuildUnit> units = units_of(target);
    for (const kernel::BuildUnit& unit : units) {
        const fs::path file = target.source / unit.source;
        if (unit.is_generated || unit.is_assembly || request.files.contains((patched_source / unit.source).string()) ||
            !fs::is_regular_file(file))
            continue;
        const std::string text = files::read_text(file);
        if (std::ranges::none_of(functions, [&](const std::string& name) { return names(text, name); }))
            continue;
        callers.push_back(&unit);
        paths.push_back(unit.source);
    }
    if (callers.size() > most_callers)
        throw report::Refusal(
            "rewrite.many-callers", fmt::format("{}", fmt::join(functions, ", ")),
            fmt::format("ftrace cannot hook what the patch changes, so its callers have to call something else, and {} "
                        "sources call it: {}",
                        callers.size(), report::first_of(paths)),
            "name those that the fix is for: --rewrite-callers FILE[:FUNCTION],...");
    rewrite::Sources sources;
    for (const kernel::BuildUnit* unit : callers)
        add(*unit, target, patched_source, sources);
    return sources;
}

std::vector<std::string> callers_in_kernel(const std::string& function, const Images& images) {
    const proof::Image& image = images.of("vmlinux");
    std::set<std::string> names;
    for (uint32_t index : image.symbols().find(function)) {
        const proof::Callers callers = proof::find_callers(image, image.location(image.symbols().symbols()[index]));
        for (const std::vector<std::string>& some : {callers.hookable, callers.others})
            for (const std::string& name : some)
                names.emplace(sense::source_name(name));
    }
    return {names.begin(), names.end()};
}

} // namespace klp::build
