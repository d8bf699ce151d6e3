// Which kernel is meant, and what the patch files say about its source.
#include "kernel_progress.h"
#include "pipeline.h"
#include "resources.h"

#include "files/files.h"
#include "kernel/includes.h"
#include "kernel/module_link.h"
#include "report/finding.h"
#include "symbols/kernel_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace klp::build {

namespace {

// A folder that was named to have modules in it has one.
void check_modules(const std::filesystem::path& folder) {
    std::error_code ignored;
    if (std::filesystem::is_directory(folder, ignored) && !symbols::has_module_files(folder))
        throw report::Refusal(
            "target.missing-part", folder.string(), "there is no module (.ko) in this folder",
            "give the folder that holds the kernel's .ko files (--modules), or leave the option out if "
            "the patch concerns vmlinux only");
}

kernel::Target find_kernel(const Options& options, const host::Cache& cache,
                           const kernel::TargetOptions& target_options) {
    if (!options.kernel.empty())
        return kernel::named_target(options.kernel, options.source, cache, target_options);
    bool has_parts = !options.config.empty() || !options.vmlinux.empty() || !options.vmlinuz.empty() ||
                     !options.modules.empty() || !options.symvers.empty();
    if (!has_parts)
        return kernel::tree_target(options.source, options.build, cache, target_options);
    if (!options.modules.empty())
        check_modules(options.modules);
    kernel::Parts parts;
    parts.name = options.source.string();
    parts.source = options.source;
    parts.config = options.config;
    parts.vmlinux = options.vmlinux.empty() ? options.vmlinuz : options.vmlinux;
    parts.vmlinuz = options.vmlinuz;
    parts.modules = options.modules;
    parts.symvers = options.symvers;
    return kernel::parts_target(parts, cache, target_options);
}

// What patches are packed with, by how such files begin.
struct Packer {
    std::string_view begin;
    const char* program;
};
constexpr std::array packers{Packer{"\x1f\x8b", "gzip"},
                             Packer{"\xfd"
                                    "7zXZ",
                                    "xz"},
                             Packer{"\x28\xb5\x2f\xfd", "zstd"}, Packer{"BZh", "bzip2"}};

void refuse_packed(const std::filesystem::path& path, std::string_view text) {
    const auto packer = std::ranges::find_if(packers, [&](const Packer& it) { return text.starts_with(it.begin); });
    if (packer != packers.end())
        throw report::Refusal("source.compressed-patch", path.string(),
                              fmt::format("it is compressed by {}", packer->program),
                              fmt::format("give what {} -dc {} prints", packer->program, path.string()));
}

kernel::TargetOptions how_to_prepare(const Options& options, report::Progress& progress) {
    return {.skip_compiler_check = options.skip_compiler_check,
            .runtime = options.runtime,
            .jobs = options.jobs,
            .toolchain = options.toolchain,
            .launcher = options.launcher,
            .resources = {template_folder()},
            .progress = shown_by(progress)};
}

std::filesystem::path file_of(const std::filesystem::path& patch) {
    return patch == standard_input ? std::filesystem::path("/dev/stdin") : patch;
}

} // namespace

void prepare_for_runs(const Options& options, const kernel::Target& target,
                      const std::optional<kernel::RuntimeCore>& core, const std::filesystem::path& scratch,
                      report::Progress& progress) {
    progress.begin("prepare", "make ready what runs to come need");
    kernel::prepare_link(target, {.name = {}, .template_folder = template_folder(), .core = core}, scratch);
    kernel::include_graph_of(target, kernel::units_of(target), how_to_prepare(options, progress));
    kernel::patched_tree_of(target).open_all();
    progress.end();
}

kernel::Target find_target(const Options& options, const host::Cache& cache, report::Progress& progress) {
    const kernel::TargetOptions target_options = how_to_prepare(options, progress);
    kernel::Target target = find_kernel(options, cache, target_options);
    if (options.oot_module.empty())
        return target;
    return kernel::oot_target(target, options.oot_module, options.oot_source, cache, target_options);
}

PatchedFiles read_patches(const Options& options, const kernel::Target& target) {
    std::vector<source::PatchText> series;
    std::vector<ModuleTags> tags;
    for (const std::filesystem::path& path : options.patches) {
        const std::string text = files::read_text(file_of(path));
        refuse_packed(path, text);
        series.push_back(source::parse_patch(path.string(), text));
        tags.push_back(tags_of_patch(path.string(), text));
    }
    PatchedFiles changes;
    changes.tags = tags_of_module(tags);
    changes.applied = source::apply_patches(series, source::read_from(target.source));
    changes.files = source::changed_files(changes.applied);
    return changes;
}

} // namespace klp::build
