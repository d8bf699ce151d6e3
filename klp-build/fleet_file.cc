#include "fleet_file.h"

#include "files/files.h"
#include "report/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <fnmatch.h>
#include <functional>
#include <set>

namespace klp::build {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Where in the file something stands, as the author sees it: "patches[2].files".
class Reader {
public:
    explicit Reader(fs::path path) : path_(std::move(path)) {}

    [[noreturn]] void refuse(const std::string& place, const std::string& message) const {
        throw report::Refusal("fleet.bad-file", path_.string(),
                              place.empty() ? message : fmt::format("{}: {}", place, message),
                              "klp-build(1), section FLEETS, has the form of the file");
    }

    Json parse() const {
        try {
            return Json::parse(files::read_text(path_));
        } catch (const Json::parse_error& error) {
            const std::string text = error.what(); // "[json.exception.parse_error.101] parse error at line ..."
            const size_t end = text.find("] ");
            refuse("", "this is no JSON: " + (end == std::string::npos ? text : text.substr(end + 2)));
        }
    }

    void require_object(const Json& json, const std::string& place, const std::set<std::string>& fields) const {
        if (!json.is_object())
            refuse(place, "an object ({...}) belongs here");
        for (const auto& [key, value] : json.items())
            if (!fields.contains(key))
                refuse(place, fmt::format("there is no field '{}'; known are {}", key, fmt::join(fields, ", ")));
    }

    std::string text(const Json& json, const std::string& place) const {
        if (!json.is_string() || json.get<std::string>().empty())
            refuse(place, "a text belongs here");
        return json.get<std::string>();
    }

