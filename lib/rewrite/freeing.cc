#include "rewrite/freeing.h"

#include "rewrite/object_paths.h"

#include <clang/AST/Decl.h>

#include <string_view>

namespace klp::rewrite {

namespace {

// A word of the name is "free", with a letter or two for what kind of memory: "kvfree" of kvfree_rcu(), not "freeze".
bool says_free(std::string_view name) {
    for (size_t begin = 0; begin < name.size();) {
        const size_t end = std::min(name.find('_', begin), name.size());
        if (name.substr(begin, end - begin).ends_with("free"))
            return true;
        begin = end + 1;
    }
    return false;
}

bool is_array_of_untyped(clang::QualType type) {
    return type->isPointerType() && type->getPointeeType()->isVoidPointerType();
}

} // namespace

std::optional<FreeingCall> freeing_call(const clang::CallExpr& call) {
    const clang::FunctionDecl* callee = call.getDirectCallee();
    if (!callee || !callee->getDeclName().isIdentifier() || !callee->getReturnType()->isVoidType() ||
        !says_free(std::string_view(callee->getName())))
        return std::nullopt;
    for (unsigned at = 0; at < std::min(call.getNumArgs(), callee->getNumParams()); ++at) {
        const clang::QualType type = callee->getParamDecl(at)->getType();
        if (is_array_of_untyped(type))
            return FreeingCall{call.getArg(at), true};
        const bool is_address = type->isSpecificBuiltinType(clang::BuiltinType::ULong) &&
                                without_casts(*call.getArg(at)).getType()->isPointerType();
        if (type->isVoidPointerType() || is_address)
            return FreeingCall{call.getArg(at), callee->getName().contains("percpu")};
    }
    return std::nullopt;
}

} // namespace klp::rewrite
