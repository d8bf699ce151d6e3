// The stages of klp-build, in the order in which main.cc runs them. Each takes values and gives values; what a stage
// leaves on disk lies in the run's own temporary folder.
#pragma once

#include "images.h"
#include "options.h"
#include "provenance.h"

#include "convert/rewrite.h"
#include "diff/diff.h"
#include "files/together.h"
#include "host/cache.h"
#include "kernel/compile.h"
#include "kernel/patched_tree.h"
#include "kernel/plan.h"
#include "kernel/runtime.h"
#include "kernel/target.h"
#include "proof/origin_resolver.h"
#include "report/facts.h"
#include "report/progress.h"
#include "source/changes.h"
#include "source/patch.h"

#include <map>
#include <string>
#include <vector>

namespace klp::source {
struct ObjectTexts; // object_texts.h
}

namespace klp::build {

using Units = std::vector<kernel::BuildUnit>; // all of the target

class Review;        // review.h: what the report shows besides
struct ChangedTexts; // changed_texts.h
class SameCode;      // same_code.h

// What the patch files say, applied in memory to the target's source.
struct PatchedFiles {
    source::Applied applied;
    std::vector<source::ChangedFile> files;
    ModuleTags tags; // that the module gets by them
};

// A unit before and after the patch, and what the kernel's image says of the former.
struct ProvenPair {
    kernel::BuildUnit unit;
    elf::Object original;
    elf::Object patched;
    proof::UnitOrigin origin;
};

// How much of a unit the kernel image vouches for.
struct ProofSummary {
    size_t functions = 0; // that were looked for
    size_t proven = 0;
    size_t overridden = 0;                        // weak functions that another unit's took the place of
    std::vector<std::string> unproven;            // the other functions
    std::map<std::string, size_t> not_looked_for; // functions of code that does not stay, by section
    size_t data = 0;                              // read-only variables that were compared
    std::vector<std::string> different_data;      // those that hold something else in the image
};

struct UnitDiff {
    kernel::BuildUnit unit;
    diff::Diff diff;
    ProofSummary proof;
};

// The differ's objects and the template in one file, as kbuild links it.
struct Module {
    std::string name;
    std::filesystem::path file;
    std::optional<kernel::RuntimeCore> core; // that goes with it
};

// The finished module and what was found while it was made.
struct Livepatch {
    std::string name;
    convert::Result module;
    std::optional<kernel::RuntimeCore> core; // that goes with it
    std::vector<report::Finding> findings;
};

// What the check of the finished module found that does not stand in its way.
struct Verdict {
    std::vector<report::Finding> findings;
};

kernel::Target find_target(const Options& options, const host::Cache& cache, report::Progress& progress);
// Makes what every kernel needs once, or only some patches: how modules are linked, the include graph and a patched
// tree.
void prepare_for_runs(const Options& options, const kernel::Target& target,
                      const std::optional<kernel::RuntimeCore>& core, const std::filesystem::path& scratch,
                      report::Progress& progress);

PatchedFiles read_patches(const Options& options, const kernel::Target& target);
// A private copy of the source tree with the patch applied; it is taken back when the value goes.
// Patched code that talks to the livepatch core does so by the core's own header.
kernel::PatchedTree write_patched_tree(const kernel::Target& target, const Units& units, const PatchedFiles& changes,
                                       const std::optional<kernel::RuntimeCore>& core);
// Takes back what keeps the line numbers of unchanged code: a compiler's message then quotes the file that people see.
void restore_own_lines(const PatchedFiles& changes, kernel::PatchedTree& tree);
// The units that see a difference, less those that --target leaves out.
kernel::Plan plan_units(const Options& options, const kernel::Target& target, const Units& units,
                        const PatchedFiles& changes, const kernel::PatchedTree& tree, report::Progress& progress);
// The same in little time: units may be among them that see no difference, and nothing is said of what is no unit.
kernel::Plan likely_units(const Options& options, const kernel::Target& target, const Units& units,
                          const PatchedFiles& changes, const kernel::PatchedTree& tree, report::Progress& progress);
// Does the patch reach so many units by headers that finding out about them is less work than compiling them?
bool reaches_many(const kernel::Plan& plan, const PatchedFiles& changes);
// Of a patch that does so, compiles those that are likeliest to show what it does to types, and
// throws report::Refusal if they do (sense_changes()).
void look_ahead(const Options& options, const kernel::Target& target, const Units& units, const PatchedFiles& changes,
                kernel::PatchedTree& tree, const Images& images, const std::filesystem::path& folder, Review& review,
                report::Progress& progress);
// The plan less the units that read what the patch changes in headers and use none of it ("plan.unused", a note); at
// least one unit stays. Not looked at where not reaches_many().
kernel::Plan keep_users(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                        const kernel::PatchedTree& tree, kernel::Plan plan, report::Progress& progress);
// Original and patched version of some units. If they do not compile, once more without kept line numbers: the
// compiler's message then quotes the file that people see.
std::vector<kernel::ObjectPair> compile_batch(const Options& options, const kernel::Target& target,
                                              const std::vector<kernel::UnitChange>& units, const PatchedFiles& changes,
                                              kernel::PatchedTree& tree, const std::filesystem::path& folder);
// The same of all units, some at a time; of many, the first that does not compile, or for which sense_changes() throws,
// ends it.
std::vector<kernel::ObjectPair> compile_units(const Options& options, const kernel::Target& target,
                                              const kernel::Plan& plan, const PatchedFiles& changes,
                                              kernel::PatchedTree& tree, const Images& images,
                                              const std::filesystem::path& folder, Review& review,
                                              report::Progress& progress);
// Throws report::Refusal with all of `findings` if there is an error among them.
void refuse_errors(const std::vector<report::Finding>& findings);
// Constants with another value that objects hold, from the sources of the patch and of the units that it reaches:
//   sense.constant-changed    error: a member is given the constant and tested for it; warning: one is given it,
//   another
//                             one is tested for it, or numbers are put together and taken apart by it
//   sense.allocation-changed  warning: what is made by its size outlives the patch, and other code goes by it
// Throws report::Refusal with all of it if there is an error.
std::vector<report::Finding> sense_constants(const PatchedFiles& changes, const kernel::Plan& plan,
                                             const kernel::PatchedTree& tree);
// What the compiler has to say of the patched files: "compile.warning". And "compile.launcher", a warning, where
// --launcher had units compiled by another compiler.
std::vector<report::Finding> compiler_warnings(const std::vector<kernel::ObjectPair>& pairs,
                                               const PatchedFiles& changes);
// The sources that see what the patch changes, by their paths in the target's tree.
struct Reach {
    const kernel::Target& target;
    std::vector<std::string> sources;
};
Reach reach_of(const kernel::Target& target, const kernel::Plan& plan);
// Where `findings` say that a unit's types change: which of its exports get another version from the kernel's own tool
// ("sense.version-changed", a note).
std::vector<report::Finding> sense_versions(const kernel::Target& target, const kernel::ObjectPair& pair,
                                            const std::vector<report::Finding>& findings, const Images& images);
// What the patch does to types and interfaces that the running kernel has (lib/sense), seen in some or all of the
// units that it reaches; `review` sees the layouts. Throws report::Refusal with all of it if there is an error.
std::vector<report::Finding> sense_changes(const Options& options, const std::vector<kernel::ObjectPair>& pairs,
                                           const Images& images, const Reach& reach, Review& review);
// What the patch does to locks and references that bind functions together, of which some tasks run the old code and
// some the new until the transition is over, as the sources tell. Warnings and notes "sense.lock-*",
// "sense.refcount-changed", "sense.readers-changed", "sense.wait-added", "sense.flag-changed". Nothing is said of
// functions whose code is the same (same_code.h).
std::vector<report::Finding> sense_side_by_side(const PatchedFiles& changes, const ChangedTexts& texts,
                                                SameCode& same_code);
// `words`, here and below: what `texts` are, read once for all.
// Steps of an object's life that the patch moves from one function to another: warnings "sense.first-value" and
// "sense.step-moved". Nothing is said of a reference of which `findings` say more ("sense.refcount-changed"), nor of
// functions whose code is the same.
std::vector<report::Finding> sense_moves(const ChangedTexts& texts, const source::ObjectTexts& words,
                                         const std::vector<report::Finding>& findings, SameCode& same_code);
// What the patch takes for granted of objects that the old code made and stored. Warnings; throws report::Refusal with
// all of it for "sense.allocator-changed" and "sense.pointer-changed". Nothing is said of functions whose code is the
// same.
std::vector<report::Finding> sense_objects(const ChangedTexts& texts, const source::ObjectTexts& words,
                                           const std::vector<kernel::ObjectPair>& pairs, SameCode& same_code);
// What code and objects that the patch does not change make of it: work that old code queued elsewhere, constants that
// objects have been given already, failures that callers do not look for. Warnings "sense.queue-changed",
// "sense.first-value", "sense.result-changed". Nothing is said of a first value of which `findings` do, nor of
// functions whose code is the same.
std::vector<report::Finding> sense_outside(const ChangedTexts& texts, const source::ObjectTexts& words,
                                           const std::vector<report::Finding>& findings, SameCode& same_code);
// Reads the objects and looks the originals up in the images of their owners. Throws report::Refusal
// "origin.foreign-unit" or "origin.contradiction" for an original that the kernel was not built from.
std::vector<ProvenPair> prove_origins(const Options& options, const kernel::Target& target,
                                      const std::vector<kernel::ObjectPair>& pairs, const Images& images);
// Throws what diff::run does, and "origin.*" for a difference that rests on what is not the kernel's own or, with
// --require-proof, on what is not proven to be. A unit that uses static keys of its module is compiled once more below
// `folder`, to read them.
std::vector<UnitDiff> diff_pairs(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                                 const std::vector<ProvenPair>& pairs, const Images& images,
                                 const std::filesystem::path& folder);
// Throws report::Refusal "livepatch.nothing-changed" (Exit::nothing_changed) if no unit differs. That is no all-clear
// where `findings` of the stages before tell of a change that cannot take effect (see diff::changes_without_effect()),
// or where the plan left parts of the patch out: "livepatch.nothing-left".
void check_for_change(const Options& options, const kernel::Plan& plan, const std::vector<UnitDiff>& diffs,
                      const std::vector<report::Finding>& findings);
// Writes the differ's objects to `folder` and links them there with the template.
Module link_module(const Options& options, const kernel::Target& target, const std::optional<kernel::RuntimeCore>& core,
                   const PatchedFiles& changes, const std::vector<UnitDiff>& diffs, const Images& images,
                   const std::filesystem::path& folder);
// Gives the module its final form: livepatch symbols and relocations.
Livepatch make_livepatch(const Module& linked, const Images& images);
// Holds the finished module, and the core that goes with it, against the target, and with --over against the livepatch
// that is loaded. Throws report::Refusal with every
// breach that is an error.
Verdict verify_livepatch(const Options& options, const Images& images, const Livepatch& livepatch);

// The module's name: --name, else that of the output file, else "livepatch-" and the first patch file's name, in the
// characters that a module's name may have. Throws report::Refusal "module.name-too-long".
std::string module_name(const Options& options);
// Where the module goes.
std::filesystem::path module_path(const Options& options);
// Where --keep-tmp leaves a copy of the run's temporary files: "klp-tmp" where the module goes.
std::filesystem::path temporary_copy_path(const Options& options);
// What the user gets, and the sizes in bytes.
struct Output {
    std::filesystem::path module;
    uint64_t module_size = 0;
    std::string module_sha256;
    std::string unsigned_sha256; // of what was signed
    std::filesystem::path core;  // klp_core.ko beside it; empty where the kernel has a core
    uint64_t core_size = 0;
    std::filesystem::path package; // empty where none was asked for
    std::optional<report::Signature> signature;
};
// The files as they will be handed out, still in the run's own folder.
struct FinishedModules {
    std::filesystem::path livepatch;
    std::string unsigned_sha256;                // of the livepatch, before it was signed
    std::filesystem::path core;                 // empty where the kernel has a core
    std::optional<report::Signature> signature; // of both
};
// Writes the modules to `folder`, signed if that is wanted. Throws what sign_module() does.
FinishedModules finish_modules(const Options& options, const kernel::Target& target, const Livepatch& livepatch,
                               const std::filesystem::path& folder);
// What there is to say of their signature: "sign.expired".
std::vector<report::Finding> signature_findings(const FinishedModules& modules);
// Adds them to `outputs`, under the names that the options say.
Output hand_out(const Options& options, const FinishedModules& modules, files::Together& outputs);

} // namespace klp::build