    void each(const Json& json, const std::string& place,
              const std::function<void(const Json&, const std::string&)>& take) const {
        if (!json.is_array() || json.empty())
            refuse(place, "a list ([...]) with something in it belongs here");
        for (size_t i = 0; i < json.size(); ++i)
            take(json[i], fmt::format("{}[{}]", place, i));
    }

private:
    fs::path path_;
};

// A part of a path of the output, and of a module's name.
bool is_plain_name(const std::string& name) {
    return !name.empty() && std::isalnum(static_cast<unsigned char>(name.front())) != 0 &&
           std::ranges::all_of(name, [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '+';
           });
}

void require_plain_name(const Reader& reader, const std::string& name, const std::string& place) {
    if (!is_plain_name(name))
        reader.refuse(place, fmt::format("'{}' is no name: letters, digits, '-', '_' and '.'", name));
}

// klp-build's options that name a kernel otherwise than by name; the value of each is a path or a release.
const std::set<std::string> kernel_options = {"sourcedir", "builddir", "config",  "vmlinux",
                                              "vmlinuz",   "modules",  "symvers", "release"};

FleetKernel kernel_of(const Reader& reader, const Json& json, const std::string& place) {
    if (json.is_string()) {
        const std::string name = reader.text(json, place);
        if (is_pattern(name) && !name.starts_with("debian:"))
            reader.refuse(place, fmt::format("the pattern '{}' covers nothing: only names of kernels of an archive "
                                             "(debian:...) can be found by pattern",
                                             name));
        FleetKernel kernel{name, {}};
        if (!is_pattern(name))
            kernel.words = {"--kernel", name};
        return kernel;
    }
    std::set<std::string> fields = kernel_options;
    fields.insert("name");
    reader.require_object(json, place, fields);
    if (!json.contains("name") || !json.contains("sourcedir"))
        reader.refuse(place, "a kernel that is no name needs the fields name and sourcedir");
    FleetKernel kernel{reader.text(json["name"], place + ".name"), {}};
    require_plain_name(reader, kernel.name, place + ".name");
    for (const std::string& option : kernel_options)
        if (json.contains(option))
            kernel.words.insert(kernel.words.end(),
                                {fmt::format("--{}", option), reader.text(json[option], place + "." + option)});
    return kernel;
}

std::vector<fs::path> files_of(const Reader& reader, const Json& json, const std::string& place,
                               const fs::path& folder) {
    std::vector<fs::path> files;
    reader.each(json, place, [&](const Json& one, const std::string& where) {
        files.emplace_back(reader.text(one, where));
        std::error_code error;
        if (!fs::is_regular_file(folder / files.back(), error))
            reader.refuse(where, fmt::format("there is no file {}", (folder / files.back()).string()));
    });
    return files;
}

Expectation expectation_of(const Reader& reader, const Json& json, const std::string& place) {
    constexpr std::string_view refused = "refused:";
    const std::string text = reader.text(json, place);
    if (text == "built" || text == "not-affected")
        return {text, ""};
    if (text.starts_with(refused) && text.size() > refused.size())
        return {"refused", text.substr(refused.size())};
    reader.refuse(place, fmt::format("'{}' is nothing to expect: 'built', 'not-affected' or 'refused:CODE'", text));
}

FleetPatch patch_of(const Reader& reader, const Json& json, const std::string& place, const fs::path& folder) {
    FleetPatch patch;
    if (json.is_string()) {
        patch.name = fs::path(reader.text(json, place)).stem().string();
        patch.variants.push_back({"*", files_of(reader, Json::array({json}), place, folder)});
        require_plain_name(reader, patch.name, place);
        return patch;
    }
    reader.require_object(json, place, {"name", "files", "variants", "expect"});
    if (!json.contains("name"))
        reader.refuse(place, "it has no name");
    patch.name = reader.text(json["name"], place + ".name");
    require_plain_name(reader, patch.name, place + ".name");
    if (json.contains("variants"))
        reader.each(json["variants"], place + ".variants", [&](const Json& one, const std::string& where) {
            reader.require_object(one, where, {"kernels", "files"});
            if (!one.contains("kernels") || !one.contains("files"))
                reader.refuse(where, "a variant has the fields kernels and files");
            patch.variants.push_back({reader.text(one["kernels"], where + ".kernels"),
                                      files_of(reader, one["files"], where + ".files", folder)});
        });
    if (json.contains("files"))
        patch.variants.push_back({"*", files_of(reader, json["files"], place + ".files", folder)});
    if (patch.variants.empty())
        reader.refuse(place, "it has neither files nor variants");
    if (!json.contains("expect"))
        return patch;
    if (json["expect"].is_string()) {
        patch.expectations.push_back({"*", expectation_of(reader, json["expect"], place + ".expect")});
        return patch;
    }
    reader.each(json["expect"], place + ".expect", [&](const Json& one, const std::string& where) {
        reader.require_object(one, where, {"kernels", "is"});
        if (!one.contains("kernels") || !one.contains("is"))
            reader.refuse(where, "an expectation has the fields kernels and is");
        patch.expectations.push_back(
            {reader.text(one["kernels"], where + ".kernels"), expectation_of(reader, one["is"], where + ".is")});
    });
    return patch;
}

// What a cell may be told; names, places and the like are the fleet's own to say.
constexpr std::array plain_options{"--no-replace", "--require-proof", "--skip-compiler-check", "--cache-shared"};
constexpr std::array valued_options{"--runtime",      "--target",          "--sign-key",
                                    "--sign-command", "--sign-cert",       "--sign-hash",
                                    "--package",      "--package-version", "--package-maintainer"};

std::vector<std::string> options_of(const Reader& reader, const Json& json) {
    std::vector<std::string> words;
    bool is_value = false;
    reader.each(json, "options", [&](const Json& one, const std::string& where) {
        const std::string word = reader.text(one, where);
        const std::string option = word.substr(0, word.find('='));
        const bool is_valued = std::ranges::find(valued_options, option) != valued_options.end();
        const bool is_known =
            is_valued || std::ranges::find(plain_options, word) != plain_options.end() || option == "--test";
        if (!is_value && !is_known)
            reader.refuse(where, fmt::format("'{}' is no option for cells; those are --test[=SCRIPT], {}, {}", word,
                                             fmt::join(plain_options, ", "), fmt::join(valued_options, ", ")));
        words.push_back(word);
        is_value = !is_value && is_valued && option == word;
    });
    if (is_value)
        reader.refuse("options", fmt::format("{} lacks its value", words.back()));
    return words;
}

} // namespace

std::string to_text(const Expectation& expectation) {
    return expectation.code.empty() ? expectation.outcome : fmt::format("{}:{}", expectation.outcome, expectation.code);
}

bool is_pattern(const std::string& name) {
    return name.find_first_of("*?[") != std::string::npos;
}

bool covers(const std::string& pattern, const std::vector<std::string>& names) {
    return std::ranges::any_of(names,
                               [&](const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
}

Fleet read_fleet(const fs::path& path) {
    const Reader reader(path);
    const Json json = reader.parse();
    reader.require_object(json, "", {"kernels", "patches", "options"});
    for (const char* field : {"kernels", "patches"})
        if (!json.contains(field))
            reader.refuse("", fmt::format("it has no field {}", field));
    Fleet fleet;
    fleet.folder = fs::absolute(path).parent_path();
    reader.each(json["kernels"], "kernels", [&](const Json& one, const std::string& place) {
        fleet.kernels.push_back(kernel_of(reader, one, place));
    });
    std::set<std::string> names;
    reader.each(json["patches"], "patches", [&](const Json& one, const std::string& place) {
        fleet.patches.push_back(patch_of(reader, one, place, fleet.folder));
        if (!names.insert(fleet.patches.back().name).second)
            reader.refuse(place, fmt::format("another patch is named {} as well", fleet.patches.back().name));
    });
    if (json.contains("options"))
        fleet.options = options_of(reader, json["options"]);
    return fleet;
}

} // namespace klp::build
