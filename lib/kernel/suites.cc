#include "kernel/suites.h"

#include "files/files.h"
#include "files/text.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <iterator>
#include <map>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

struct Suite {
    const char* name;
    std::string_view number;  // of Debian, as kernel releases have it behind "+deb"
    bool has_updates = false; // NAME-updates and NAME-security beside it
};

constexpr Suite suites[] = {
    {"bookworm", "12", true}, {"bookworm-backports", "12"},
    {"trixie", "13", true},   {"trixie-backports", "13"},
    {"forky", "14"},          {"sid", "14"},
};

const Suite* find_suite(std::string_view name) {
    const auto* found = std::ranges::find(suites, name, &Suite::name);
    return found == std::end(suites) ? nullptr : found;
}

std::string without_end(std::string_view uri) {
    while (uri.ends_with('/'))
        uri.remove_suffix(1);
    return std::string(uri);
}

// "deb [arch=amd64] http://host/debian bookworm main"
void add_line(std::string_view line, std::vector<AptSource>& sources) {
    const size_t options = line.find('[');
    const size_t end = line.find(']');
    std::string text(line);
    if (options != std::string_view::npos && end != std::string_view::npos && options < end)
        text = fmt::format("{} {}", line.substr(0, options), line.substr(end + 1));
    const std::vector<std::string> words = files::words_of(text);
    if (words.size() >= 3 && words[0] == "deb")
        sources.push_back({without_end(words[1]), words[2]});
}

// "Types: deb", "URIs: ...", "Suites: ..." with no empty line between them.
class Stanza {
public:
    void see(std::string_view line) {
        const size_t colon = line.find(':');
        const bool goes_on = line.front() == ' ' || line.front() == '\t';
        if (!goes_on && colon == std::string_view::npos)
            return;
        if (!goes_on)
            field_ = std::string(line.substr(0, colon));
        std::vector<std::string>& values = fields_[field_];
        for (std::string& word : files::words_of(goes_on ? line : line.substr(colon + 1)))
            values.push_back(std::move(word));
    }
    void add_to(std::vector<AptSource>& sources) {
        if (has("Types", "deb") && !has("Enabled", "no"))
            for (const std::string& uri : fields_["URIs"])
                for (const std::string& suite : fields_["Suites"])
                    sources.push_back({without_end(uri), suite});
        fields_.clear();
    }

private:
    bool has(const char* field, std::string_view value) {
        return std::ranges::find(fields_[field], value) != fields_[field].end();
    }
    std::string field_;
    std::map<std::string, std::vector<std::string>> fields_;
};

std::vector<AptSource> sources_below(const fs::path& root) {
    std::vector<fs::path> paths = {root / "etc/apt/sources.list"};
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(root / "etc/apt/sources.list.d", error))
        if (entry.path().extension() == ".list" || entry.path().extension() == ".sources")
            paths.push_back(entry.path());
    std::ranges::sort(paths);
    std::vector<AptSource> sources;
    for (const fs::path& path : paths)
        if (const auto text = files::try_read_text(path))
            std::ranges::move(parse_apt_sources(*text), std::back_inserter(sources));
    return sources;
}

} // namespace

std::vector<AptSource> parse_apt_sources(std::string_view text) {
    std::vector<AptSource> sources;
    Stanza stanza;
    for (std::string_view line : files::lines_of(text)) {
        if (line.starts_with('#'))
            continue;
        if (files::trimmed(line).empty())
            stanza.add_to(sources);
        else if (line.starts_with("deb ") || line.starts_with("deb\t"))
            add_line(line, sources);
        else
            stanza.see(line);
    }
    stanza.add_to(sources);
    return sources;
}

Mirrors mirrors_of_host(const fs::path& root) {
    Mirrors mirrors;
    bool has_main = false, has_security = false;
    for (const AptSource& source : sources_below(root)) {
        const Suite* suite = find_suite(source.suite.substr(0, source.suite.find('-')));
        if (!suite)
            continue;
        const bool is_security = source.suite.ends_with("-security");
        bool& is_known = is_security ? has_security : has_main;
        if (!is_known)
            (is_security ? mirrors.security : mirrors.main) = source.uri;
        is_known = true;
    }
    return mirrors;
}

const std::vector<std::string>& known_suites() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const Suite& suite : suites)
            all.emplace_back(suite.name);
        return all;
    }();
    return names;
}

std::vector<AptSource> sources_of(const std::string& suite, const Mirrors& mirrors) {
    std::vector<AptSource> sources = {{mirrors.main, suite}};
    if (const Suite* known = find_suite(suite); known && known->has_updates) {
        sources.push_back({mirrors.main, suite + "-updates"});
        sources.push_back({mirrors.security, suite + "-security"});
    }
    return sources;
}

std::string suite_of_host(const fs::path& root) {
    constexpr std::string_view key = "VERSION_CODENAME=";
    const std::string text = files::try_read_text(root / "etc/os-release").value_or("");
    for (std::string_view line : files::lines_of(text))
        if (line.starts_with(key) && find_suite(line.substr(key.size())))
            return std::string(line.substr(key.size()));
    return {};
}

std::vector<std::string> suites_to_search(std::string_view release, const std::string& host) {
    std::vector<std::string> names = known_suites();
    std::ranges::stable_partition(names,
                                  [&](const std::string& name) { return name.starts_with(host) && !host.empty(); });
    std::ranges::stable_partition(names, [&](const std::string& name) {
        const std::string mark = fmt::format("+deb{}", find_suite(name)->number);
        const size_t at = release.find(mark);
        return at != std::string_view::npos &&
               (at + mark.size() == release.size() ||
                std::isdigit(static_cast<unsigned char>(release[at + mark.size()])) == 0);
    });
    return names;
}

} // namespace klp::kernel
