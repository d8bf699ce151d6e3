#include "rewrite/objects.h"

#include "rewrite/object_paths.h"

#include <clang/AST/RecursiveASTVisitor.h>

namespace klp::rewrite {

namespace {

// What a structure without a name is in.
const clang::RecordDecl& named(const clang::RecordDecl& record) {
    const auto* outer = llvm::dyn_cast<clang::RecordDecl>(record.getDeclContext());
    return record.getName().empty() && outer ? named(*outer) : record;
}

class Visitor : public clang::RecursiveASTVisitor<Visitor> {
public:
    Visitor(const ParsedUnit& unit, const clang::RecordDecl& record) : record_(record) {
        for (clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls())
            if (unit.place_of(declaration->getLocation()).file == unit.main_file())
                TraverseDecl(declaration);
    }
    bool VisitVarDecl(clang::VarDecl* variable) {
        if (!has_inside(variable->getType(), record_))
            return true;
        if (const clang::RecordDecl* type = variable->getType()->getBaseElementTypeUnsafe()->getAsRecordDecl())
            result.holders.merge(holders_in(*type, record_));
        if (variable->hasGlobalStorage())
            result.variables.insert(variable->getName().str());
        else if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(variable->getDeclContext()))
            result.on_stacks.insert(function->getName().str());
        return true;
    }
    bool VisitMemberExpr(clang::MemberExpr* part) {
        const auto* field = llvm::dyn_cast<clang::FieldDecl>(part->getMemberDecl());
        const clang::RecordDecl* type =
            field ? field->getType()->getBaseElementTypeUnsafe()->getAsRecordDecl() : nullptr;
        if (type && type->getCanonicalDecl() == record_.getCanonicalDecl())
            result.parts.try_emplace(spelling_of(named(*field->getParent())),
                                     field->getName().str() + (field->getType()->isArrayType() ? "[]" : ""));
        return true;
    }
    Objects result;

private:
    const clang::RecordDecl& record_;
};

} // namespace

void Objects::merge(const Objects& other) {
    variables.insert(other.variables.begin(), other.variables.end());
    on_stacks.insert(other.on_stacks.begin(), other.on_stacks.end());
    holders.insert(other.holders.begin(), other.holders.end());
    parts.insert(other.parts.begin(), other.parts.end());
}

Objects find_objects(const ParsedUnit& unit, const clang::RecordDecl& record) {
    return Visitor(unit, record).result;
}

} // namespace klp::rewrite
