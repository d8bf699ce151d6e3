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
                add_entry(*expression, *part.getField());
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
        for (const auto& [place, member] : entries_)
            result.entries.push_back({member, place});
        for (const auto& [place, problem] : in_macros_)
            if (!entries_.contains(place))
                problems_.insert(problem);
        result.problems.assign(problems_.begin(), problems_.end());
        return result;
    }

private:
    void add(const clang::MemberExpr& expression, const clang::FieldDecl& field) {
        MemberUse use;
        use.member = &field;
        use.function = function_;
        use.name = unit_.place_of(expression.getMemberLoc());
        use.access = unit_.place_of(expression.getOperatorLoc());
        // `pos->member` of list_for_each_entry(pos, head, member): only the names are the author's.
        if (!is_written(use.name, field.getName()) || !is_written(use.access, expression.isArrow() ? "->" : ".")) {
            in_macros_.try_emplace(use.access,
                                   problem_at(expression.getMemberLoc(), field, "a macro's own text uses it"));
            return;
        }
        if (const auto* base = llvm::dyn_cast<clang::MemberExpr>(expression.getBase());
            base && base->getMemberDecl()->getName().empty()) {
            add_problem(expression.getMemberLoc(), field, "it is in a structure without a name");
            return;
        }
        use.base = unit_.place_of(expression.getBase()->getBeginLoc());
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
        if (known->second.given_to.empty())
            known->second.given_to = use.given_to;
    }

    bool is_written(const Place& place, std::string_view word) const {
        return unit_.text_of(place.file).substr(place.offset).starts_with(word);
    }

    void add_entry(const clang::OffsetOfExpr& expression, const clang::FieldDecl& field) {
        if (expression.getBeginLoc().isMacroID() && function_)
            entries_.try_emplace(unit_.place_of(expression.getBeginLoc()), &field);
        else
            add_problem(expression.getBeginLoc(), field, "its offset is used");
    }

    // Follows the value of the member through the expressions around it.
    void describe(const clang::Expr& expression, MemberUse& use) {
        clang::DynTypedNode node = clang::DynTypedNode::create(expression);
        bool is_address = false;
        while (true) {
            const clang::DynTypedNodeList parents = unit_.context().getParents(node);
            const auto* parent = parents.empty() ? nullptr : parents[0].get<clang::Expr>();
            if (!parent) {
                // typeof, or a statement by itself, or a variable: `struct msg *msg = &p->member` may be written
                // through.
                const bool is_kept = is_address && !parents.empty() && parents[0].get<clang::VarDecl>();
                use.is_read = parents.empty() || (!parents[0].get<clang::Stmt>() && !is_kept);
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

    // `queue_work(system_wq, &p->work)` and its relatives (include/linux/workqueue.h).
    void note_queue(const clang::CallExpr& call, MemberUse& use) const {
        const clang::FunctionDecl* callee = call.getDirectCallee();
        const std::string name = callee ? callee->getNameAsString() : "";
        if (name.starts_with("schedule_"))
            use.queue = "system_wq";
        if (name != "queue_work" && name != "queue_work_on" && name != "queue_rcu_work")
            return;
        const auto* queue =
            llvm::dyn_cast<clang::DeclRefExpr>(call.getArg(name == "queue_work_on" ? 1 : 0)->IgnoreParenImpCasts());
        const auto* variable = queue ? llvm::dyn_cast<clang::VarDecl>(queue->getDecl()) : nullptr;
        use.queue = variable && variable->hasGlobalStorage() ? variable->getNameAsString() : "?";
    }

    // `kfree(p->member)`: the value may be cast on its way.
    void note_receiver(const clang::Expr& value, MemberUse& use) const {
        const clang::Expr* child = &value;
        while (value.getType()->isPointerType()) {
            const clang::DynTypedNodeList parents = unit_.context().getParents(*child);
            const auto* parent = parents.empty() ? nullptr : parents[0].get<clang::Expr>();
            if (parent && llvm::isa<clang::ParenExpr, clang::CastExpr>(parent)) {
                child = parent;
                continue;
            }
            const auto* call = parent ? llvm::dyn_cast<clang::CallExpr>(parent) : nullptr;
            const clang::FunctionDecl* callee = call ? call->getDirectCallee() : nullptr;
            if (callee && call->getNumArgs() > 0 && call->getArg(0) == child)
                use.given_to = callee->getNameAsString();
            return;
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
            if (cast->getCastKind() == clang::CK_LValueToRValue) {
                note_receiver(*cast, use);
                return true;
            }
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
        if (const auto* call = llvm::dyn_cast<clang::CallExpr>(&parent)) {
            note_queue(*call, use);
            if (call->getNumArgs() == 2 && call->getArg(0) == child) { // atomic_set(&p->count, 1)
                use.is_always = is_always(*call);
                note_constant(*call->getArg(1), use);
            }
        }
        if (const auto* assignment = llvm::dyn_cast<clang::BinaryOperator>(&parent);
            assignment && assignment->getOpcode() == clang::BO_Assign && assignment->getLHS() == child) {
            use.is_assigned = true;
            use.is_always = is_always(*assignment);
            use.is_pointer = assignment->getLHS()->getType()->isPointerType();
            const size_t begin = use.name.offset + use.member->getName().size();
            const Place end = unit_.end_of(assignment->getLHS()->getEndLoc());
            if (end.file == use.name.file && end.offset > begin)
                use.path = std::string(unit_.text_of(end.file).substr(begin, end.offset - begin));
            note_constant(*assignment->getRHS(), use);
        }
        return false;
    }

    bool is_always(const clang::Stmt& statement) const {
        clang::DynTypedNode node = clang::DynTypedNode::create(statement);
        while (true) {
            const clang::DynTypedNodeList parents = unit_.context().getParents(node);
            if (parents.empty() || !parents[0].get<clang::Stmt>())
                return !parents.empty();
            const auto* around = parents[0].get<clang::Stmt>();
            if (!llvm::isa<clang::CompoundStmt, clang::LabelStmt, clang::ForStmt, clang::WhileStmt, clang::DoStmt>(
                    around))
                return false;
            node = parents[0];
        }
    }

    static bool speaks_of_locals(const clang::Stmt& statement) {
        const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(&statement);
        const auto* variable = name ? llvm::dyn_cast<clang::VarDecl>(name->getDecl()) : nullptr;
        if (variable && !variable->isFileVarDecl())
            return true;
        return std::ranges::any_of(statement.children(),
                                   [](const clang::Stmt* child) { return child && speaks_of_locals(*child); });
    }

    // As the author wrote it. What speaks of the function's variables, as sizeof(*p), means something there only, and
    // of the structure with the new member perhaps something else.
    void note_constant(const clang::Expr& value, MemberUse& use) {
        if (value.isIntegerConstantExpr(unit_.context()) && !speaks_of_locals(value))
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

    std::string problem_at(clang::SourceLocation location, const clang::FieldDecl& field, const char* what) const {
        const clang::PresumedLoc place = unit_.sources().getPresumedLoc(unit_.sources().getFileLoc(location));
        return fmt::format("`{}` in line {} of {}: {}", field.getName().str(), place.getLine(),
                           unit_.place_of(location).file, what);
    }

    void add_problem(clang::SourceLocation location, const clang::FieldDecl& field, const char* what) {
        problems_.insert(problem_at(location, field, what));
    }

    const ParsedUnit& unit_;
    std::set<const clang::FieldDecl*> members_;
    const clang::FunctionDecl* function_ = nullptr;
    std::map<Place, MemberUse> uses_;
    std::map<Place, const clang::FieldDecl*> entries_;
    std::map<Place, std::string> in_macros_; // problems, unless there is an entry at the place
    std::set<std::string> problems_;
};

} // namespace

MemberUses find_uses(const ParsedUnit& unit, const std::vector<const clang::FieldDecl*>& members) {
    return Visitor(unit, members).run();
}

} // namespace klp::rewrite
