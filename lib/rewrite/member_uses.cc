#include "rewrite/member_uses.h"

#include <clang/AST/ParentMapContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Lex/Lexer.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace klp::rewrite {

namespace {

bool is_pointer_to_const(clang::QualType type) {
    return type->isPointerType() && type->getPointeeType().isConstQualified();
}

class Visitor : public clang::RecursiveASTVisitor<Visitor> {
public:
    Visitor(const ParsedUnit& unit, const std::vector<const clang::FieldDecl*>& members)
        : unit_(unit), members_(members.begin(), members.end()) {
        TraverseDecl(unit.context().getTranslationUnitDecl());
    }

    bool TraverseFunctionDecl(clang::FunctionDecl* function) {
        const clang::FunctionDecl* outer = std::exchange(function_, function);
        const bool goes_on = RecursiveASTVisitor::TraverseFunctionDecl(function);
        function_ = outer;
        return goes_on;
    }

    bool VisitMemberExpr(clang::MemberExpr* expression) {
        if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(expression->getMemberDecl());
            field && members_.contains(field))
            add(*expression, *field);
        return true;
    }

    bool VisitOffsetOfExpr(clang::OffsetOfExpr* expression) {
        for (unsigned at = 0; at < expression->getNumComponents(); ++at) {
            const clang::OffsetOfNode& part = expression->getComponent(at);
            if (part.getKind() == clang::OffsetOfNode::Field && members_.contains(part.getField()))
                add_problem(expression->getBeginLoc(), *part.getField(),
                            "its offset is used (container_of() and the like)");
        }
        return true;
    }

    bool VisitDesignatedInitExpr(clang::DesignatedInitExpr* expression) {
        for (const clang::DesignatedInitExpr::Designator& designator : expression->designators())
            if (designator.isFieldDesignator() && members_.contains(designator.getFieldDecl()))
                add_problem(expression->getBeginLoc(), *designator.getFieldDecl(), "an initialiser sets it");
        return true;
    }

    MemberUses run() {
        MemberUses result;
        for (auto& [place, use] : uses_)
            result.uses.push_back(std::move(use));
        result.problems.assign(problems_.begin(), problems_.end());
        return result;
    }

private:
    void add(const clang::MemberExpr& expression, const clang::FieldDecl& field) {
        MemberUse use;
        use.member = &field;
        use.function = function_;
        use.name = unit_.place_of(expression.getMemberLoc());
        if (!unit_.text_of(use.name.file).substr(use.name.offset).starts_with(field.getName())) {
            add_problem(expression.getMemberLoc(), field, "a macro's own text uses it");
            return;
        }
        if (const auto* base = llvm::dyn_cast<clang::MemberExpr>(expression.getBase());
            base && base->getMemberDecl()->getName().empty()) {
            add_problem(expression.getMemberLoc(), field, "it is in a structure without a name");
            return;
        }
        use.base = unit_.place_of(expression.getBase()->getBeginLoc());
        use.access = unit_.place_of(expression.getOperatorLoc());
        use.is_arrow = expression.isArrow();
        if (const auto* base = llvm::dyn_cast<clang::DeclRefExpr>(expression.getBase()->IgnoreParenImpCasts()))
            use.object = llvm::dyn_cast<clang::VarDecl>(base->getDecl());
        describe(expression, use);
        // A macro may use its argument several times.
        auto [known, is_new] = uses_.try_emplace(use.name, use);
        known->second.is_read &= use.is_read;
        if (known->second.callee.empty()) {
            known->second.callee = use.callee;
            known->second.more_arguments = use.more_arguments;
        }
    }

