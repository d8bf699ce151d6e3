#include "report/page_tables.h"

#include "report/quoted.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace klp::report {

namespace {

// A column's heading, and the class of its cells.
struct Column {
    const char* name;
    const char* kind = "";
};

class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    void add(const std::vector<std::string>& cells) {
        Html row;
        for (size_t at = 0; at < cells.size(); ++at)
            row += element("td", {{"class", columns_[at].kind}}, cells[at]);
        rows_ += element("tr", row);
        ++count_;
    }

    // Nothing for a table without rows. A long one is folded; `noun` says of what it has so many.
    Html finish(const char* noun) const {
        if (count_ == 0)
            return {};
        Html head;
        for (const Column& column : columns_)
            head += element("th", {{"scope", "col"}, {"class", column.kind}}, column.name);
        const Html table = element("table", element("thead", element("tr", head)) + element("tbody", rows_));
        constexpr size_t many = 12;
        return count_ <= many ? table
                              : element("details", element("summary", fmt::format("{} {}", count_, noun)) +
                                                       element("div", {{"class", "inside"}}, table));
    }

private:
    std::vector<Column> columns_;
    Html rows_;
    size_t count_ = 0;
};

std::string join(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string shown_name(const Piece& piece) {
    return piece.kind == "string" ? report::quoted(piece.name) : piece.name;
}

// The functions that no image could say anything of, by section.
std::string left_out(const Proof& proof) {
    std::vector<std::string> words;
    for (const auto& [section, number] : proof.not_looked_for)
        words.push_back(fmt::format("{} in {}", number, section));
    return join(words);
}

std::string references(const Proof& proof) {
    return proof.unproven_references.empty()
               ? fmt::format("{}", proof.references)
               : fmt::format("{}, by name alone: {}", proof.references, join(proof.unproven_references));
}

std::string exceptions(const Proof& proof) {
    std::vector<std::string> words;
    if (!proof.unproven.empty())
        words.push_back("not found: " + join(proof.unproven));
    if (proof.overridden != 0)
        words.push_back(fmt::format("{} weak, another unit's is used", proof.overridden));
    if (!proof.different_data.empty())
        words.push_back("other data: " + join(proof.different_data));
    return words.empty() ? "none" : fmt::format("{}", fmt::join(words, "; "));
}

} // namespace

Html pieces_table(const Facts& facts) {
    const std::vector<Column> columns = {{"what", "code"}, {"kind"}, {"bytes", "number"}, {"of"}, {"needed by"}};
    Table named(columns), literals(columns);
    for (const UnitFacts& unit : facts.units)
        for (const Piece& piece : unit.pieces) {
            const bool is_literal = piece.kind == "string" || piece.kind == "constant";
            if (piece.change == "included" || piece.kind != "function")
                (is_literal ? literals : named)
                    .add({shown_name(piece), fmt::format("{} {}", piece.change, piece.kind),
                          fmt::format("{}", piece.size), unit.source,
                          fmt::format("{}", fmt::join(piece.because, " ← "))});
        }
    return named.finish("functions, variables and tables") + literals.finish("strings and constants");
}

Html proof_table(const Facts& facts) {
    Table table({{"unit"}, {"of"}, {"found in the image"}, {"not looked for"}, {"exceptions"}, {"references"}});
    for (const UnitFacts& unit : facts.units)
        table.add({unit.source, unit.object,
                   fmt::format("{} of {} functions, {} variables compared", unit.proof.proven, unit.proof.functions,
                               unit.proof.data),
                   left_out(unit.proof), exceptions(unit.proof), references(unit.proof)});
    return table.finish("units");
}

Html harmless_table(const Facts& facts) {
    Table table({{"function", "code"}, {"what differs"}, {"unit"}});
    for (const UnitFacts& unit : facts.units)
        for (const HarmlessDifference& it : unit.harmless)
            table.add({it.function, it.what, unit.source});
    return table.finish("differences");
}

