#include "fleet_cell.h"

#include "elf/build_id.h"
#include "files/digest.h"
#include "files/files.h"
#include "host/cache.h"
#include "host/process.h"
#include "report/json.h"
#include "report/json_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace klp::build {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int cell_schema = 1;

constexpr const char* order_file = "order.json";
constexpr const char* result_file = "result.json";
constexpr const char* report_file = "report.json";
constexpr const char* log_file = "log";

std::optional<std::string> try_hash(const fs::path& path) {
    try {
        return files::sha256_of(path);
    } catch (const report::Refusal&) {
        return std::nullopt;
    }
}

std::optional<Json> try_json(const fs::path& path) {
    const std::optional<std::string> text = files::try_read_text(path);
    Json json = text ? Json::parse(*text, nullptr, false) : Json();
    return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
}

void write_json(const fs::path& path, const Json& json) {
    const std::string text = report::json_text(json);
    files::write_synced(path, std::as_bytes(std::span(text)));
}

Json json_of(const Order& order) {
    Json json = {{"schema", cell_schema},  {"key", key_of(order)},    {"tool", order.tool},
                 {"kernel", order.kernel}, {"name", order.name},      {"folder", order.folder.string()},
                 {"words", order.words},   {"patches", Json::array()}};
    for (const OrderedFile& patch : order.patches)
        json["patches"].push_back({{"path", patch.path.string()}, {"sha256", patch.sha256}});
    return json;
}

Order read_order(const fs::path& folder) {
    const std::optional<Json> json = try_json(folder / order_file);
    try {
        if (json && json->at("schema") == cell_schema) {
            Order order{json->at("tool"),  json->at("kernel"),
                        json->at("name"),  json->at("folder").get<std::string>(),
                        json->at("words"), {}};
            for (const Json& patch : json->at("patches"))
                order.patches.push_back({patch.at("path").get<std::string>(), patch.at("sha256")});
            return order;
        }
    } catch (const Json::exception&) {
        // It is refused as any other that cannot be read.
    }
    throw report::Refusal("fleet.bad-order", (folder / order_file).string(), "this is no order of a cell",
                          "klp-build --fleet writes it");
}

std::vector<report::Finding> errors_in(const Json& list) {
    std::vector<report::Finding> findings = report::findings_from(list);
    std::erase_if(findings, [](const report::Finding& it) { return it.severity != report::Severity::error; });
    return findings;
}

CellResult failed(const std::string& key, const std::string& where, const std::string& message) {
    return {key,
            "failed",
            {{"fleet.cell-failed", report::Severity::error, where, "", message,
              "the cell's log has all that was said; the same command runs the cell again"}},
            "",
            ""};
}

// The patches that klp-build really read.
bool are_as_ordered(const Order& order, const Json& report) {
    std::vector<std::string> read, ordered;
    for (const Json& input : report.value("inputs", Json::array()))
        if (input.value("role", "") == "patch")
            read.push_back(input.value("sha256", ""));
    for (const OrderedFile& patch : order.patches)
        ordered.push_back(patch.sha256);
    return read == ordered;
}

// What one run of klp-build came to; it left the report in `folder`.
CellResult judge(const Order& order, const fs::path& folder, const host::Outcome& outcome) {
    const std::string key = key_of(order);
    const std::optional<Json> report = try_json(folder / report_file);
    const std::string status = report ? report->value("status", "") : "";
    const bool is_consistent = (outcome.status == 0 && status == "done") ||
                               (outcome.status == 1 && status == "refused") ||
                               (outcome.status == 3 && status == "nothing-changed");
    if (!is_consistent)
        return failed(
            key, folder.string(),
            fmt::format("klp-build ended with status {}: {}", outcome.status, host::last_lines(outcome.errors, 3)));
    if (!are_as_ordered(order, *report))
        return failed(key, folder.string(), "a patch file changed while the fleet was built");
    if (outcome.status == 3)
        return {key, "not-affected", {}, "", ""};
    if (outcome.status == 1)
        return {key, "refused", errors_in(report->value("findings", Json::array())), "", ""};
    const std::string module = order.name + ".ko";
    const std::optional<std::string> sha256 = try_hash(folder / module);
    return sha256 ? CellResult{key, "built", {}, module, *sha256}
                  : failed(key, folder.string(), "the module that was made is not there");
}