    // Follows the value of the member through the expressions around it.
    void describe(const clang::Expr& expression, MemberUse& use) {
        clang::DynTypedNode node = clang::DynTypedNode::create(expression);
        bool is_address = false;
        while (true) {
            const clang::DynTypedNodeList parents = unit_.context().getParents(node);
            const auto* parent = parents.empty() ? nullptr : parents[0].get<clang::Expr>();
            if (!parent) {
                // typeof, or a statement by itself
                use.is_read = parents.empty() || !parents[0].get<clang::Stmt>();
                note_argument(use, is_address);
                return;
            }
            if (const std::optional<bool> is_read = decide(*parent, node.get<clang::Expr>(), is_address, use)) {
                use.is_read = *is_read;
                if (!use.is_read)
                    note_argument(use, is_address);
                return;
            }
            node = clang::DynTypedNode::create(*parent);
        }
    }

    // Is that read only? Nothing: look further up.
    std::optional<bool> decide(const clang::Expr& parent, const clang::Expr* child, bool& is_address, MemberUse& use) {
        if (llvm::isa<clang::ParenExpr, clang::MemberExpr, clang::ArraySubscriptExpr>(parent)) {
            if (const auto* index = llvm::dyn_cast<clang::ArraySubscriptExpr>(&parent)) {
                if (index->getIdx() == child)
                    return true;
                is_address = false;
            }
            return std::nullopt;
        }
        if (llvm::isa<clang::UnaryExprOrTypeTraitExpr>(parent))
            return true;
        if (const auto* cast = llvm::dyn_cast<clang::CastExpr>(&parent)) {
            if (cast->getCastKind() == clang::CK_LValueToRValue)
                return true;
            is_address |= cast->getCastKind() == clang::CK_ArrayToPointerDecay;
            if (is_address && is_pointer_to_const(cast->getType()))
                return true;
            return std::nullopt;
        }
        if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(&parent)) {
            if (unary->getOpcode() != clang::UO_AddrOf && unary->getOpcode() != clang::UO_Deref)
                return false;
            is_address = unary->getOpcode() == clang::UO_AddrOf;
            return std::nullopt;
        }
        if (const auto* assignment = llvm::dyn_cast<clang::BinaryOperator>(&parent);
            assignment && assignment->getOpcode() == clang::BO_Assign && assignment->getLHS() == child)
            note_constant(*assignment->getRHS(), use);
        return false;
    }

    void note_constant(const clang::Expr& value, MemberUse& use) {
        if (value.isIntegerConstantExpr(unit_.context()))
            use.constant = unit_.text_of(value.getSourceRange()).value_or("");
    }

    // `mutex_init(&ctx->lock)` is a macro or a function: its text is the same.
    void note_argument(MemberUse& use, bool is_address) {
        if (!is_address || use.base.file != use.name.file)
            return;
        const std::string_view text = unit_.text_of(use.base.file);
        size_t begin = text.find_last_not_of(" \t\n", use.base.offset - 1);
        if (begin == std::string_view::npos || text[begin] != '&')
            return;
        begin = text.find_last_not_of(" \t\n", begin - 1);
        if (begin == std::string_view::npos || text[begin] != '(')
            return;
        const size_t name =
            text.find_last_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", begin - 1);
        use.callee = std::string(text.substr(name + 1, begin - name - 1));
        const size_t after = use.name.offset + use.member->getName().size();
        const size_t end = text.find(");", after);
        if (end != std::string_view::npos)
            use.more_arguments = std::string(text.substr(after, end - after));
    }

    void add_problem(clang::SourceLocation location, const clang::FieldDecl& field, const char* what) {
        const clang::PresumedLoc place = unit_.sources().getPresumedLoc(unit_.sources().getFileLoc(location));
        problems_.insert(fmt::format("`{}` in line {} of {}: {}", field.getName().str(), place.getLine(),
                                     unit_.place_of(location).file, what));
    }

    const ParsedUnit& unit_;
    std::set<const clang::FieldDecl*> members_;
    const clang::FunctionDecl* function_ = nullptr;
    std::map<Place, MemberUse> uses_;
    std::set<std::string> problems_;
};

} // namespace

MemberUses find_uses(const ParsedUnit& unit, const std::vector<const clang::FieldDecl*>& members) {
    return Visitor(unit, members).run();
}

} // namespace klp::rewrite
