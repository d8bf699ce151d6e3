#include "rewrite/references.h"

#include <clang/AST/ParentMapContext.h>
#include <clang/AST/RecursiveASTVisitor.h>

namespace klp::rewrite {

namespace {

class Visitor : public clang::RecursiveASTVisitor<Visitor> {
public:
    Visitor(const ParsedUnit& unit, const std::string& name) : unit_(unit), name_(name) {
        TraverseDecl(unit.context().getTranslationUnitDecl());
    }
    bool VisitDeclRefExpr(clang::DeclRefExpr* reference) {
        const auto* function = llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl());
        if (!function || !function->getDeclName().isIdentifier() || function->getName() != name_)
            return true;
        const Place place = unit_.place_of(reference->getLocation());
        const bool is_written = unit_.text_of(place.file).substr(place.offset).starts_with(name_);
        (is_written && is_called(*reference) ? found.calls : found.others).insert(place);
        return true;
    }
    References found;

private:
    bool is_called(const clang::DeclRefExpr& reference) const {
        clang::DynTypedNode node = clang::DynTypedNode::create(reference);
        while (true) {
            const clang::DynTypedNodeList parents = unit_.context().getParents(node);
            const auto* parent = parents.empty() ? nullptr : parents[0].get<clang::Expr>();
            if (const auto* call = llvm::dyn_cast_or_null<clang::CallExpr>(parent))
                return call->getCallee() == node.get<clang::Expr>();
            if (!llvm::isa_and_nonnull<clang::ImplicitCastExpr>(parent))
                return false;
            node = parents[0];
        }
    }
    const ParsedUnit& unit_;
    const std::string& name_;
};

} // namespace

References references_to(const ParsedUnit& unit, const std::string& function) {
    return Visitor(unit, function).found;
}

bool is_export(std::string_view text, size_t offset) {
    const size_t line = text.rfind('\n', offset) + 1;
    return text.substr(line).starts_with("EXPORT_SYMBOL");
}

} // namespace klp::rewrite
