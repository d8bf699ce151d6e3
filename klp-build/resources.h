// What comes with the program: the template of the module and the headers for patch authors.
#pragma once

#include <filesystem>

namespace klp::build {

// The folder with the module's template: of the installation the program runs from (../share/klp-build/template/module
// beside its bin/), else of the source tree it was built in. Throws report::Refusal "install.incomplete".
std::filesystem::path template_folder();

} // namespace klp::build
