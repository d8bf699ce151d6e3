#include "source/clang_arguments.h"
#include "source/include_graph.h"

#include "report/interruption.h"

#include <clang/Basic/Diagnostic.h>
#include <clang/Tooling/DependencyScanning/DependencyScanningService.h>
#include <clang/Tooling/DependencyScanning/DependencyScanningWorker.h>
#include <llvm/Support/VirtualFileSystem.h>

#include <atomic>
#include <thread>
#include <unordered_map>

namespace klp::source {
namespace {

namespace deps = clang::tooling::dependencies;

// ---- One unit ----

class FirstError : public clang::DiagnosticConsumer {
public:
    void HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& diagnostic) override {
        if (level < clang::DiagnosticsEngine::Error || !text.empty())
            return;
        llvm::SmallString<128> message;
        diagnostic.FormatDiagnostic(message);
        text = message.str().str();
    }
    std::string text;
};

class FileCollector : public deps::DependencyConsumer {
public:
    void handleFileDependency(llvm::StringRef file) override { files.push_back(file.str()); }
    void handleDependencyOutputOpts(const clang::DependencyOutputOptions&) override {}
    void handlePrebuiltModuleDependency(deps::PrebuiltModuleDep) override {}
    void handleModuleDependency(deps::ModuleDeps) override {}
    void handleDirectModuleDependency(deps::ModuleID) override {}
    void handleContextHash(std::string) override {}
    std::vector<std::string> files;
};

class NoModules : public deps::DependencyActionController {
public:
    std::string lookupModuleOutput(const deps::ModuleID&, deps::ModuleOutputKind) override { return {}; }
};

// ---- One thread's share ----

// The same few thousand headers come up for every unit, as the compiler spells them: each spelling is normalised once.
class FileTable {
public:
    uint32_t index_of(const std::string& directory, const std::string& file) {
        std::string spelled = file.starts_with('/') ? file : directory + '/' + file;
        const auto [entry, is_new] = by_spelling_.try_emplace(std::move(spelled), 0);
        if (is_new) {
            const auto [known, is_new_file] = by_path_.try_emplace(absolute_path(directory, file), files.size());
            if (is_new_file)
                files.push_back(known->first);
            entry->second = known->second;
        }
        return entry->second;
    }
    std::vector<std::string> files;

private:
    std::unordered_map<std::string, uint32_t> by_spelling_, by_path_;
};

struct Share {
    FileTable table;
    std::vector<IncludeGraph::UnitFiles> units;
    std::vector<IncludeGraph::Failure> failures;
};

std::vector<std::string> scanner_arguments(const CompileCommand& command) {
    std::vector<std::string> arguments = clang_arguments(command);
    arguments.insert(arguments.begin(), {"clang", "-cc1", "-Eonly"});
    return arguments;
}

void scan_unit(deps::DependencyScanningWorker& worker, const CompileCommand& command, Share& share) {
    FirstError error;
    FileCollector collector;
    NoModules controller;
    const bool is_good =
        worker.computeDependencies(command.directory, scanner_arguments(command), collector, controller, error);
    IncludeGraph::UnitFiles unit{absolute_path(command.directory, command.file), {}};
    collector.files.push_back(command.file);
    for (const std::string& file : collector.files)
        unit.files.push_back(share.table.index_of(command.directory, file));
    if (!is_good || !error.text.empty())
        share.failures.push_back({unit.path, error.text.empty() ? "the scanner gave no reason" : error.text});
    share.units.push_back(std::move(unit));
}

IncludeGraph join(std::vector<Share>& shares) {
    std::vector<std::string> files;
    std::vector<IncludeGraph::UnitFiles> units;
    std::vector<IncludeGraph::Failure> failures;
    for (Share& share : shares) {
        for (IncludeGraph::UnitFiles& unit : share.units) {
            for (uint32_t& file : unit.files)
                file += static_cast<uint32_t>(files.size());
            units.push_back(std::move(unit));
        }
        std::move(share.table.files.begin(), share.table.files.end(), std::back_inserter(files));
        std::move(share.failures.begin(), share.failures.end(), std::back_inserter(failures));
    }
    return {std::move(files), std::move(units), std::move(failures)};
}

} // namespace

IncludeGraph scan(std::span<const CompileCommand> commands, unsigned jobs) {
    if (jobs == 0)
        jobs = std::max(1u, std::thread::hardware_concurrency());
    jobs = static_cast<unsigned>(std::min<size_t>(jobs, std::max<size_t>(1, commands.size())));
    deps::DependencyScanningService service(deps::ScanningMode::DependencyDirectivesScan,
                                            deps::ScanningOutputFormat::Make);
    std::vector<Share> shares(jobs);
    std::atomic<size_t> next = 0;
    const auto work = [&](Share& share) {
        deps::DependencyScanningWorker worker(service, llvm::vfs::createPhysicalFileSystem());
        for (size_t i = next++; i < commands.size() && !report::is_interrupted(); i = next++)
            scan_unit(worker, commands[i], share);
    };
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 1; i < jobs; ++i)
            threads.emplace_back(work, std::ref(shares[i]));
        work(shares[0]);
    }
    report::stop_if_interrupted();
    return join(shares);
}

} // namespace klp::source
