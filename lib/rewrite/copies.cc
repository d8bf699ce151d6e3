#include "rewrite/copies.h"

#include "rewrite/object_paths.h"

#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::rewrite {

namespace {

class Visitor : public clang::RecursiveASTVisitor<Visitor> {
public:
    Visitor(const ParsedUnit& unit, const clang::RecordDecl& record) : unit_(unit), record_(record) {
        for (clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls())
            if (auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
                function && function->doesThisDeclarationHaveABody() &&
                unit.place_of(function->getLocation()).file == unit.main_file()) {
                function_ = function;
                TraverseStmt(function->getBody());
            }
    }

    // The functions behind the macros have more to their names: __builtin_memcpy(), kmemdup_noprof().
    bool VisitCallExpr(clang::CallExpr* call) {
        constexpr std::array<std::string_view, 3> words = {"memcpy", "memmove", "memdup"};
        const clang::FunctionDecl* callee = call->getDirectCallee();
        if (!callee || !callee->getDeclName().isIdentifier())
            return true;
        const std::string_view name = callee->getName();
        if (std::ranges::none_of(words, [&](std::string_view word) { return name.find(word) != name.npos; }))
            return true;
        // Of a duplicate, the first argument is the original.
        for (unsigned at = 0; at < std::min(call->getNumArgs(), 2u); ++at) {
            const clang::QualType type = without_casts(*call->getArg(at)).getType();
            if (type->isPointerType() && has_inside(type->getPointeeType(), record_)) {
                add(*call, "copied");
                return true;
            }
        }
        return true;
    }

    bool VisitBinaryOperator(clang::BinaryOperator* assignment) {
        if (assignment->getOpcode() == clang::BO_Assign && has_inside(assignment->getLHS()->getType(), record_))
            add(*assignment, "assigned");
        return true;
    }

    std::vector<std::string> found;

private:
    void add(const clang::Stmt& statement, const char* what) {
        const clang::PresumedLoc place =
            unit_.sources().getPresumedLoc(unit_.sources().getFileLoc(statement.getBeginLoc()));
        std::string text = fmt::format("{}(), line {}: a whole object is {} there, without what is kept beside it",
                                       function_->getName().str(), place.getLine(), what);
        // A macro may have its argument several times.
        if (std::ranges::find(found, text) == found.end())
            found.push_back(std::move(text));
    }

    const ParsedUnit& unit_;
    const clang::RecordDecl& record_;
    const clang::FunctionDecl* function_ = nullptr;
};

} // namespace

std::vector<std::string> find_copies(const ParsedUnit& unit, const clang::RecordDecl& record) {
    return Visitor(unit, record).found;
}

} // namespace klp::rewrite
