#include "rewrite/objects.h"

#include <clang/AST/RecursiveASTVisitor.h>

#include <algorithm>

namespace klp::rewrite {

namespace {

bool has_inside(clang::QualType type, const clang::RecordDecl& record) {
    const clang::RecordDecl* outer = type->getBaseElementTypeUnsafe()->getAsRecordDecl();
    if (!outer)
        return false;
    if (outer->getCanonicalDecl() == record.getCanonicalDecl())
        return true;
    const clang::RecordDecl* definition = outer->getDefinition();
    return definition && std::ranges::any_of(definition->fields(), [&](const clang::FieldDecl* field) {
               return has_inside(field->getType(), record);
           });
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
        if (variable->hasGlobalStorage())
            result.variables.insert(variable->getName().str());
        else if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(variable->getDeclContext()))
            result.on_stacks.insert(function->getName().str());
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
}

Objects find_objects(const ParsedUnit& unit, const clang::RecordDecl& record) {
    return Visitor(unit, record).result;
}

} // namespace klp::rewrite
