// --package: the module as a package of a distribution (package/livepatch_package.h).
#pragma once

#include "options.h"
#include "pipeline.h"
#include "report_file.h"

#include "files/together.h"

#include <filesystem>

namespace klp::build {

// Is the program there that makes such packages? Throws report::Refusal "kernel.missing-tool", and "package.version"
// for a version that the format does not know. Nothing is looked at unless a package is to be made.
void check_packaging(const Options& options);

// Makes the package of the finished modules, below `folder`, and adds it to `outputs`, beside the module. The same
// inputs give the same bytes: all times are $SOURCE_DATE_EPOCH, or the kernel's own date. Returns where it will be.
// Throws "package.failed" with the words of dpkg-deb or rpmbuild.
std::filesystem::path package_module(const Options& options, const Record& record, const FinishedModules& modules,
                                     const std::filesystem::path& folder, files::Together& outputs);

} // namespace klp::build
