// klp-sweep: many units of a kernel, spread over its tree, through the whole pipeline. Each is compared with itself and
// with one statement more, and what came of several is linked to a module and checked. What is refused, and what
// differs besides the statement, is told; nothing is written but the cache and the report.
#include "attempt.h"
#include "options.h"
#include "resources.h"
#include "statement.h"

#include "files/files.h"
#include "kernel/untraced.h"
#include "report/command.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <elf.h>
#include <iterator>
#include <map>
#include <numeric>
#include <unordered_set>

namespace {

using namespace klp;
using namespace klp::sweep;

constexpr size_t batch_size = 24;

struct Wishes {
    size_t units = 1500;
    std::string below;  // sources of this folder only
    std::string report; // JSON
    std::vector<std::string> kernel;
};

struct Totals {
    size_t tried = 0, good = 0, without_effect = 0, faulty = 0, harmless = 0;
    std::map<std::string, size_t> kinds; // "stage code" -> units
};

// Which function of the unit gets the statement: another one in each unit, of those that the kernel has.
std::optional<Trial> trial_of(const Sweep& sweep, const kernel::BuildUnit& unit, size_t number) {
    const std::filesystem::path path = sweep.target.source / unit.source;
    const symbols::SymbolTable* table = sweep.images.table(unit.owner);
    const bool is_source = !unit.is_assembly && !unit.is_generated && std::filesystem::exists(path);
    if (!is_source || !table || !kernel::untraced_by(sweep.target, unit).empty())
        return std::nullopt;
    const std::string text = files::read_text(path);
    std::vector<Place> places = places_in(text);
    std::erase_if(places, [&](const Place& place) {
        return std::ranges::none_of(table->find(place.function),
                                    [&](uint32_t at) { return table->symbols()[at].type == STT_FUNC; });
    });
    if (places.empty())
        return std::nullopt;
    const Place& place = places[number % places.size()];
    return Trial{.unit = unit, .function = place.function, .patch = patch_of(unit.source, text, place)};
}

std::vector<Trial> choose(const Sweep& sweep, const Wishes& wishes) {
    std::vector<kernel::BuildUnit> all = kernel::units_of(sweep.target);
    std::erase_if(all, [&](const kernel::BuildUnit& unit) { return !unit.source.starts_with(wishes.below); });
    // By the golden section, so that any number of them is spread evenly; those that cannot be tried are passed over.
    size_t step = all.size() * 618 / 1000 + 1;
    while (std::gcd(step, all.size()) != 1)
        ++step;
    std::vector<Trial> trials;
    std::unordered_set<std::string> sources; // of two units of one source, one
    for (size_t at = 0; at < all.size() && trials.size() < wishes.units; ++at)
        if (std::optional<Trial> trial = trial_of(sweep, all[at * step % all.size()], at);
            trial && sources.insert(trial->unit.source).second)
            trials.push_back(std::move(*trial));
    return trials;
}

void tell(const std::vector<Trial>& trials, Totals& totals) {
    for (const Trial& trial : trials) {
        ++totals.tried;
        totals.harmless += trial.harmless;
        std::unordered_set<std::string> kinds;
        for (const Fault& fault : trial.faults) {
            kinds.insert(fmt::format("{} {}", fault.stage, fault.code));
            fmt::print("{} [{}] {} {}: {}: {}\n", trial.unit.source, trial.function, fault.stage, fault.code,
                       fault.where, fault.what);
        }
        for (const std::string& kind : kinds)
            ++totals.kinds[kind];
        ++(!trial.faults.empty() ? totals.faulty : trial.is_without_effect ? totals.without_effect : totals.good);
    }
    fmt::print(stderr, "{} units\n", totals.tried);
    std::fflush(stdout);
}

void write_report(const std::string& path, const std::vector<Trial>& trials) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Trial& trial : trials) {
        nlohmann::ordered_json faults = nlohmann::ordered_json::array();
        for (const Fault& fault : trial.faults)
            faults.push_back(
                {{"stage", fault.stage}, {"code", fault.code}, {"where", fault.where}, {"what", fault.what}});
        json.push_back({{"source", trial.unit.source},
                        {"owner", trial.unit.owner},
                        {"function", trial.function},
                        {"without_effect", trial.is_without_effect},
                        {"faults", std::move(faults)}});
    }
    const std::string text = json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    files::write_synced(path, std::as_bytes(std::span(text)));
}

report::Exit run(const Wishes& wishes, const build::Options& options) {
    const host::Cache cache = host::Cache::open(options.sharing);
    host::TemporaryFolder folder = cache.temporary();
    setenv("TMPDIR", folder.path().c_str(), 1);
    report::Progress progress(stderr);
    const kernel::Target target = build::find_target(options, cache, progress);
    std::optional<kernel::RuntimeCore> core;
    if (target.runtime == elf::Runtime::core)
        core = kernel::build_core(target, build::core_folder(), cache);
    const build::Images images(target, core);
    const Sweep sweep{options, target, core, images};
    std::vector<Trial> all = choose(sweep, wishes);
    std::vector<Trial> done;
    Totals totals;
    while (!all.empty()) {
        const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(batch_size, all.size()));
        std::vector<Trial> batch(std::make_move_iterator(all.begin()), std::make_move_iterator(end));
        all.erase(all.begin(), end);
        host::TemporaryFolder objects = cache.temporary();
        try_all(sweep, batch, objects.path());
        tell(batch, totals);
        std::ranges::move(batch, std::back_inserter(done));
        if (!wishes.report.empty())
            write_report(wishes.report, done);
    }
    for (const auto& [kind, count] : totals.kinds)
        fmt::print("{:6} {}\n", count, kind);
    fmt::print("{} differences were told to be harmless\n{} passed, {} failed, {} skipped\n", totals.harmless,
               totals.good, totals.faulty, totals.without_effect);
    return totals.faulty ? report::Exit::refused : report::Exit::done;
}

} // namespace

int main(int argc, char** argv) {
    Wishes wishes;
    CLI::App app("Many units of a kernel through the pipeline: compared with themselves and with one statement more.");
    app.add_option("--units", wishes.units, "so many of the kernel's, spread evenly")->capture_default_str();
    app.add_option("--below", wishes.below, "only sources whose path begins so");
    app.add_option("--report", wishes.report, "write what came of each unit to this file, as JSON");
    app.add_option("KERNEL", wishes.kernel, "klp-build's options that name the kernel, after --")->required();
    if (std::optional<int> status = report::parse_command_line(app, argc, argv))
        return *status;
    std::vector<std::string> words{"klp-sweep", "--print-target"};
    words.insert(words.end(), wishes.kernel.begin(), wishes.kernel.end());
    std::vector<char*> pointers;
    for (std::string& word : words)
        pointers.push_back(word.data());
    int status = 0;
    const std::optional<build::Options> options =
        build::parse_options(static_cast<int>(pointers.size()), pointers.data(), status);
    return options ? report::run_command([&] { return run(wishes, *options); }) : status;
}
