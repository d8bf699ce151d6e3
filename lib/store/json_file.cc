#include "store/json_file.h"

#include "files/files.h"
#include "report/finding.h"
#include "report/json_text.h"

#include <ctime>

namespace klp::store {

using nlohmann::json;

std::optional<json> read_json(const std::filesystem::path& path) {
    const std::optional<std::string> text = files::try_read_text(path);
    json value = text ? json::parse(*text, nullptr, false) : json(json::value_t::discarded);
    return value.is_object() ? std::optional(std::move(value)) : std::nullopt;
}

void write_bytes(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    try {
        files::make_folder(path.parent_path());
        files::write_synced(path, bytes);
    } catch (const report::Refusal& refusal) {
        // Where it goes is fixed, so what helps is not what helps elsewhere.
        std::vector<report::Finding> findings = refusal.findings();
        for (report::Finding& finding : findings)
            finding.hint = finding.code == "file.disk-full" ? "free some space there" : "nothing was changed there";
        throw report::Refusal(std::move(findings));
    }
}

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& value) {
    const std::string text = report::json_text(value);
    write_bytes(path, std::as_bytes(std::span(text)));
}

std::string text_of(const json& value, const char* name) {
    auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_of(const json& value, const char* name) {
    auto found = value.find(name);
    return found != value.end() && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> texts_of(const json& value, const char* name) {
    std::vector<std::string> texts;
    auto found = value.find(name);
    if (found != value.end() && found->is_array())
        for (const json& text : *found)
            if (text.is_string())
                texts.push_back(text.get<std::string>());
    return texts;
}

std::string timestamp() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[sizeof("2026-11-29T03:44:03Z")];
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

} // namespace klp::store
