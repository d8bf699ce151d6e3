#include "livepatch/attached.h"

#include <charconv>
#include <sstream>

namespace klp::livepatch {

namespace {

unsigned number(std::string_view text, int base) {
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, base);
    return value;
}

std::optional<std::string> first_text(const System& system, std::initializer_list<const char*> places) {
    for (const char* place : places)
        if (std::optional<std::string> text = system.text(place))
            return text;
    return std::nullopt;
}

} // namespace

// "NAME [MODULE] (USERS) FLAGS ...", and for a direct call a second line "\tdirect-->TRAMPOLINE+0x0/0x...".
std::optional<std::map<std::string, Tracing>> read_tracing(const System& system) {
    const std::optional<std::string> text =
        first_text(system, {"/sys/kernel/tracing/enabled_functions", "/sys/kernel/debug/tracing/enabled_functions"});
    if (!text)
        return std::nullopt;
    std::map<std::string, Tracing> functions;
    std::istringstream lines(*text);
    Tracing* last = nullptr;
    for (std::string line; std::getline(lines, line);) {
        constexpr std::string_view direct = "direct-->";
        if (const size_t at = line.find(direct); at != std::string::npos && last) {
            const std::string target = line.substr(at + direct.size());
            last->programs.push_back(target.substr(0, target.find('+')));
            continue;
        }
        const size_t end = line.find(' ');
        const size_t users = line.find(" (");
        if (end == std::string::npos || end == 0 || users == std::string::npos)
            continue;
        last = &functions[line.substr(0, end)];
        last->users += number(std::string_view(line).substr(users + 2), 10);
    }
    return functions;
}

// "ADDRESS  TYPE  FUNCTION+0xOFFSET  MODULE [FLAG]...": TYPE is k or r.
std::optional<std::vector<Probe>> read_probes(const System& system) {
    const std::optional<std::string> text = system.text("/sys/kernel/debug/kprobes/list");
    if (!text)
        return std::nullopt;
    std::vector<Probe> probes;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string address, type, place;
        if (!(words >> address >> type >> place))
            continue;
        const size_t plus = place.find("+0x");
        probes.push_back({place.substr(0, plus),
                          plus == std::string::npos ? 0 : number(std::string_view(place).substr(plus + 3), 16),
                          line.find("[FTRACE]") != std::string::npos, type == "r"});
    }
    return probes;
}

} // namespace klp::livepatch
