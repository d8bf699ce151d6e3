#include "report/page.h"

#include "report/layout_view.h"
#include "report/page_functions.h"
#include "report/page_tables.h"
#include "report/picture.h"
#include "report/style.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace klp::report {

namespace {

struct Section {
    const char* id;
    const char* title;
    Html content; // a section without content is left out
};

std::string count(size_t number, const std::string& noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

size_t count_pieces(const Facts& facts, std::string_view change) {
    size_t number = 0;
    for (const UnitFacts& unit : facts.units)
        for (const Piece& piece : unit.pieces)
            number += piece.change == change && piece.kind == "function";
    return number;
}

size_t count_findings(const Facts& facts, Severity severity) {
    return static_cast<size_t>(std::ranges::count(facts.findings, severity, &Finding::severity));
}

std::string title_of(const Facts& facts) {
    if (facts.module)
        return std::filesystem::path(facts.module->path).filename().string();
    std::vector<std::string> names;
    for (const std::string& patch : facts.patches)
        names.push_back(std::filesystem::path(patch).filename().string());
    return fmt::format("{}", fmt::join(names, ", "));
}

Html status_of(const Facts& facts) {
    const std::string text = facts.status == "done"      ? "✓ a module was made"
                             : facts.status == "refused" ? "✗ refused: there is no module"
                                                         : "= nothing changed: there is no module";
    return element("p", element("span", {{"class", "status " + facts.status}}, text));
}

std::string of_module(const Facts& facts) {
    std::set<std::string> objects;
    size_t functions = 0, proven = 0;
    for (const UnitFacts& unit : facts.units) {
        if (unit.is_changed)
            objects.insert(unit.object == "vmlinux" ? "vmlinux" : "the module " + unit.object);
        functions += unit.proof.functions - unit.proof.overridden;
        proven += unit.proof.proven;
    }
    std::string text = fmt::format("It replaces {} of {}", count(count_pieces(facts, "changed"), "function"),
                                   fmt::join(objects, ", "));
    if (const size_t fresh = count_pieces(facts, "new"); fresh != 0)
        text += fmt::format(" and brings {}", count(fresh, "new function"));
    text += fmt::format(". The kernel's image vouches for {} of the {} of these units.", proven,
                        count(functions, "function"));
    return text;
}

std::string lead_of(const Facts& facts) {
    std::string text;
    if (facts.module)
        text = of_module(facts) + " ";
    else if (facts.status == "refused")
        text = "The patch cannot be made live as it is. ";
    std::vector<std::string> counts;
    for (Severity severity : {Severity::error, Severity::warning, Severity::note})
        if (const size_t number = count_findings(facts, severity); number != 0)
            counts.push_back(count(number, to_string(severity)));
    return text + (counts.empty() ? "There are no findings." : fmt::format("Findings: {}.", fmt::join(counts, ", ")));
}

Html term(const char* name, const std::string& text) {
    return text.empty() ? Html() : element("dt", name) + element("dd", text);
}

Html key_facts(const Facts& facts) {
    Html list;
    if (facts.kernel) {
        list += term("kernel", fmt::format("{} ({}, source {})", facts.kernel->release, facts.kernel->arch,
                                           facts.kernel->version));
        list += term("compiler", facts.kernel->packages.empty()
                                     ? facts.kernel->compiler
                                     : fmt::format("{}, in a system of {} packages made for it", facts.kernel->compiler,
                                                   facts.kernel->packages.size()));
        list += term("livepatch core",
                     facts.kernel->runtime == "core" ? "klp_core.ko, which goes with the module" : "the kernel's own");
    }
    list += term("patch", fmt::format("{}", fmt::join(facts.patches, ", ")));
    if (facts.module)
        list += term("module", fmt::format("{} bytes; sha256 {}; {}", facts.module->size, facts.module->sha256,
                                           facts.module->is_replacing ? "replaces all other live patches"
                                                                      : "stacks on other live patches"));
    if (facts.module && facts.module->signature) {
        const Signature& signature = *facts.module->signature;
        list += term("signed by", fmt::format("{} ({}, {}; key {})", signature.signer, signature.key, signature.hash,
                                              signature.key_id.empty() ? signature.serial : signature.key_id));
    }
    return element("dl", list + term("made by", facts.tool));
}

Html finding_view(const Finding& finding) {
    const std::string place = finding.where + (finding.function.empty() ? "" : ": " + finding.function);
    Html view = element("p", element("span", {{"class", "weight"}}, to_string(finding.severity)) + Html::text(" ") +
                                 element("code", finding.code) + Html::text(" " + place));
    view += element("p", finding.message);
    if (!finding.hint.empty())
        view += element("p", element("b", "What to do: ") + Html::text(finding.hint));
    return element("div", {{"class", fmt::format("finding {}", to_string(finding.severity))}}, view);
}

Html findings_of(const Facts& facts, std::initializer_list<Severity> severities) {
    Html view;
    for (Severity severity : severities)
        for (const Finding& finding : facts.findings)
            if (finding.severity == severity)
                view += finding_view(finding);
    return view;
}

Html layouts_of(const Facts& facts) {
    Html view;
    for (const LayoutTable& table : facts.layouts)
        view += layout_view(table);
    return view;
}

// What was found by the time of a refusal may be less than all: no section claims that something is not there.
std::vector<Section> sections_of(const Facts& facts) {
    std::vector<Section> sections = {
        {"refused", "Why it was refused", findings_of(facts, {Severity::error})},
        {"picture", "What is in the module", picture_of(facts)},
        {"findings", "Findings", findings_of(facts, {Severity::warning, Severity::note})},
        {"functions", "Functions", functions_view(facts)},
        {"layouts", "Layouts before and after", layouts_of(facts)},
        {"along", "What comes along", pieces_table(facts)},
        {"proof", "Proof of origin", proof_table(facts)},
        {"harmless", "Harmless differences", harmless_table(facts)},
        {"relocations", "Symbols that the livepatch core finds", symbols_table(facts)},
        {"test", "The test in a virtual machine", test_view(facts)},
        {"patch", "The patch", patch_view(facts)},
        {"sizes", "Sizes", sizes_table(facts)},
        {"inputs", "Inputs", inputs_table(facts)},
        {"times", "Times", times_table(facts)},
    };
    std::erase_if(sections, [](const Section& section) { return section.content.is_empty(); });
    return sections;
}

Html head_of(const Facts& facts) {
    return element(
        "head", void_element("meta", {{"charset", "utf-8"}}) +
                    void_element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}) +
                    // A reader need not take our word for it that the page loads nothing.
                    void_element("meta", {{"http-equiv", "Content-Security-Policy"},
                                          {"content", "default-src 'none'; style-src 'unsafe-inline'"}}) +
                    element("title", "klp-build: " + title_of(facts)) + style_sheet());
}

} // namespace

std::string to_page(const Facts& facts) {
    Html links, body;
    for (const Section& section : sections_of(facts)) {
        links += element("a", {{"href", fmt::format("#{}", section.id)}}, section.title) + Html::text("\n");
        body +=
            element("section", {{"id", section.id}}, element("h2", section.title) + section.content) + Html::text("\n");
    }
    const Html header = element("h1", title_of(facts)) + status_of(facts) +
                        element("p", {{"class", "lead"}}, lead_of(facts)) + key_facts(facts);
    return document(element("html", {{"lang", "en"}},
                            head_of(facts) + element("body", element("header", header) + element("nav", links) +
                                                                 element("main", body))))
        .markup();
}

} // namespace klp::report
