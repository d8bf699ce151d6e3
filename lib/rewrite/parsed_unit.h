// A translation unit as Clang reads it: the tree of its declarations, and where in which file each thing stands.
#pragma once

#include "source/include_graph.h"

#include <clang/AST/ASTContext.h>
#include <clang/Basic/SourceLocation.h>
#include <clang/Frontend/ASTUnit.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace klp::rewrite {

// A place in the text of a file, as the author wrote it.
struct Place {
    std::string file; // absolute
    size_t offset = 0;
    auto operator<=>(const Place&) const = default;
};

class ParsedUnit {
public:
    // `files`: by absolute path, the text in place of what is on the disk. Throws report::Refusal "rewrite.unreadable"
    // with Clang's first error.
    ParsedUnit(const source::CompileCommand& command, const std::map<std::string, std::string>& files);

    clang::ASTContext& context() const { return unit_->getASTContext(); }
    const clang::SourceManager& sources() const { return unit_->getSourceManager(); }
    const std::string& main_file() const { return main_file_; }

    // Does the unit see a function of that name?
    bool declares(std::string_view function) const;

    // Where a token was written: of what a macro made of its argument, the argument; of what a macro brought itself,
    // the macro's name.
    Place place_of(clang::SourceLocation location) const;
    // The place behind the token at `location`.
    Place end_of(clang::SourceLocation location) const;
    std::string_view text_of(const std::string& file) const;
    // What was written there, from the first to behind the last token; nothing if they are of different files.
    std::optional<std::string> text_of(clang::SourceRange range) const;

private:
    std::string directory_;
    std::string main_file_;
    std::unique_ptr<clang::ASTUnit> unit_;
};

} // namespace klp::rewrite
