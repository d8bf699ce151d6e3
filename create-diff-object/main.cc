// create-diff-object: the original and the patched object of one translation unit -> what the patch changed.
#include "diff/diff.h"
#include "files/files.h"
#include "report/command.h"
#include "report/errors.h"
#include "report/json.h"
#include "report/json_text.h"
#include "report/quoted.h"
#include "sense/sense.h"
#include "symbols/kernel_files.h"
#include "symbols/table_resolver.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace {

using namespace klp;

struct Options {
    std::string original;
    std::string patched;
    std::string object = "vmlinux";
    std::string symtab;
    std::string vmlinux;
    std::string symvers;
    std::string module;
    std::string output;
    std::string report;
    bool explain = false;
    std::vector<std::string> positional;
};

void declare(CLI::App& app, Options& options) {
    app.add_option("--original", options.original, "the object compiled before the patch");
    app.add_option("--patched", options.patched, "the object compiled with the patch");
    app.add_option("--object", options.object, "what the unit is part of: vmlinux or a module's name")
        ->capture_default_str();
    app.add_option("--symtab", options.symtab, "symbols of that object, as `readelf --symbols --wide` prints them");
    app.add_option("--vmlinux", options.vmlinux, "the object's file itself (vmlinux or .ko), instead of --symtab");
    app.add_option("--symvers", options.symvers, "Module.symvers of the kernel");
    app.add_option("--module", options.module, "name of the live patch module (for messages)");
    app.add_option("-o,--output", options.output, "the object to write");
    app.add_option("--report", options.report, "write what was found to this JSON file");
    app.add_flag("--explain", options.explain, "say why each function changed and each piece came along");
    app.add_option("FILES", options.positional, "ORIG.o PATCHED.o OBJNAME SYMTAB-TEXT MODULE.SYMVERS MODNAME OUT.o");
    app.set_version_flag("--version", KLP_VERSION);
    app.footer(
        "ALT_STRUCT_SIZE, BUG_STRUCT_SIZE, EX_STRUCT_SIZE, JUMP_STRUCT_SIZE, ORC_STRUCT_SIZE, PARA_STRUCT_SIZE,\n"
        "STATIC_CALL_STRUCT_SIZE and PRINTK_INDEX_STRUCT_SIZE in the environment override what is found out.\n"
        "Exit status: 0 written, 1 refused, 2 usage, 3 nothing changed.");
}

// The seven positional arguments of older build scripts, or nothing if the command line makes no sense.
bool settle(Options& options) {
    if (!options.positional.empty()) {
        if (options.positional.size() != 7 || !options.original.empty() || !options.patched.empty())
            return false;
        std::vector<std::string>& given = options.positional;
        options.original = given[0];
        options.patched = given[1];
        options.object = given[2];
        options.symtab = given[3];
        options.symvers = given[4];
        options.module = given[5];
        options.output = given[6];
    }
    if (options.report == options.output)
        return false;
    bool has_table = !options.symtab.empty() || !options.vmlinux.empty();
    return !options.original.empty() && !options.patched.empty() && !options.output.empty() && has_table;
}

// What the owner's file, or the text made of it, tells.
struct Owner {
    symbols::SymbolTable table;
    std::map<std::string, unsigned> entry_sizes;
};

Owner read_owner(const Options& options, const elf::Object& original) {
    std::string name = options.object == "vmlinux" ? options.object : symbols::module_name_of(options.object);
    if (options.vmlinux.empty())
        return {symbols::read_readelf_symbols(files::read_text(options.symtab), options.symtab, name), {}};
    elf::Object file = symbols::open_module(options.vmlinux);
    if (file.machine() != original.machine())
        throw report::Refusal("diff.machines-differ", options.vmlinux,
                              fmt::format("it is for another machine than {}", original.name()),
                              "give the vmlinux or module that the unit belongs to");
    Owner owner{symbols::read_elf_symbols(file, name), {}};
    // A module's BTF is a supplement to that of vmlinux.
    if (name == "vmlinux")
        owner.entry_sizes = diff::entry_sizes_in(file);
    return owner;
}

symbols::Exports read_exports(const Options& options) {
    if (options.symvers.empty())
        return {};
    return symbols::read_symvers(files::read_text(options.symvers), options.symvers);
}

const char* to_string(diff::Change change) {
    switch (change) {
    case diff::Change::changed:
        return "changed";
    case diff::Change::added:
        return "new";
    case diff::Change::included:
        break;
    }
    return "included";
}

