#include "package/statements.h"

#include "files/digest.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace klp::package {

using Json = nlohmann::ordered_json;

namespace {

// Where the meaning of `externalParameters` is told; an address of our own is not needed for it to be unique.
constexpr std::string_view build_type = "urn:klp-build:module:v1";

std::string time_of(int64_t date) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(date)));
}

Json digest_of(const Artifact& artifact) {
    return {{"sha256", artifact.sha256}};
}

// SPDX 2.3, 7.2: letters, digits, '.' and '-'.
std::string identifier(std::string_view kind, const std::string& name) {
    std::string text = fmt::format("SPDXRef-{}-", kind);
    for (const char c : name)
        text += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' ? c : '-';
    return text;
}

Json checksum(const char* algorithm, const std::string& value) {
    return {{"algorithm", algorithm}, {"checksumValue", value}};
}

// 8.4: a file needs its SHA-1.
Json spdx_file(const Artifact& artifact, const std::string& id) {
    return {{"fileName", "./" + artifact.name},
            {"SPDXID", id},
            {"checksums", Json::array({checksum("SHA1", artifact.sha1), checksum("SHA256", artifact.sha256)})},
            {"comment", artifact.role},
            {"licenseConcluded", "NOASSERTION"},
            {"copyrightText", "NOASSERTION"}};
}

Json spdx_package(const std::string& name, const std::string& id) {
    return {{"name", name},
            {"SPDXID", id},
            {"downloadLocation", "NOASSERTION"},
            {"filesAnalyzed", false},
            {"licenseConcluded", "NOASSERTION"},
            {"licenseDeclared", "NOASSERTION"},
            {"copyrightText", "NOASSERTION"}};
}

Json spdx_package(const std::string& name, const std::string& id, const std::string& version) {
    Json package = spdx_package(name, id);
    package["versionInfo"] = version;
    return package;
}

// What came in, as a package: nobody looked for files in it, and any sum will do for it (7.10).
Json spdx_input(const Artifact& artifact, const std::string& id) {
    Json package = spdx_package(artifact.name, id);
    package["packageFileName"] = artifact.name;
    package["checksums"] = Json::array({checksum("SHA256", artifact.sha256)});
    package["comment"] = artifact.role;
    return package;
}

// 7.9: of the sums of a package's files, in their order.
std::string verification_code(const std::vector<Artifact>& files) {
    std::vector<std::string> sums;
    for (const Artifact& file : files)
        sums.push_back(file.sha1);
    std::sort(sums.begin(), sums.end());
    return files::sha1(fmt::format("{}", fmt::join(sums, "")));
}

Json relation(const std::string& from, const char* type, const std::string& to) {
    return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

} // namespace

Json provenance_statement(const Origin& origin) {
    Json subjects = Json::array();
    for (const Artifact& result : origin.results)
        subjects.push_back({{"name", result.name}, {"digest", digest_of(result)}});
    Json materials = Json::array();
    for (const Artifact& input : origin.inputs)
        materials.push_back(
            {{"name", input.name}, {"digest", digest_of(input)}, {"annotations", {{"role", input.role}}}});
    return {{"_type", "https://in-toto.io/Statement/v1"},
            {"subject", subjects},
            {"predicateType", "https://slsa.dev/provenance/v1"},
            {"predicate",
             {{"buildDefinition",
               {{"buildType", build_type},
                {"externalParameters", origin.parameters},
                {"internalParameters",
                 {{"compiler", origin.compiler}, {"kernel", origin.kernel}, {"kernelBuildId", origin.kernel_build_id}}},
                {"resolvedDependencies", materials}}},
              {"runDetails",
               {{"builder", {{"id", "urn:klp-build"}, {"version", {{"klp-build", origin.tool_version}}}}},
                {"metadata", {{"invocationId", origin.results.front().sha256}}}}}}}};
}

Json bill_of_materials(const Origin& origin) {
    const Artifact& module = origin.results.front();
    const std::string document = "SPDXRef-DOCUMENT", made = identifier("Package", module.name),
                      tool = "SPDXRef-Package-klp-build", compiler = "SPDXRef-Package-compiler",
                      kernel = "SPDXRef-Package-linux";
    Json files = Json::array(), packages = Json::array();
    packages.push_back(spdx_package(module.name, made, module.sha256.substr(0, 16)));
    packages.back()["filesAnalyzed"] = true;
    packages.back()["packageVerificationCode"] = {{"packageVerificationCodeValue", verification_code(origin.results)}};
    packages.push_back(spdx_package("klp-build", tool, origin.tool_version));
    packages.push_back(spdx_package("compiler", compiler, origin.compiler));
    packages.push_back(spdx_package("linux", kernel, origin.kernel));
    Json relations = Json::array({relation(document, "DESCRIBES", made), relation(tool, "BUILD_TOOL_OF", made),
                                  relation(compiler, "BUILD_TOOL_OF", made), relation(made, "PATCH_FOR", kernel)});
    for (const Artifact& result : origin.results) {
        const std::string id = identifier("File", fmt::format("{}-{}", files.size(), result.name));
        files.push_back(spdx_file(result, id));
        relations.push_back(relation(made, "CONTAINS", id));
    }
    for (const Artifact& input : origin.inputs) {
        const std::string id = identifier("Input", fmt::format("{}-{}", packages.size(), input.name));
        packages.push_back(spdx_input(input, id));
        relations.push_back(relation(made, "GENERATED_FROM", id));
    }
    return {
        {"spdxVersion", "SPDX-2.3"},
        {"dataLicense", "CC0-1.0"},
        {"SPDXID", document},
        {"name", module.name},
        // 6.5: unique; the module's content says which one it is.
        {"documentNamespace", fmt::format("urn:klp-build:spdx:{}", module.sha256)},
        {"creationInfo",
         {{"created", time_of(origin.date)}, {"creators", Json::array({"Tool: klp-build-" + origin.tool_version})}}},
        {"packages", packages},
        {"files", files},
        {"relationships", relations}};
}

} // namespace klp::package
