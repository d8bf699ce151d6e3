#include "rewrite/enumerators.h"

#include "rewrite/lines.h"

#include <clang/AST/ParentMapContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace klp::rewrite {

namespace {

using Constants = std::vector<const clang::EnumConstantDecl*>;

class Values : public clang::RecursiveASTVisitor<Values> {
public:
    explicit Values(const ParsedUnit& unit) { TraverseDecl(unit.context().getTranslationUnitDecl()); }
    bool VisitEnumDecl(clang::EnumDecl* enumeration) {
        if (enumeration->isThisDeclarationADefinition())
            enumerations.push_back(enumeration);
        for (const clang::EnumConstantDecl* constant : enumeration->enumerators())
            by_name.try_emplace(constant->getName().str(), constant->getInitVal().getExtValue());
        return true;
    }
    std::vector<const clang::EnumDecl*> enumerations;
    std::map<std::string, int64_t> by_name;
};

bool is_counter(llvm::StringRef name) {
    const std::string lower = name.lower();
    return llvm::StringRef(lower).starts_with("nr_") || llvm::StringRef(lower).ends_with("max") ||
           llvm::StringRef(lower).ends_with("_nr") || llvm::StringRef(lower).ends_with("count") ||
           llvm::StringRef(lower).ends_with("last");
}

// Uses of an enumerator that other code will see the value of, or that depend on the order.
class Uses : public clang::RecursiveASTVisitor<Uses> {
public:
    Uses(const ParsedUnit& unit, const clang::EnumConstantDecl& constant) : unit_(unit), constant_(constant) {
        TraverseDecl(unit.context().getTranslationUnitDecl());
    }
    bool VisitDeclRefExpr(clang::DeclRefExpr* reference) {
        if (reference->getDecl() == &constant_)
            judge(*reference);
        return true;
    }
    std::set<std::string> stored, compared; // places

private:
    void judge(const clang::DeclRefExpr& reference) {
        clang::DynTypedNode node = clang::DynTypedNode::create(reference);
        while (true) {
            const clang::DynTypedNodeList parents = unit_.context().getParents(node);
            if (parents.empty())
                return;
            if (const auto* variable = parents[0].get<clang::VarDecl>()) {
                if (!variable->isLocalVarDecl() && !variable->getType().isConstQualified() &&
                    !unit_.context().getBaseElementType(variable->getType()).isConstQualified())
                    stored.insert(place(reference));
                return;
            }
            const auto* parent = parents[0].get<clang::Expr>();
            if (!parent)
                return;
            if (const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(parent)) {
                if (operation->isRelationalOp())
                    compared.insert(place(reference));
                else if (operation->isAssignmentOp() && !is_local(*operation->getLHS()))
                    stored.insert(place(reference));
                return;
            }
            if (llvm::isa<clang::CallExpr>(parent)) {
                stored.insert(place(reference));
                return;
            }
            node = parents[0];
        }
    }

    static bool is_local(const clang::Expr& target) {
        const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(target.IgnoreParens());
        const auto* variable = name ? llvm::dyn_cast<clang::VarDecl>(name->getDecl()) : nullptr;
        return variable && variable->hasLocalStorage();
    }

    std::string place(const clang::DeclRefExpr& reference) const {
        const clang::SourceLocation location = unit_.sources().getFileLoc(reference.getLocation());
        return fmt::format("line {}", unit_.sources().getPresumedLoc(location).getLine());
    }

    const ParsedUnit& unit_;
    const clang::EnumConstantDecl& constant_;
};

class Mover {
public:
    Mover(const ParsedUnit& patched, const PatchedTexts& texts, const std::string& root)
        : unit_(patched), texts_(texts), root_(root) {}

