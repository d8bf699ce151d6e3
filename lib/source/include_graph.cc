#include "source/include_graph.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>

namespace klp::source {
namespace {

constexpr std::string_view magic = "klp-build include graph 1\n";

// Numbers of seven bits a byte, the lowest first.
void put(std::string& out, uint64_t number) {
    for (; number >= 0x80; number >>= 7)
        out += static_cast<char>(number | 0x80);
    out += static_cast<char>(number);
}

void put(std::string& out, std::string_view text) {
    put(out, text.size());
    out += text;
}

// Reads what put() wrote; once something is missing everything is empty and is_good() false.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool is_good() const { return is_good_; }
    bool at_end() const { return text_.empty(); }

    uint64_t number() {
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && !text_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(text_.front());
            text_.remove_prefix(1);
            value |= uint64_t{byte & 0x7fu} << shift;
            if (byte < 0x80)
                return value;
        }
        return fail();
    }

    // A number of things that take at least one byte each: more than the text has left is nonsense.
    uint64_t count() {
        const uint64_t value = number();
        return value <= text_.size() ? value : fail();
    }

    std::string text() {
        const uint64_t size = count();
        std::string value(text_.substr(0, size));
        text_.remove_prefix(size);
        return value;
    }

private:
    uint64_t fail() {
        is_good_ = false;
        text_ = {};
        return 0;
    }

    std::string_view text_;
    bool is_good_ = true;
};

// Ascending numbers as pairs: the gap before a run of neighbours, the run's length. Headers that are always included
// together are neighbours in a sorted list of paths, mostly.
void put_runs(std::string& out, const std::vector<uint32_t>& numbers) {
    std::string runs;
    uint64_t count = 0;
    uint32_t next = 0;
    for (size_t i = 0; i < numbers.size(); ++count) {
        const size_t begin = i;
        while (i < numbers.size() && numbers[i] == numbers[begin] + (i - begin))
            ++i;
        put(runs, numbers[begin] - next);
        put(runs, i - begin);
        next = numbers[begin] + static_cast<uint32_t>(i - begin);
    }
    put(out, count);
    out += runs;
}

bool take_runs(Reader& in, size_t limit, std::vector<uint32_t>& numbers) {
    uint64_t next = 0;
    for (uint64_t count = in.count(); count > 0; --count) {
        const uint64_t gap = in.number(), length = in.number();
        if (gap > limit - next || length > limit - next - gap)
            return false;
        next += gap;
        for (uint64_t i = 0; i < length; ++i)
            numbers.push_back(static_cast<uint32_t>(next++));
    }
    return in.is_good();
}

// Sorted by name; of equal names the last one stays.
template <class Named>
std::vector<Named> sorted_by(std::string Named::* name, std::vector<Named> things) {
    std::map<std::string_view, size_t> last;
    for (size_t i = 0; i < things.size(); ++i)
        last[things[i].*name] = i;
    std::vector<size_t> order;
    for (const auto& [ignored, index] : last)
        order.push_back(index);
    std::vector<Named> kept;
    kept.reserve(order.size());
    for (const size_t index : order)
        kept.push_back(std::move(things[index]));
    return kept;
}

} // namespace

IncludeGraph::IncludeGraph(std::vector<std::string> files, std::vector<UnitFiles> units, std::vector<Failure> failures)
    : units_(sorted_by(&UnitFiles::path, std::move(units))), failures_(sorted_by(&Failure::unit, std::move(failures))) {
    std::vector<uint32_t> order(files.size()), place(files.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return files[a] < files[b]; });
    for (const uint32_t old : order) {
        if (files_.empty() || files_.back() != files[old])
            files_.push_back(files[old]);
        place[old] = static_cast<uint32_t>(files_.size() - 1);
    }
    units_of_file_.resize(files_.size());
    for (uint32_t u = 0; u < units_.size(); ++u) {
        std::vector<uint32_t>& of_unit = units_[u].files;
        for (uint32_t& file : of_unit)
            file = place.at(file);
        std::sort(of_unit.begin(), of_unit.end());
        of_unit.erase(std::unique(of_unit.begin(), of_unit.end()), of_unit.end());
        for (const uint32_t file : of_unit)
            units_of_file_[file].push_back(u);
    }
}

