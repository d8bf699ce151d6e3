// From a pointer to the objects of a structure that it leads to: what it points to may be one, or have some inside.
#pragma once

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>

#include <set>
#include <string>
#include <vector>

namespace klp::rewrite {

// What is freed, copied or allocated, without the casts to and from void * and unsigned long.
// `(struct ctx *)((char *)p - 8)` stays as it is.
const clang::Expr& without_casts(const clang::Expr& pointer);

// The members that lead from an object of `outer` to each one of `record` in it: ".stats"; "" if it is one itself.
// Not those that are elements of arrays.
std::vector<std::string> paths_to(const clang::RecordDecl& outer, const clang::RecordDecl& record);

// The addresses of all objects of `record` in what the pointer leads to; `text` is what it is called.
std::vector<std::string> objects_at(const clang::Expr& pointer, const clang::RecordDecl& record,
                                    const std::string& text);

// Is an object of the type one of `record`, or has it one inside, be it in an array?
bool has_inside(clang::QualType type, const clang::RecordDecl& record);

// `outer` and the structures in it that have an object of `record` inside, without arrays on the way; as C writes them.
std::set<std::string> holders_in(const clang::RecordDecl& outer, const clang::RecordDecl& record);

// "struct ctx"
std::string spelling_of(const clang::RecordDecl& record);

} // namespace klp::rewrite