void write_report(const Options& options, const diff::Diff& diff) {
    nlohmann::ordered_json json;
    json["original"] = options.original;
    json["patched"] = options.patched;
    json["object"] = options.object;
    json["nothing_changed"] = diff.nothing_changed;
    json["items"] = nlohmann::ordered_json::array();
    for (const diff::Item& item : diff.items) {
        nlohmann::ordered_json entry{
            {"name", item.name}, {"kind", item.kind}, {"change", to_string(item.change)}, {"size", item.size}};
        if (item.change == diff::Change::changed && item.kind == "function")
            entry["sympos"] = item.sympos;
        if (!item.because.empty())
            entry["because"] = item.because;
        for (auto [name, text] : {std::pair{"cause", &item.cause},
                                  {"original", &item.original_instruction},
                                  {"patched", &item.patched_instruction},
                                  {"place", &item.place}})
            if (!text->empty())
                entry[name] = *text;
        json["items"].push_back(std::move(entry));
    }
    json["harmless"] = nlohmann::ordered_json::array();
    for (const diff::LeftOut& it : diff.harmless)
        json["harmless"].push_back({{"function", it.function}, {"what", it.what}});
    json["findings"] = report::to_json(diff.findings);
    std::string text = report::json_text(json);
    files::write_synced(options.report, std::as_bytes(std::span(text)));
}

void print_items(const Options& options, const diff::Diff& diff) {
    for (const diff::Item& item : diff.items) {
        const bool is_main = item.change != diff::Change::included && item.kind == "function";
        if (!is_main && !options.explain)
            continue;
        fmt::print("{}: {} {}\n", options.patched, to_string(item.change),
                   item.kind == "string" ? report::quoted(item.name) : item.name);
        if (!options.explain)
            continue;
        if (!item.cause.empty())
            fmt::print("  cause: {}{}{}\n", item.cause, item.place.empty() ? "" : " at ", item.place);
        if (!item.original_instruction.empty() || !item.patched_instruction.empty())
            fmt::print("  - {}\n  + {}\n", item.original_instruction, item.patched_instruction);
        for (const std::string& reason : item.because)
            fmt::print("  needed by {}\n", reason);
    }
}

// Objects without a description of types are what many build scripts give: nothing is said of that.
std::vector<report::Finding> sense_changes(const elf::Object& original, const elf::Object& patched,
                                           const symbols::Exports& exports) {
    sense::Options options;
    options.is_exported = [&](std::string_view name) { return exports.find(name) != nullptr; };
    std::vector<report::Finding> findings = sense::compare(original, patched, options);
    std::erase_if(findings, [](const report::Finding& finding) { return finding.code == "sense.no-debug-data"; });
    if (report::has_error(findings))
        throw report::Refusal(std::move(findings));
    return findings;
}

report::Exit run(const Options& options) {
    elf::Object original = elf::Object::open(options.original);
    elf::Object patched = elf::Object::open(options.patched);
    const Owner owner = read_owner(options, original);
    symbols::Exports exports = read_exports(options);
    symbols::TableResolver resolver(original, owner.table, exports);
    const std::vector<report::Finding> sensed = sense_changes(original, patched, exports);
    diff::Options how;
    how.owner = owner.table.object();
    how.resolver = &resolver;
    how.entry_sizes.given = diff::entry_sizes_from([](const char* name) { return std::getenv(name); });
    how.entry_sizes.kernel = owner.entry_sizes;
    how.explain = options.explain || !options.report.empty();
    diff::Diff diff = diff::run(original, patched, how);
    diff.findings.insert(diff.findings.end(), sensed.begin(), sensed.end());
    if (std::vector<report::Finding> late = diff::changes_without_effect(diff.findings);
        diff.nothing_changed && !late.empty())
        throw report::Refusal(std::move(late));
    report::print(diff.findings);
    if (!options.report.empty())
        write_report(options, diff);
    if (diff.nothing_changed) {
        if (diff.harmless.empty())
            fmt::print("{}: nothing changed\n", options.patched);
        else
            fmt::print("{}: nothing changed but {} harmless difference{}\n", options.patched, diff.harmless.size(),
                       diff.harmless.size() == 1 ? "" : "s");
        return report::Exit::nothing_changed;
    }
    print_items(options, diff);
    diff.output.write(options.output);
    return report::Exit::done;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Compares the two objects of one translation unit and writes what changed.", "create-diff-object");
    Options options;
    declare(app, options);
    if (std::optional<int> status = report::parse_command_line(app, argc, argv))
        return *status;
    if (!settle(options)) {
        fmt::print(stderr,
                   "error[usage]: give --original, --patched, --symtab (or --vmlinux) and --output, or the seven "
                   "arguments ORIG.o PATCHED.o OBJNAME SYMTAB-TEXT MODULE.SYMVERS MODNAME OUT.o; "
                   "--report is another file than --output\n"
                   "  hint: create-diff-object --help\n");
        return static_cast<int>(report::Exit::usage);
    }
    return report::run_command([&] { return run(options); });
}
