#include "rewrite/new_members.h"

#include "rewrite/lines.h"

#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Lex/Lexer.h>
#include <fmt/format.h>

#include <algorithm>

namespace klp::rewrite {

namespace {

struct Member {
    std::string name;
    std::string type;
    bool operator==(const Member&) const = default;
};

std::string spelling_of(const clang::RecordDecl& record) {
    if (const clang::TypedefNameDecl* alias = record.getTypedefNameForAnonDecl())
        return alias->getName().str();
    return record.getName().empty() ? "" : fmt::format("{} {}", record.getKindName().str(), record.getName().str());
}

class Records : public clang::RecursiveASTVisitor<Records> {
public:
    explicit Records(const ParsedUnit& unit) { TraverseDecl(unit.context().getTranslationUnitDecl()); }
    bool VisitRecordDecl(clang::RecordDecl* record) {
        if (!record->isCompleteDefinition())
            return true;
        if (const std::string spelling = spelling_of(*record); !spelling.empty())
            by_spelling.try_emplace(spelling, record);
        return true;
    }
    std::map<std::string, const clang::RecordDecl*> by_spelling;
};

std::vector<Member> members_of(const clang::RecordDecl& record) {
    std::vector<Member> members;
    for (const clang::FieldDecl* field : record.fields()) {
        std::string type = field->getType().getAsString();
        if (field->isBitField())
            type += fmt::format(":{}", field->getBitWidthValue(field->getASTContext()));
        // "struct (unnamed at FILE:LINE:COLUMN)": what is in it is compared, not where it stands.
        if (const clang::RecordDecl* inner = field->getType()->getAsRecordDecl(); inner && inner->getName().empty()) {
            type.clear();
            for (const Member& member : members_of(*inner))
                type += member.type + " " + member.name + "; ";
        }
        members.push_back({field->getNameAsString(), type});
    }
    return members;
}

class Finder {
public:
    Finder(const ParsedUnit& unit, const PatchedTexts& texts) : unit_(unit), texts_(texts) {}

    std::vector<ExtendedRecord> run(const std::map<std::string, const clang::RecordDecl*>& before,
                                    const std::map<std::string, const clang::RecordDecl*>& after) {
        std::vector<ExtendedRecord> found;
        for (const auto& [spelling, record] : after) {
            const auto original = before.find(spelling);
            const auto text = texts_.find(unit_.place_of(record->getLocation()).file);
            if (original == before.end() || text == texts_.end())
                continue;
            ExtendedRecord extended = compare(*original->second, *record, text->second);
            if (extended.members.empty())
                continue;
            extended.spelling = spelling;
            extended.name = spelling.substr(spelling.find(' ') + 1);
            found.push_back(std::move(extended));
        }
        return found;
    }

private:
    ExtendedRecord compare(const clang::RecordDecl& original, const clang::RecordDecl& record,
                           const PatchedText& text) {
        const std::vector<Member> before = members_of(original);
        std::vector<Member> kept;
        ExtendedRecord result;
        for (const clang::FieldDecl* field : record.fields()) {
            const std::string name = field->getNameAsString();
            if (!name.empty() && std::ranges::none_of(before, [&](const Member& old) { return old.name == name; }))
                result.members.push_back(field);
        }
        for (const Member& member : members_of(record))
            if (std::ranges::none_of(result.members,
                                     [&](const clang::FieldDecl* added) { return added->getName() == member.name; }))
                kept.push_back(member);
        if (kept != before)
            result.problems.push_back("the patch also changes, moves or removes members that were there");
        result.end = end_of(record);
        for (const clang::FieldDecl* field : result.members)
            take_out(*field, text, result);
        return result;
    }

    Place end_of(const clang::RecordDecl& record) const {
        Place end = unit_.end_of(record.getBraceRange().getEnd());
        const size_t semicolon = unit_.text_of(end.file).find(';', end.offset);
        end.offset = semicolon == std::string_view::npos ? end.offset : semicolon + 1;
        return end;
    }

    // The lines of the declaration, and above it those that the patch brought with it: comments and blank lines.
    void take_out(const clang::FieldDecl& field, const PatchedText& text, ExtendedRecord& result) {
        const size_t from = unit_.place_of(field.getBeginLoc()).offset;
        const size_t semicolon = text.text.find(';', unit_.end_of(field.getEndLoc()).offset);
        const Lines lines(text.text);
        size_t first = lines.number_of(from), last = lines.number_of(semicolon);
        for (size_t line = first; line <= last; ++line)
            if (text.line_origins[line] != 0 || field.getLocation().isMacroID()) {
                result.problems.push_back(fmt::format("`{}` shares a line with what was there, or comes from a macro",
                                                      field.getName().str()));
                return;
            }
        while (first > 0 && text.line_origins[first - 1] == 0 && is_comment_or_blank(lines.text(first - 1)))
            --first;
        const Edit removal{lines.begin(first), lines.end(last) - lines.begin(first), ""};
        // `int a, b;` is one declaration.
        if (std::ranges::any_of(result.removals, [&](const Edit& other) {
                return other.offset < removal.offset + removal.length && removal.offset < other.offset + other.length;
            }))
            return;
        result.declarations += without_blank_ends(text.text.substr(removal.offset, removal.length));
        result.removals.insert(removal);
    }

    static bool is_comment_or_blank(std::string_view line) {
        const size_t begin = line.find_first_not_of(" \t\n");
        return begin == std::string_view::npos || line[begin] == '*' || line.substr(begin, 2) == "/*" ||
               line.substr(begin, 2) == "//";
    }

    static std::string without_blank_ends(std::string text) {
        const size_t begin = text.find_first_not_of('\n');
        return begin == std::string::npos ? "" : text.substr(begin);
    }

    const ParsedUnit& unit_;
    const PatchedTexts& texts_;
};

} // namespace

std::vector<ExtendedRecord> find_new_members(const ParsedUnit& original, const ParsedUnit& patched,
                                             const PatchedTexts& texts) {
    return Finder(patched, texts).run(Records(original).by_spelling, Records(patched).by_spelling);
}

} // namespace klp::rewrite
