// What a module was made of, in the two forms that other tools read.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace klp::package {

// Something that has a name and a content.
struct Artifact {
    std::string name; // a file's name, without folders: those are not the same on two machines
    std::string role; // "patch", "vmlinux", "module", "configuration", "Module.symvers"
    std::string sha256;
    std::string sha1 = {}; // of results only, for the bill of materials
};

struct Origin {
    std::string tool_version; // of klp-build
    std::string compiler;     // and its version: "gcc-12 12.2.0"
    std::string kernel;       // uname -r
    std::string kernel_build_id;
    std::map<std::string, std::string> parameters; // what the user chose, by option: {"--kernel", "debian:6.1-cloud"}
    std::vector<Artifact> inputs;
    std::vector<Artifact> results; // the module first
    int64_t date = 0;              // seconds since 1970
};

// An in-toto Statement v1 with the predicate SLSA Provenance v1: who made what, how, and of what.
// Source: in-toto attestation framework, spec/v1/statement.md; slsa.dev/spec/v1.0/provenance.
nlohmann::ordered_json provenance_statement(const Origin& origin);

// A software bill of materials in SPDX 2.3's JSON form: the module as a package that was generated from the patches and
// the kernel's source by klp-build and the compiler. Source: SPDX specification 2.3, clauses 6 to 11.
nlohmann::ordered_json bill_of_materials(const Origin& origin);

} // namespace klp::package