std::vector<std::string> IncludeGraph::files_named(std::string_view name) const {
    std::vector<std::string> named;
    std::copy_if(files_.begin(), files_.end(), std::back_inserter(named), [&](const std::string& file) {
        return file.size() > name.size() && file.ends_with(name) && file[file.size() - name.size() - 1] == '/';
    });
    return named;
}

std::vector<std::string> IncludeGraph::units_including(std::string_view file) const {
    const auto found = std::lower_bound(files_.begin(), files_.end(), file);
    std::vector<std::string> units;
    if (found != files_.end() && *found == file)
        for (const uint32_t unit : units_of_file_[static_cast<size_t>(found - files_.begin())])
            units.push_back(units_[unit].path);
    return units;
}

std::optional<std::vector<std::string>> IncludeGraph::files_of(std::string_view unit) const {
    const auto found = std::lower_bound(units_.begin(), units_.end(), unit,
                                        [](const UnitFiles& u, std::string_view p) { return u.path < p; });
    if (found == units_.end() || found->path != unit)
        return std::nullopt;
    std::vector<std::string> files;
    for (const uint32_t file : found->files)
        files.push_back(files_[file]);
    return files;
}

IncludeGraph IncludeGraph::merged_with(const IncludeGraph& newer) const {
    std::vector<std::string> files = files_;
    files.insert(files.end(), newer.files_.begin(), newer.files_.end());
    std::vector<UnitFiles> units = units_;
    for (UnitFiles unit : newer.units_) {
        for (uint32_t& file : unit.files)
            file += static_cast<uint32_t>(files_.size());
        units.push_back(std::move(unit));
    }
    // A failure of ours stands only where the newer graph knows nothing of the unit.
    std::vector<Failure> failures = newer.failures_;
    for (const Failure& failure : failures_)
        if (!newer.files_of(failure.unit))
            failures.push_back(failure);
    return {std::move(files), std::move(units), std::move(failures)};
}

std::string IncludeGraph::serialise() const {
    std::string out(magic);
    put(out, files_.size());
    std::string_view before;
    for (const std::string& file : files_) {
        const size_t limit = std::min(before.size(), file.size());
        const auto same = static_cast<size_t>(
            std::mismatch(file.begin(), file.begin() + static_cast<ptrdiff_t>(limit), before.begin()).first -
            file.begin());
        put(out, same);
        put(out, std::string_view(file).substr(same));
        before = file;
    }
    put(out, units_.size());
    for (const UnitFiles& unit : units_) {
        put(out, unit.path);
        put_runs(out, unit.files);
    }
    put(out, failures_.size());
    for (const Failure& failure : failures_) {
        put(out, failure.unit);
        put(out, failure.reason);
    }
    return out;
}

std::optional<IncludeGraph> IncludeGraph::parse(std::string_view text) {
    if (!text.starts_with(magic))
        return std::nullopt;
    Reader in(text.substr(magic.size()));
    std::vector<std::string> files(in.count());
    for (size_t i = 0; i < files.size(); ++i) {
        const uint64_t same = in.number();
        if (same > (i > 0 ? files[i - 1].size() : 0))
            return std::nullopt;
        files[i] = (i > 0 ? files[i - 1].substr(0, same) : std::string{}) + in.text();
    }
    std::vector<UnitFiles> units(in.count());
    for (UnitFiles& unit : units) {
        unit.path = in.text();
        if (!take_runs(in, files.size(), unit.files))
            return std::nullopt;
    }
    std::vector<Failure> failures(in.count());
    for (Failure& failure : failures) {
        failure.unit = in.text();
        failure.reason = in.text();
    }
    if (!in.is_good() || !in.at_end())
        return std::nullopt;
    return IncludeGraph(std::move(files), std::move(units), std::move(failures));
}

std::string absolute_path(std::string_view directory, std::string_view path) {
    std::string joined = path.starts_with('/') ? std::string() : std::string(directory) + '/';
    joined += path;
    std::string result;
    for (size_t at = 0; at < joined.size();) {
        const size_t end = std::min(joined.find('/', at), joined.size());
        const std::string_view part = std::string_view(joined).substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".")
            continue;
        if (part == "..") {
            result.resize(result.empty() ? 0 : result.rfind('/'));
            continue;
        }
        result += '/';
        result += part;
    }
    return result.empty() ? "/" : result;
}

} // namespace klp::source
