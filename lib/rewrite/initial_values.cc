#include "rewrite/initial_values.h"

#include <clang/AST/Attr.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/format.h>

#include <map>

namespace klp::rewrite {

namespace {

using Key = std::pair<std::string, std::string>; // function (of a static local variable) and name

class Variables : public clang::RecursiveASTVisitor<Variables> {
public:
    explicit Variables(const ParsedUnit& unit) : unit_(unit) {
        for (clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls())
            if (unit.place_of(declaration->getLocation()).file == unit.main_file())
                TraverseDecl(declaration);
    }
    // A macro's own variables (DEFINE_SPINLOCK(), pr_info_once()) have no initialiser that an author changes.
    bool VisitVarDecl(clang::VarDecl* variable) {
        if (!variable->hasGlobalStorage() || !variable->isThisDeclarationADefinition() || !is_written(*variable))
            return true;
        const auto* function = llvm::dyn_cast<clang::FunctionDecl>(variable->getDeclContext());
        by_name.try_emplace({function ? function->getName().str() : "", variable->getName().str()}, variable);
        return true;
    }
    std::map<Key, const clang::VarDecl*> by_name;

private:
    // Its name is what the author wrote, be it as an argument: DEFINE_PER_CPU(int, name).
    bool is_written(const clang::VarDecl& variable) const {
        if (!variable.getDeclName().isIdentifier() || variable.getName().empty())
            return false;
        const Place place = unit_.place_of(variable.getLocation());
        return unit_.text_of(place.file).substr(place.offset).starts_with(std::string_view(variable.getName()));
    }
    const ParsedUnit& unit_;
};

// Goes along with the functions that use it, as a copy, or is the differ's to refuse.
bool is_constant(const clang::VarDecl& variable) {
    return variable.getType().isConstQualified() ||
           variable.getASTContext().getBaseElementType(variable.getType()).isConstQualified();
}

bool is_read_only(const clang::VarDecl& variable) {
    const auto* section = variable.getAttr<clang::SectionAttr>();
    return section && section->getName().contains("ro");
}

bool is_of_processors(const clang::VarDecl& variable) {
    const auto* section = variable.getAttr<clang::SectionAttr>();
    return section && section->getName().contains("percpu");
}

bool is_boot_data(const clang::VarDecl& variable) {
    const auto* section = variable.getAttr<clang::SectionAttr>();
    return section && section->getName().starts_with(".init");
}

class Comparison {
public:
    Comparison(const ParsedUnit& original, const ParsedUnit& patched, const std::string& name)
        : original_(original), patched_(patched), name_(name) {}

    ChangedValues run() {
        const Variables before(original_), after(patched_);
        for (const auto& [key, variable] : after.by_name)
            if (const auto old = before.by_name.find(key); old != before.by_name.end())
                compare(*old->second, *variable, key);
        return std::move(result_);
    }

private:
    void compare(const clang::VarDecl& before, const clang::VarDecl& after, const Key& key) {
        if (is_constant(before) || is_boot_data(after))
            return;
        const size_t values = result_.values.size();
        const bool is_equal = compare(before.getInit(), after.getInit(), after.getType(), key.second);
        if (is_equal)
            return;
        std::string problem = problem_;
        problem_.clear();
        if (is_of_processors(after))
            problem = "each processor has one of its own";
        else if (is_read_only(after))
            problem = "it is read-only, and the kernel offers no way to write to it";
        else if (!key.first.empty())
            problem = fmt::format("it is a variable of {}(), which no callback can reach", key.first);
        if (!problem.empty() || !take_back(before, after)) {
            result_.values.resize(values);
            result_.questions.push_back({"rewrite.value", report::Severity::error, name_, key.second,
                                         fmt::format("the patch changes its initial value, and {}",
                                                     problem.empty() ? "the initialiser comes from a macro" : problem),
                                         "change the code that uses the value, in place of the value"});
        }
    }

    // Notes what differs; an initialiser that is not there stands for zero.
    bool compare(const clang::Expr* before, const clang::Expr* after, clang::QualType type, const std::string& place) {
        const auto* old_list = list(before);
        const auto* new_list = list(after);
        if (old_list || new_list)
            return compare_lists(old_list, new_list, type, place);
        const std::string old_text = text(original_, before), new_text = text(patched_, after);
        if (old_text == new_text || is_same_number(before, after))
            return true;
        const bool is_function = type->isFunctionPointerType();
        if (!type->isIntegralOrEnumerationType() && !is_function)
            problem_ = fmt::format("{} is neither a number nor a function's address", place);
        else if (is_function && (new_text.empty() || !original_has_function(new_text)))
            problem_ =
                fmt::format("{} is a function that only the patch has: tasks may be in it when the module goes", place);
        result_.values.push_back({place, old_text, new_text, !is_function});
        return false;
    }

