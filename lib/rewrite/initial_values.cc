#include "rewrite/initial_values.h"

#include <clang/AST/Attr.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/format.h>
#include <llvm/ADT/StringExtras.h>

#include <map>
#include <utility>

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

// Why no callback can be written for a variable, and what the author can do instead.
struct Problem {
    std::string text;
    const char* hint = "";
    explicit operator bool() const { return !text.empty(); }
};

constexpr const char* by_hand =
    "leave the variable as it is and change the code that uses the value; or set it by hand in "
    "a pre-patch callback, and back in a post-unpatch one, if nobody minds when it changes";

// The variable that a constant address is of: `&limits[0]`, `&table.first`.
const clang::VarDecl* variable_at(const clang::Expr& address) {
    const clang::Expr* part = address.IgnoreParenCasts();
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(part))
        return llvm::dyn_cast<clang::VarDecl>(name->getDecl());
    if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(part))
        return unary->getOpcode() == clang::UO_AddrOf ? variable_at(*unary->getSubExpr()) : nullptr;
    if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(part))
        return member->isArrow() ? nullptr : variable_at(*member->getBase());
    if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(part))
        return element->getBase()->IgnoreParenImpCasts()->getType()->isArrayType() ? variable_at(*element->getBase())
                                                                                   : nullptr;
    return nullptr;
}

bool is_null(const clang::Expr* value, clang::ASTContext& context) {
    return !value || llvm::isa<clang::ImplicitValueInitExpr>(value) ||
           value->isNullPointerConstant(context, clang::Expr::NPC_ValueDependentIsNull) != clang::Expr::NPCK_NotNull;
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
        if (compare_types(before, after) && compare(before.getInit(), after.getInit(), after.getType(), key.second))
            return;
        Problem problem = std::exchange(problem_, {});
        if (is_of_processors(after))
            problem = {"each processor has one of its own",
                       "set each of them in a pre-patch callback (for_each_possible_cpu(), per_cpu()), and back in a "
                       "post-unpatch one"};
        else if (is_read_only(after))
            problem = {"it is read-only, and the kernel offers no way to write to it",
                       "leave the variable as it is, and change the code that uses the value"};
        else if (!key.first.empty())
            problem = {fmt::format("it is a variable of {}(), which no callback can reach", key.first),
                       "leave its initialiser as it is, and have the function itself use the new value, or store it "
                       "before it uses the variable"};
        if (!problem && !take_back(before, after))
            problem = {"the initialiser comes from a macro", by_hand};
        if (problem) {
            result_.values.resize(values);
            result_.questions.push_back({"rewrite.value", report::Severity::error, name_, key.second,
                                         fmt::format("the patch changes its initial value, and {}", problem.text),
                                         problem.hint});
        }
    }

    // A variable of the running kernel stays what it is, and an array as long as it is.
    bool compare_types(const clang::VarDecl& before, const clang::VarDecl& after) {
        const std::string was = before.getType().getCanonicalType().getAsString();
        const std::string is = after.getType().getCanonicalType().getAsString();
        // Of a structure without a name, this has its place.
        if (was == is || was.find("unnamed") != std::string::npos || is.find("unnamed") != std::string::npos)
            return true;
        if (before.getType()->isArrayType() && after.getType()->isArrayType())
            problem_ = {
                "it gets another number of elements, which the running kernel's has not",
                "leave the array as it is: register what is new in a pre-patch callback (register_sysctl() for a "
                "table of the patch's own) and take it away in a post-unpatch one, or change the code that goes "
                "through the array"};
        else if (was.find("static_key") != std::string::npos)
            problem_ = {fmt::format("it becomes a {}, was a {}", is, was),
                        "leave the key as it is, turn it on or off in a pre-patch callback (static_branch_enable(), "
                        "static_branch_disable()), and back in a post-unpatch one"};
        else
            problem_ = {fmt::format("it becomes a {}, was a {}", is, was),
                        "leave the variable as it is, and give what is new a variable of its own"};
        return false;
    }

    // Notes what differs; an initialiser that is not there stands for zero.
    bool compare(const clang::Expr* before, const clang::Expr* after, clang::QualType type, const std::string& place) {
        const auto* old_list = list(before);
        const auto* new_list = list(after);
        if (old_list || new_list)
            return compare_lists(old_list, new_list, type, place);
        const std::string old_text = text(original_, before), new_text = text(patched_, after);
        const std::optional<bool> is_same = is_same_value(before, after);
        if (is_same.value_or(old_text == new_text))
            return true;
        const bool is_number = type->isIntegralOrEnumerationType();
        const bool becomes_null = type->isPointerType() && is_null(after, patched_.context());
        if (!problem_ && (new_text == "?" || (is_number && old_text == "?")))
            problem_ = {"the initialiser comes from a macro", by_hand};
        if (!problem_ && !is_number && !becomes_null)
            problem_ = address_problem(type, after, new_text, place);
        result_.values.push_back({place, old_text, becomes_null ? "NULL" : new_text, is_number});
        return false;
    }

    // A callback can give a pointer the address of what stays when the module goes.
    Problem address_problem(clang::QualType type, const clang::Expr* after, const std::string& text,
                            const std::string& place) const {
        if (type->isFunctionPointerType())
            return original_has_function(text)
                       ? Problem{}
                       : Problem{fmt::format("{} is a function that only the patch has: tasks may be in it when the "
                                             "module goes",
                                             place),
                                 "leave the pointer as it is, and change the function that it leads to"};
        const clang::VarDecl* variable = type->isPointerType() ? variable_at(*after) : nullptr;
        if (!variable || !variable->hasGlobalStorage())
            return {fmt::format("{} is neither a number nor the address of a function or variable", place), by_hand};
        if (!original_has_variable(*variable))
            return {fmt::format("{} is the address of what only the patch has, and which goes with the module", place),
                    "leave the variable as it is, and change the code that uses the address"};
        return {};
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
        if (!problem_)
            problem_ = {std::move(text), by_hand};
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

    // Nothing if one of them is not known, as the text of an initialiser that a macro brings is not.
    std::optional<bool> is_same_value(const clang::Expr* before, const clang::Expr* after) const {
        const auto value = [](const clang::Expr* expression, const ParsedUnit& unit) -> std::optional<std::string> {
            if (is_null(expression, unit.context()))
                return "0";
            clang::Expr::EvalResult result;
            if (!expression->EvaluateAsRValue(result, unit.context()) || result.HasSideEffects)
                return std::nullopt;
            if (result.Val.isInt())
                return llvm::toString(result.Val.getInt(), 10);
            return result.Val.getAsString(unit.context(), expression->getType());
        };
        const std::optional<std::string> a = value(before, original_), b = value(after, patched_);
        return a && b ? std::optional(*a == *b) : std::nullopt;
    }

    // Of a constant of the unit's own, the live patch may have a copy.
    bool original_has_variable(const clang::VarDecl& variable) const {
        const auto found = original_.context().getTranslationUnitDecl()->lookup(
            clang::DeclarationName(&original_.context().Idents.get(variable.getName())));
        const auto* known = found.empty() ? nullptr : llvm::dyn_cast<clang::VarDecl>(found.front());
        return known && (!is_constant(*known) || known->hasExternalFormalLinkage());
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
    Problem problem_; // of the variable at hand, the first one
    ChangedValues result_;
};

} // namespace

ChangedValues find_changed_values(const ParsedUnit& original, const ParsedUnit& patched, const std::string& name) {
    return Comparison(original, patched, name).run();
}

} // namespace klp::rewrite
