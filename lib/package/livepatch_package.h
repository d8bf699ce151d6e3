// A live patch as a package of a distribution: what is in it, what it needs, and what happens when it comes and goes.
// All of this is text; dpkg-deb and rpmbuild make the file of it.
//
// The package holds the module, its reports, the patches and two statements about its origin (package/statements.h). It
// needs exactly the kernel that the module is for. klpctl keeps the module (`klpctl install`) and loads it if that
// kernel runs; whatever comes of that, the package manager goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace klp::package {

enum class Format { deb, rpm };

// A file of the package.
struct Content {
    std::filesystem::path place;  // absolute, where it is installed
    std::filesystem::path source; // where it lies now
};

struct LivepatchPackage {
    std::string module;               // its name: "livepatch-fix"
    std::string version;              // of the package: "1"
    std::string kernel;               // uname -r: "6.1.0-57-cloud-amd64"
    std::string kernel_version;       // of the package with that kernel: "6.1.192-3"; empty where it is not known
    std::string maintainer;           // "NAME <MAIL>"
    std::string machine;              // as the distribution has it: "amd64" (deb), "x86_64" (rpm)
    bool is_cumulative = true;        // takes the place of all other live patches
    std::vector<std::string> patches; // names of the patch files
    std::vector<std::string> cves;
    int64_t date = 0; // seconds since 1970, of all files and of the package
    std::vector<Content> contents;
};

// "kernel-livepatch-6.1.0-57-cloud-amd64-livepatch-fix": letters small and '-' for '_', as both formats want it.
std::string package_name(const LivepatchPackage& package);

// Where the module, and where all else of the package is installed.
std::filesystem::path module_place(const LivepatchPackage& package);
std::filesystem::path document_folder(const LivepatchPackage& package);

// Where the patch `name`, the `number`-th from 1, is below the latter. Its name stays, since the module has it too.
std::filesystem::path patch_place(size_t number, const std::filesystem::path& name);

// The name of the package file: "NAME_VERSION_MACHINE.deb", "NAME-VERSION-1.MACHINE.rpm".
std::string file_name(const LivepatchPackage& package, Format format);

// Debian's control files, for the folder DEBIAN of the tree that dpkg-deb packs. Source: deb-control(5), Debian policy
// chapters 6 (maintainer scripts) and 7 (relations). `installed_size` is in KiB.
std::string deb_control(const LivepatchPackage& package, uint64_t installed_size);
std::string deb_postinst(const LivepatchPackage& package);
std::string deb_prerm(const LivepatchPackage& package);
// usr/share/doc/NAME/copyright and the text of changelog.gz.
std::string deb_copyright(const LivepatchPackage& package);
std::string deb_changelog(const LivepatchPackage& package);

// A text that rpm takes for nothing but itself, in a spec and in the value of a macro: "%" is "%%".
std::string as_spec_text(std::string_view text);
// The spec for rpmbuild; the contents lie at their places below the folder that the macro klp_root names. Source: rpm's
// spec file reference.
std::string rpm_spec(const LivepatchPackage& package);

} // namespace klp::package