// Nothing of an earlier run is taken for this one's.
void clear(const fs::path& folder) {
    std::vector<fs::path> old;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (entry.path().filename() != order_file && entry.path().extension() != ".lock")
            old.push_back(entry.path());
    // The result goes first, since it vouches for the others.
    files::remove_tree(folder / result_file);
    std::ranges::for_each(old, files::remove_tree);
}

} // namespace

std::string key_of(const Order& order) {
    Json json = {order.tool, order.kernel, order.name, order.words, Json::array()};
    for (const OrderedFile& patch : order.patches)
        json.back().push_back({patch.path.filename().string(), patch.sha256});
    return files::sha256(json.dump());
}

void write_order(const fs::path& folder, const Order& order) {
    files::make_folder(folder);
    const Json json = json_of(order);
    if (try_json(folder / order_file) != json)
        write_json(folder / order_file, json);
}

bool is_of_circumstances(const CellResult& result) {
    constexpr std::array codes{"target.download",    "kernel.process", "kernel.missing-tool",
                               "install.incomplete", "test.broken",    "internal"};
    return std::ranges::any_of(result.reasons, [&](const report::Finding& reason) {
        return reason.code.starts_with("file.") || reason.code.starts_with("cache.") ||
               std::ranges::find(codes, reason.code) != codes.end();
    });
}

std::optional<CellResult> last_result(const fs::path& folder) {
    const std::optional<Json> json = try_json(folder / result_file);
    try {
        if (json && json->at("schema") == cell_schema)
            return CellResult{json->at("key"), json->at("outcome"), errors_in(json->at("reasons")),
                              json->value("module", ""), json->value("sha256", "")};
    } catch (const Json::exception&) {
        // Half a result is none.
    }
    return std::nullopt;
}

std::optional<CellResult> finished_result(const fs::path& folder, const std::string& key) {
    std::optional<CellResult> result = last_result(folder);
    if (!result || result->key != key || result->outcome == "failed" || is_of_circumstances(*result))
        return std::nullopt;
    if (!result->module.empty() && try_hash(folder / result->module) != result->sha256)
        return std::nullopt;
    return result;
}

CellResult run_cell(const fs::path& folder, unsigned jobs) {
    const Order order = read_order(folder);
    if (order.tool != tool_identity())
        throw report::Refusal("fleet.other-tool", folder.string(),
                              fmt::format("the fleet is built by {}, and this is {}", order.tool, tool_identity()),
                              "run klp-build --fleet again, with the same klp-build on all machines");
    const host::FileLock lock = host::FileLock::wait(folder / "cell.lock");
    const std::string key = key_of(order);
    if (std::optional<CellResult> done = finished_result(folder, key)) {
        // For engines that tell by the time what is done.
        fs::last_write_time(folder / result_file, fs::file_time_type::clock::now());
        return *done;
    }
    clear(folder);
    host::Command command{.argv = {own_program().string()}, .directory = order.folder};
    std::vector<std::string>& argv = command.argv;
    argv.insert(argv.end(), order.words.begin(), order.words.end());
    argv.insert(argv.end(),
                {"--name", order.name, "--output", folder.string(), "--report", (folder / report_file).string(),
                 "--reproducible-report", "--jobs", fmt::format("{}", jobs), "--"});
    for (const OrderedFile& patch : order.patches)
        argv.push_back(patch.path.string());
    const host::Outcome outcome = host::run(command);
    files::write(folder / log_file, outcome.errors + outcome.output);
    const CellResult result = judge(order, folder, outcome);
    write_json(folder / result_file, {{"schema", cell_schema},
                                      {"key", result.key},
                                      {"outcome", result.outcome},
                                      {"reasons", report::to_json(result.reasons)},
                                      {"module", result.module},
                                      {"sha256", result.sha256}});
    return result;
}

std::vector<report::Finding> errors_of_report(const fs::path& path) {
    const std::optional<Json> report = try_json(path);
    return report ? errors_in(report->value("findings", Json::array())) : std::vector<report::Finding>{};
}

fs::path own_program() {
    return fs::read_symlink("/proc/self/exe");
}

std::string tool_identity() {
    static const std::string identity = fmt::format("klp-build {} ({})", KLP_VERSION, elf::build_id_of(own_program()));
    return identity;
}

} // namespace klp::build
