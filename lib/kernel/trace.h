// The ways of a changed file into the kernel that no compilation of a unit shows: sources and headers that are
// generated from it, assembly, linker scripts, the programs of the build.
#pragma once

#include "kernel/reading.h"
#include "kernel/steps.h"
#include "kernel/unit.h"
#include "report/finding.h"
#include "source/include_graph.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace klp::kernel {

struct TraceSources {
    const std::vector<BuildUnit>& units;
    const std::vector<Step>& steps;
    std::filesystem::path source, build;                        // of the target
    std::function<const source::IncludeGraph&()> include_graph; // asked only if needed
    // As in reading.h, for the patched tree.
    std::function<std::vector<std::optional<std::string>>(const std::vector<Reading>&)> differences;
};

struct Trace {
    bool is_read = false;      // some recipe reads the file, or assembly does
    bool is_different = false; // ... and gets something else from the patched one
    bool is_lost = false;      // what a recipe makes of it is used by nobody that could be found
    std::vector<report::Finding> faults;
};

class Tracer {
public:
    explicit Tracer(TraceSources sources);

    // What recipes make of this file of the tree. `asks_graph`: also who includes it. Faults are
    // "plan.generated-input", "plan.build-tool", "plan.linker-script", "plan.assembly-sees-header", at most one of
    // each.
    Trace trace(const std::string& path, bool asks_graph) const;
    // What comes of it that these recipes change with this Makefile. The same faults.
    Trace trace_recipes(const std::string& path, const std::vector<Step>& steps) const;
    // Does a recipe that is no compiler's name the file?
    bool is_named(const std::string& path) const;
    // "plan.build-tool" for a file of a program that the build makes for itself below tools/, its makefiles and what
    // those include.
    std::optional<report::Finding> find_tool(const std::string& path) const;
    // Adds what these assembly units get otherwise of the file.
    void read_assembly(const std::string& path, const std::vector<const BuildUnit*>& units, Trace& trace) const;

private:
    struct Readers {
        std::vector<const Step*> steps;
        std::vector<const BuildUnit*> assembly;
    };
    Readers readers_of(const std::string& file, bool asks_graph) const;
    void judge(const std::string& path, const std::set<std::string>& seeds, const std::string& shown,
               Trace& trace) const;
    struct Use {
        std::string file;
        std::vector<std::string> objects;
    };
    std::set<std::string> tool_folders() const;
    std::optional<Use> use_of(const std::set<std::string>& files) const;
    std::vector<std::string> users_of(const std::string& file, bool asks_graph) const;
    std::string shorten(const std::string& file) const;
    std::string absolute(const BuildUnit& unit) const;

    TraceSources sources_;
    std::multimap<std::string, const Step*> steps_reading_;
    std::multimap<std::string, const Step*> steps_compiling_;
    std::multimap<std::string, const BuildUnit*> by_path_;
    std::set<std::string> tools_; // programs that units' commands run
};

} // namespace klp::kernel