    bool compare_lists(const clang::InitListExpr* before, const clang::InitListExpr* after, clang::QualType type,
                       const std::string& place) {
        if (const auto* array = patched_.context().getAsConstantArrayType(type)) {
            const uint64_t size = std::max(before ? before->getNumInits() : 0, after ? after->getNumInits() : 0);
            bool is_equal = true;
            for (unsigned at = 0; at < size; ++at)
                is_equal &= compare(item(before, at), item(after, at), array->getElementType(),
                                    fmt::format("{}[{}]", place, at));
            return is_equal;
        }
        const clang::RecordDecl* record = type->getAsRecordDecl();
        if (!record || record->isUnion())
            return text(original_, before) == text(patched_, after) ||
                   note_problem(fmt::format("{} is a union", place));
        bool is_equal = true;
        unsigned at = 0;
        for (const clang::FieldDecl* field : record->getDefinition()->fields()) {
            if (field->isUnnamedBitField())
                continue;
            const std::string name = field->getName().str();
            is_equal &= compare(item(before, at), item(after, at), field->getType(),
                                name.empty() ? place : fmt::format("{}.{}", place, name));
            ++at;
        }
        return is_equal;
    }

    bool note_problem(std::string text) {
        problem_ = std::move(text);
        return false;
    }

    static const clang::InitListExpr* list(const clang::Expr* value) {
        return value ? llvm::dyn_cast<clang::InitListExpr>(value->IgnoreImplicit()) : nullptr;
    }

    static const clang::Expr* item(const clang::InitListExpr* list, unsigned at) {
        return list && at < list->getNumInits() ? list->getInit(at) : nullptr;
    }

    static std::string text(const ParsedUnit& unit, const clang::Expr* value) {
        if (!value || llvm::isa<clang::ImplicitValueInitExpr>(value))
            return "";
        return unit.text_of(value->getSourceRange()).value_or("?");
    }

    bool is_same_number(const clang::Expr* before, const clang::Expr* after) const {
        const auto value = [](const clang::Expr* expression, const ParsedUnit& unit) -> std::optional<int64_t> {
            if (!expression || llvm::isa<clang::ImplicitValueInitExpr>(expression))
                return 0;
            clang::Expr::EvalResult result;
            if (!expression->EvaluateAsInt(result, unit.context()) || result.Val.getInt().getSignificantBits() > 64)
                return std::nullopt;
            return result.Val.getInt().getExtValue();
        };
        const std::optional<int64_t> a = value(before, original_), b = value(after, patched_);
        return a && a == b;
    }

    bool original_has_function(const std::string& text) const {
        const std::string name = text.starts_with('&') ? text.substr(1) : text;
        const auto found = original_.context().getTranslationUnitDecl()->lookup(
            clang::DeclarationName(&original_.context().Idents.get(name)));
        return !found.empty() && llvm::isa<clang::FunctionDecl>(found.front());
    }

    // The old initialiser in place of the new one.
    bool take_back(const clang::VarDecl& before, const clang::VarDecl& after) {
        const std::optional<std::string> old_text =
            before.getInit() ? original_.text_of(written(*before.getInit())) : std::optional<std::string>("");
        const Place name = patched_.end_of(after.getLocation());
        if (!old_text)
            return false;
        if (!after.getInit()) {
            result_.edits[name.file].insert({name.offset, 0, " = " + *old_text});
            return true;
        }
        const clang::SourceRange range = written(*after.getInit());
        if (!patched_.text_of(range))
            return false;
        const Place begin = patched_.place_of(range.getBegin()), end = patched_.end_of(range.getEnd());
        const std::string_view file = patched_.text_of(begin.file);
        size_t from = begin.offset;
        if (!before.getInit()) // with the "=" before it
            from = file.find_last_not_of(" \t", file.rfind('=', from) - 1) + 1;
        result_.edits[begin.file].insert({from, end.offset - from, *old_text});
        return true;
    }

    static clang::SourceRange written(const clang::Expr& value) {
        if (const auto* list = llvm::dyn_cast<clang::InitListExpr>(&value))
            if (const clang::InitListExpr* syntactic = list->getSyntacticForm())
                return syntactic->getSourceRange();
        return value.getSourceRange();
    }

    const ParsedUnit& original_;
    const ParsedUnit& patched_;
    const std::string& name_;
    std::string problem_; // of the variable at hand
    ChangedValues result_;
};

} // namespace

ChangedValues find_changed_values(const ParsedUnit& original, const ParsedUnit& patched, const std::string& name) {
    return Comparison(original, patched, name).run();
}

} // namespace klp::rewrite