    MovedEnumerators run(const std::map<std::string, int64_t>& before, const Values& after) {
        for (const clang::EnumDecl* enumeration : after.enumerations)
            if (texts_.contains(unit_.place_of(enumeration->getLocation()).file))
                compare(*enumeration, before);
        return std::move(result_);
    }

private:
    void compare(const clang::EnumDecl& enumeration, const std::map<std::string, int64_t>& before) {
        const Constants all(enumeration.enumerator_begin(), enumeration.enumerator_end());
        Constants added, kept;
        bool is_shifted = false;
        for (const clang::EnumConstantDecl* constant : all) {
            const auto old = before.find(constant->getName().str());
            (old == before.end() ? added : kept).push_back(constant);
            const bool may_grow = constant == all.back() && is_counter(constant->getName());
            is_shifted |= old != before.end() && old->second != constant->getInitVal().getExtValue() && !may_grow;
        }
        if (added.empty() || kept.empty() || !is_shifted)
            return;
        for (const clang::EnumConstantDecl* constant : added)
            check(*constant);
        move(added, *kept.back());
    }

    void check(const clang::EnumConstantDecl& constant) {
        const Uses uses(unit_, constant);
        if (!uses.stored.empty())
            ask(constant, fmt::format("the new value is stored or passed on in {}: code that is older than the patch, "
                                      "and all code once it is disabled, does not know it",
                                      fmt::join(uses.stored, ", ")));
        if (!uses.compared.empty())
            ask(constant, fmt::format("its order counts in {}", fmt::join(uses.compared, ", ")));
    }

    // `added` goes behind `last`, or before it if that is a counter.
    void move(const Constants& added, const clang::EnumConstantDecl& last) {
        const std::string file = unit_.place_of(last.getLocation()).file;
        const std::string& text = texts_.at(file).text;
        std::vector<std::string> names, declarations;
        for (const clang::EnumConstantDecl* constant : added) {
            const size_t begin = unit_.place_of(constant->getBeginLoc()).offset;
            const size_t end = unit_.end_of(constant->getEndLoc()).offset;
            declarations.push_back(text.substr(begin, end - begin));
            names.push_back(constant->getName().str());
            result_.edits[file].insert(removal(text, begin, end));
        }
        const std::string list = fmt::format("{}", fmt::join(declarations, ",\n\t"));
        if (is_counter(last.getName()))
            result_.edits[file].insert({unit_.place_of(last.getBeginLoc()).offset, 0, list + ",\n\t"});
        else
            result_.edits[file].insert({unit_.end_of(last.getEndLoc()).offset, 0, ",\n\t" + list});
        result_.done.push_back(
            fmt::format("{} in {} {} the last of the enumerators, so that the others keep their values.",
                        fmt::join(names, ", "), relative(file), names.size() == 1 ? "is" : "are"));
    }

    // With the comma behind it, and the line if nothing else is on it.
    static Edit removal(const std::string& text, size_t begin, size_t end) {
        const size_t comma = text.find_first_not_of(" \t\n", end);
        if (comma != std::string::npos && text[comma] == ',')
            end = text.find_first_not_of(" \t", comma + 1);
        const size_t line = text.rfind('\n', begin) + 1;
        if (text.find_first_not_of(" \t", line) == begin && text[end] == '\n')
            return {line, end + 1 - line, ""};
        return {begin, end - begin, ""};
    }

    std::string relative(const std::string& file) const {
        return file.starts_with(root_ + "/") ? file.substr(root_.size() + 1) : file;
    }

    void ask(const clang::EnumConstantDecl& constant, const std::string& what) {
        result_.questions.push_back({"rewrite.enumerator", report::Severity::error,
                                     relative(unit_.place_of(constant.getLocation()).file), constant.getName().str(),
                                     "it is new before others, which keep their values only if it is the last; " + what,
                                     "decide whether the fix works with it at the end"});
    }

    const ParsedUnit& unit_;
    const PatchedTexts& texts_;
    const std::string& root_;
    MovedEnumerators result_;
};

} // namespace

MovedEnumerators move_enumerators(const ParsedUnit& original, const ParsedUnit& patched, const PatchedTexts& texts,
                                  const std::string& patched_root) {
    return Mover(patched, texts, patched_root).run(Values(original).by_name, Values(patched));
}

} // namespace klp::rewrite
