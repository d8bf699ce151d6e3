// What comes with the program: the template of the module, the headers for patch authors, the runtime core.
#pragma once

#include <filesystem>

namespace klp::build {

// The folder with the module's template: of the installation the program runs from (../share/klp-build/template/module
// beside its bin/), else of the source tree it was built in. Throws report::Refusal "install.incomplete".
std::filesystem::path template_folder();
// The same for the source of the runtime core, template/core.
std::filesystem::path core_folder();
// The folder that holds boottest, a package of Python.
std::filesystem::path boottest_parent();
// Headers that have code read static keys and calls like variables, in place of the kernel's.
std::filesystem::path key_headers();

} // namespace klp::build
