// klp-verify: will this livepatch module load on that kernel, and do what it says?
#include "kernel/symbol_files.h"
#include "report/command.h"
#include "report/errors.h"
#include "report/json_text.h"
#include "sign/module_signature.h"
#include "symbols/kernel_files.h"
#include "verify/rule.h"
#include "verify/verify.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>

namespace {

using namespace klp;
using nlohmann::ordered_json;

struct Options {
    std::string module;
    std::string previous;
    std::string core;
    kernel::KernelArguments kernel;
    std::string keyring;
    bool json = false;
    bool predict = false;
    bool list_rules = false;
};

void declare(CLI::App& app, Options& options) {
    app.add_option("MODULE", options.module, "the livepatch module");
    kernel::declare_kernel(app, options.kernel);
    app.add_option("--over,--previous", options.previous, "the patch that is loaded when this one comes");
    app.add_option("--core", options.core, "the klp_core.ko that goes with a module of --runtime core");
    app.add_option("--keyring", options.keyring,
                   "refuse the module unless a key of these certificates has signed it (PEM or DER)");
    app.add_flag("--json", options.json, "print the findings as JSON");
    app.add_flag("--predict", options.predict, "print what each livepatch relocation will fill in, as JSON");
    app.add_flag("--rules", options.list_rules, "print all rules and their sources");
    app.set_version_flag("--version", KLP_VERSION);
    app.footer("Silent if nothing is wrong. Exit status: 0 no errors (there may be warnings), 1 errors, 2 usage.");
}

void print_rules() {
    for (const verify::Rule& rule : verify::rules())
        fmt::print("{}\n  {}: {}\n  source: {}\n", rule.code, report::to_string(rule.severity), rule.text, rule.source);
}

ordered_json to_json(const report::Finding& finding) {
    ordered_json json = {{"code", finding.code},       {"severity", report::to_string(finding.severity)},
                         {"where", finding.where},     {"function", finding.function},
                         {"message", finding.message}, {"hint", finding.hint}};
    if (const verify::Rule* rule = verify::find_rule(finding.code)) {
        json["rule"] = rule->text;
        json["source"] = rule->source;
    }
    return json;
}

void print(const std::vector<report::Finding>& findings, bool as_json) {
    if (!as_json)
        return report::print(findings);
    ordered_json list = ordered_json::array();
    for (const report::Finding& finding : findings)
        list.push_back(to_json(finding));
    fmt::print("{}", report::json_text(ordered_json{{"findings", list}}));
}

void print(const verify::Prediction& prediction) {
    ordered_json symbols = ordered_json::array();
    for (const verify::PredictedSymbol& symbol : prediction.symbols)
        symbols.push_back({{"symbol", symbol.symbol},
                           {"object", symbol.object},
                           {"name", symbol.name},
                           {"sympos", symbol.sympos},
                           {"address", fmt::format("{:#x}", symbol.address)},
                           {"section", symbol.section}});
    ordered_json fields = ordered_json::array();
    for (const verify::PredictedField& field : prediction.fields)
        fields.push_back({{"object", field.object},
                          {"section", field.section},
                          {"offset", field.offset},
                          {"width", field.width},
                          {"pc_relative", field.pc_relative},
                          {"addend", field.addend},
                          {"symbol", field.symbol}});
    ordered_json json = {{"symbols", symbols}, {"fields", fields}};
    fmt::print("{}", report::json_text(json));
}

std::vector<report::Finding> signature_findings(const Options& options) {
    if (options.keyring.empty())
        return {};
    const std::vector<sign::Certificate> trusted = sign::Certificate::read_all(options.keyring);
    try {
        sign::verify(symbols::read_module(options.module), trusted, options.module);
        return {};
    } catch (const report::Refusal& refusal) {
        return refusal.findings();
    }
}

report::Exit run(const Options& options) {
    elf::Object module = symbols::open_module(options.module);
    symbols::KernelFiles kernel(kernel::symbol_files(options.kernel), std::launch::async);
    if (options.predict) {
        print(verify::predict(module, kernel));
        return report::Exit::done;
    }
    std::optional<elf::Object> previous;
    if (!options.previous.empty())
        previous.emplace(symbols::open_module(options.previous));
    std::optional<elf::Object> core;
    if (!options.core.empty())
        core.emplace(symbols::open_module(options.core));
    std::vector<report::Finding> findings = verify::check(
        module, {.kernel = &kernel, .previous = previous ? &*previous : nullptr, .core = core ? &*core : nullptr});
    std::ranges::move(signature_findings(options), std::back_inserter(findings));
    print(findings, options.json);
    return report::has_error(findings) ? report::Exit::refused : report::Exit::done;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Checks a livepatch module against the kernel's rules and a target kernel.", "klp-verify");
    Options options;
    declare(app, options);
    if (std::optional<int> status = report::parse_command_line(app, argc, argv))
        return *status;
    if (options.list_rules)
        return report::run_command([] {
            print_rules();
            return report::Exit::done;
        });
    if (options.module.empty()) {
        fmt::print(stderr, "klp-verify: give a module (see --help)\n");
        return static_cast<int>(report::Exit::usage);
    }
    return report::run_command([&] { return run(options); },
                               [&](const std::vector<report::Finding>& findings) { print(findings, options.json); });
}
