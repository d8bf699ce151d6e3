#include "report/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace klp::report {

namespace {

// All in pixels of the picture.
constexpr int row_height = 30, node_height = 22, column_width = 330, node_width = 258, margin = 14;
constexpr int left = margin, middle = left + column_width, right = middle + column_width;
constexpr int picture_width = right + node_width + margin, indent = 16, heading_height = 52, text_inset = 8;
constexpr size_t most_users = 6, most_letters = 33;

std::string shortened(const std::string& name) {
    return name.size() <= most_letters ? name : name.substr(0, most_letters - 1) + "…";
}

Html label(int x, int y, const char* kind, const std::string& text) {
    return element("text", {{"x", std::to_string(x)}, {"y", std::to_string(y)}, {"class", kind}}, text);
}

Html curve(int from_x, int from_y, int to_x, int to_y) {
    const int half = (from_x + to_x) / 2;
    return element(
        "path",
        {{"class", "edge"},
         {"d", fmt::format("M{} {}C{} {} {} {} {} {}", from_x, from_y, half, from_y, half, to_y, to_x, to_y)}},
        Html());
}

// From a piece to one below it that it needs.
Html elbow(int x, int from_y, int to_x, int to_y) {
    return element("path", {{"class", "edge"}, {"d", fmt::format("M{} {}V{}H{}", x, from_y, to_y, to_x)}}, Html());
}

Html node(int x, int y, int width, const char* kind, const std::string& name, const std::string& whole) {
    const Html box = element("rect",
                             {{"x", std::to_string(x)},
                              {"y", std::to_string(y - node_height / 2)},
                              {"width", std::to_string(width)},
                              {"height", std::to_string(node_height)},
                              {"rx", "4"},
                              {"class", fmt::format("node {}", kind)}},
                             Html());
    return element("g", element("title", whole) + box + label(x + text_inset, y + 4, "", shortened(name)));
}

// What comes along, as a tree. Pieces may share a name, as a function and a variable in it: the length of the way to a
// seed tells them apart, and ends the tree.
struct Needs {
    std::map<std::pair<std::string, size_t>, std::vector<const Piece*>> by_parent;

    explicit Needs(const UnitFacts& unit) {
        for (const Piece& piece : unit.pieces)
            if (!piece.because.empty() && (piece.kind == "function" || piece.kind == "variable"))
                by_parent[{piece.because.front(), piece.because.size() - 1}].push_back(&piece);
    }
    const std::vector<const Piece*>& of(const Piece& piece) const {
        static const std::vector<const Piece*> nothing;
        auto found = by_parent.find({piece.name, piece.because.size()});
        return found == by_parent.end() ? nothing : found->second;
    }
};

// Draws downwards.
class Drawing {
public:
    Html finish() {
        return element("svg",
                       {{"viewBox", fmt::format("0 0 {} {}", picture_width, y_ + margin)},
                        {"width", std::to_string(picture_width)},
                        {"role", "img"},
                        {"aria-label", "Callers, changed functions and what comes along, by object"}},
                       view_);
    }
    bool is_empty() const { return view_.is_empty(); }

    // All units of one object of the kernel.
    void add_object(const std::string& name, const std::vector<std::pair<size_t, const UnitFacts*>>& units) {
        const int top = y_ + margin;
        y_ = top + heading_height;
        Html inner;
        std::swap(inner, view_);
        for (const auto& [number, unit] : units)
            add_unit(number, *unit);
        std::swap(inner, view_);
        const Html frame = element("rect",
                                   {{"x", "1"},
                                    {"y", std::to_string(top)},
                                    {"width", std::to_string(picture_width - 2)},
                                    {"height", std::to_string(y_ - top)},
                                    {"rx", "6"},
                                    {"class", "box"}},
                                   Html());
        if (has_needs(units))
            inner += label(right, top + 40, "soft", "comes along for that");
        view_ += frame + label(left, top + 20, "heading", name == "vmlinux" ? name : "module " + name) +
                 label(left, top + 40, "soft", "calls it, or has its address") +
                 label(middle, top + 40, "soft", "the patch changes or adds") + inner;
    }

private:
    static bool has_needs(const std::vector<std::pair<size_t, const UnitFacts*>>& units) {
        return std::ranges::any_of(units, [](const auto& unit) { return !Needs(*unit.second).by_parent.empty(); });
    }

    void add_unit(size_t number, const UnitFacts& unit) {
        const Needs needs(unit);
        for (size_t at = 0; at < unit.pieces.size(); ++at)
            if (const Piece& piece = unit.pieces[at]; piece.kind == "function" && piece.because.empty())
                add_seed(number, at, piece, needs);
    }

    // A function that is in the module for its own sake, with those around it.
    void add_seed(size_t unit, size_t number, const Piece& piece, const Needs& needs) {
        const int top = y_ + row_height / 2;
        const bool is_changed = piece.change == "changed";
        const int users_end = is_changed ? add_users(piece, top) : top;
        int needs_end = top;
        for (const Piece* needed : needs.of(piece)) {
            view_ += curve(middle + node_width, top, right, needs_end);
            needs_end = add_needed(*needed, needs, right, needs_end);
        }
        const std::string whole = fmt::format("{}: {} function {}", piece.name, piece.change, piece.cause);
        view_ += element("a", {{"href", fmt::format("#{}", anchor_of(unit, number))}},
                         node(middle, top, node_width, is_changed ? "change" : "new", piece.name, whole));
        y_ = std::max({users_end, needs_end, top + row_height}) - row_height / 2 + 6;
    }

    int add_users(const Piece& piece, int top) {
        std::vector<std::string> users(piece.users.begin(), piece.users.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                                      piece.users.size(), most_users)));
        if (piece.users.size() > most_users)
            users.push_back(fmt::format("… and {} more", piece.users.size() - most_users));
        if (piece.is_global)
            users.emplace_back("(other units: it is global)");
        int y = top;
        for (const std::string& user : users) {
            view_ += curve(left + node_width, y, middle, top) + node(left, y, node_width, "", user, user);
            y += row_height;
        }
        return y;
    }

    // Returns where the next one may stand.
    int add_needed(const Piece& piece, const Needs& needs, int x, int y) {
        const int width = std::max(right + node_width - x, node_width / 2);
        view_ +=
            node(x, y, width, piece.change == "new" ? "new" : "", piece.name,
                 fmt::format("{}: {} {}, needed by {}", piece.name, piece.change, piece.kind, piece.because.front()));
        int next = y + row_height;
        for (const Piece* needed : needs.of(piece)) {
            const int deeper = std::min(x + indent, right + node_width / 2);
            view_ += elbow(x + indent / 2, y + node_height / 2, deeper, next);
            next = add_needed(*needed, needs, deeper, next);
        }
        return next;
    }

    Html view_;
    int y_ = 0;
};

} // namespace

std::string anchor_of(size_t unit, size_t piece) {
    return fmt::format("piece-{}-{}", unit, piece);
}

Html picture_of(const Facts& facts) {
    std::map<std::string, std::vector<std::pair<size_t, const UnitFacts*>>> objects;
    for (size_t at = 0; at < facts.units.size(); ++at)
        if (std::ranges::any_of(facts.units[at].pieces, [](const Piece& piece) { return piece.kind == "function"; }))
            objects[facts.units[at].object].emplace_back(at, &facts.units[at]);
    Drawing drawing;
    for (const auto& [object, units] : objects)
        drawing.add_object(object, units);
    return drawing.is_empty() ? Html() : drawing.finish();
}

} // namespace klp::report
