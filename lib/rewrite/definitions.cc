#include "rewrite/definitions.h"

namespace klp::rewrite {

const clang::FunctionDecl* definition_of(const ParsedUnit& unit, const std::string& name) {
    const auto found =
        unit.context().getTranslationUnitDecl()->lookup(clang::DeclarationName(&unit.context().Idents.get(name)));
    for (const clang::NamedDecl* declaration : found)
        if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration))
            if (const clang::FunctionDecl* definition = nullptr; function->hasBody(definition))
                return definition;
    return nullptr;
}

} // namespace klp::rewrite