Html symbols_table(const Facts& facts) {
    if (!facts.module)
        return {};
    Table table({{"symbol", "code"},
                 {"of"},
                 {"number"},
                 {"address", "code"},
                 {"used by code of"},
                 {"relocations", "number"},
                 {"in", "code"}});
    for (const KernelSymbol& symbol : facts.module->symbols)
        table.add({symbol.name, symbol.object, symbol.sympos == 0 ? "the only one" : fmt::format("{}", symbol.sympos),
                   symbol.address, symbol.used_by, fmt::format("{}", symbol.relocations), join(symbol.sections)});
    return table.finish("symbols");
}

Html sizes_table(const Facts& facts) {
    if (!facts.module)
        return {};
    Table table({{"part"}, {"bytes", "number"}});
    table.add({facts.module->path, fmt::format("{}", facts.module->size)});
    if (facts.core)
        table.add({facts.core->path, fmt::format("{}", facts.core->size)});
    for (const SectionSize& section : facts.module->sections)
        table.add({"section " + section.name, fmt::format("{}", section.size)});
    return table.finish("parts");
}

Html inputs_table(const Facts& facts) {
    Table table({{"input", "name"}, {"file", "path"}, {"bytes", "number"}, {"SHA-256", "hash"}});
    for (const Input& input : facts.inputs)
        table.add({input.role, input.path, input.sha256.empty() ? "" : fmt::format("{}", input.size),
                   input.sha256.empty() ? "it could be read only once, or not at all" : input.sha256});
    return table.finish("inputs");
}

namespace {

Html folded(const std::string& title, const Html& content) {
    return element("details", element("summary", title) + element("div", {{"class", "inside"}}, content));
}

Html run_view(const TestRun& run) {
    Table steps({{"step"}, {"outcome"}, {"seconds", "number"}, {"what was said", "path"}});
    for (const TestStep& step : run.steps)
        steps.add(
            {step.name,
             (step.passed ? "✓ passed" : "✗ failed") + (step.status ? fmt::format(", status {}", *step.status) : ""),
             fmt::format("{:.2f}", step.seconds), step.text});
    return element("h3", run.name) + steps.finish("steps") +
           folded(fmt::format("transcript, {} lines", run.transcript.size()),
                  element("pre", fmt::format("{}", fmt::join(run.transcript, "\n"))));
}

} // namespace

Html test_view(const Facts& facts) {
    if (!facts.test)
        return {};
    const BootTest& test = *facts.test;
    std::string lead = test.passed ? "✓ The module passed." : "✗ The module did not pass.";
    lead += test.accelerator == "tcg" ? " The processor was emulated." : " The processor was the host's.";
    lead +=
        test.script.empty() ? " Nobody used the patched functions on purpose." : " It was used by " + test.script + ".";
    Table functions({{"function", "code"}, {"of"}, {"called while patched"}, {"times", "number"}});
    for (const TestedFunction& it : test.functions)
        functions.add({it.name, it.object, it.called == "unknown" ? "not known" : it.called,
                       it.calls ? fmt::format("{}", *it.calls) : ""});
    Html view = element("p", lead) + functions.finish("functions");
    for (const TestRun& run : test.runs)
        view += run_view(run);
    return view;
}

Html times_table(const Facts& facts) {
    Table table({{"stage"}, {"seconds", "number"}});
    for (const StageTime& stage : facts.stages)
        table.add({stage.name, fmt::format("{:.2f}", stage.seconds)});
    const Html rows = table.finish("stages");
    return rows.is_empty() ? rows
                           : element("p", {{"class", "note"}},
                                     facts.test ? "With what was said in the test, this is the only part of the page "
                                                  "that another run of the same need not have."
                                                : "This is the only part of the page that another run of the same need "
                                                  "not have.") +
                                 rows;
}

} // namespace klp::report
