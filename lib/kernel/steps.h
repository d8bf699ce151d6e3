// What kbuild makes besides the objects of units: generated sources and headers, the programs that generate them,
// linker scripts. A patch to what these are made from changes objects although no compiler reads the file.
#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// One recipe. All paths are absolute and normalised as source::absolute_path() does it.
struct Step {
    std::vector<std::string> targets; // what it makes; more rather than less where the recipe does not say
    std::vector<std::string> inputs;  // every file that the recipe names, and what its dependency file lists
    // Where a compiler or preprocessor reads one source (host programs, asm-offsets.s, vmlinux.lds): its arguments, run
    // in the build directory, and the source. What it reads beyond `inputs` is the preprocessor's affair.
    std::vector<std::string> compile;
    std::string source;
};

// The folders that recipes name.
struct StepFolders {
    std::filesystem::path source;
    std::filesystem::path build; // recipes run here
};

// The steps of a dry run's output: its recipes less those that compile units, link objects or only note something.
// kbuild names a recipe's target where it notes the command (savedcmd_TARGET), removes what an interrupt leaves (trap)
// or calls fixdep; of a recipe without any of these, every word that could be a file of the build directory counts as
// made.
std::vector<Step> parse_steps(std::string_view dry_run, const StepFolders& folders);

// The step that a .cmd file notes: the command that made TARGET, and its dependencies. None of a unit of the kernel.
std::vector<Step> parse_command_file(std::string_view text, const StepFolders& folders);

// The steps of a prepared build directory: `dry_run`, and every .cmd file below the directory for what is made already,
// sorted by what they make.
std::vector<Step> find_steps(std::string_view dry_run, const StepFolders& folders);

// The steps that one of two dry runs has and the other has not, or with another recipe, of what lies below `folder`
// ("net/ipv4/"). A dry run is silent on what is there and up to date, which depends on times as well: a recipe that is
// the one a .cmd file of the build directory notes is none.
std::vector<Step> changed_steps(std::string_view before, std::string_view after, const StepFolders& folders,
                                const std::string& folder);

// For the cache. read_steps throws report::Refusal "kernel.cache-corrupt" on anything else.
std::string write_steps(const std::vector<Step>& steps);
std::vector<Step> read_steps(std::string_view text, const std::string& path);

// `files` and all that is made from them, directly or through other steps.
std::set<std::string> made_from(const std::set<std::string>& files, std::span<const Step> steps);

} // namespace klp::kernel
