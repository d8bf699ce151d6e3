#include "rewrite/parsed_unit.h"

#include "report/finding.h"
#include "source/clang_arguments.h"

#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Lex/Lexer.h>
#include <llvm/Support/VirtualFileSystem.h>

namespace klp::rewrite {

namespace {

using FileSystem = llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem>;

FileSystem file_system(const std::string& directory, const std::map<std::string, std::string>& files) {
    auto memory = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
    for (const auto& [path, text] : files)
        memory->addFile(path, 0, llvm::MemoryBuffer::getMemBufferCopy(text, path));
    auto all = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(llvm::vfs::createPhysicalFileSystem());
    all->pushOverlay(memory);
    all->setCurrentWorkingDirectory(directory);
    return all;
}

class FirstError : public clang::DiagnosticConsumer {
public:
    void HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& diagnostic) override {
        clang::DiagnosticConsumer::HandleDiagnostic(level, diagnostic);
        if (level < clang::DiagnosticsEngine::Error || !text.empty())
            return;
        llvm::SmallString<128> message;
        diagnostic.FormatDiagnostic(message);
        if (diagnostic.hasSourceManager() && diagnostic.getLocation().isValid())
            text = diagnostic.getLocation().printToString(diagnostic.getSourceManager()) + ": ";
        text += message.str().str();
    }
    std::string text;
};

} // namespace

ParsedUnit::ParsedUnit(const source::CompileCommand& command, const std::map<std::string, std::string>& files)
    : directory_(command.directory), main_file_(source::absolute_path(command.directory, command.file)) {
    FirstError error;
    llvm::IntrusiveRefCntPtr<clang::DiagnosticsEngine> diagnostics =
        clang::CompilerInstance::createDiagnostics(new clang::DiagnosticOptions, &error, false);
    const std::vector<std::string> arguments = source::clang_arguments(command);
    std::vector<const char*> words;
    for (const std::string& argument : arguments)
        words.push_back(argument.c_str());
    auto invocation = std::make_shared<clang::CompilerInvocation>();
    clang::CompilerInvocation::CreateFromArgs(*invocation, words, *diagnostics);
    invocation->getFileSystemOpts().WorkingDir = directory_;
    auto* manager =
        new clang::FileManager(invocation->getFileSystemOpts(), file_system(directory_, files)); // the unit takes it
    unit_ = clang::ASTUnit::LoadFromCompilerInvocation(invocation, std::make_shared<clang::PCHContainerOperations>(),
                                                       diagnostics, manager);
    if (!unit_ || !error.text.empty())
        throw report::Refusal("rewrite.unreadable", main_file_,
                              "Clang cannot read this unit as the kernel's compiler does: " + error.text,
                              "rewrite the patch by hand (docs/authoring.md)");
    diagnostics->setClient(new clang::IgnoringDiagConsumer, true);
}

bool ParsedUnit::declares(std::string_view function) const {
    clang::IdentifierInfo& name = context().Idents.get(function);
    return !context().getTranslationUnitDecl()->lookup(&name).empty();
}

Place ParsedUnit::place_of(clang::SourceLocation location) const {
    const auto [file, offset] = sources().getDecomposedLoc(sources().getFileLoc(location));
    const auto entry = sources().getFileEntryRefForID(file);
    return {entry ? source::absolute_path(directory_, entry->getName().str()) : std::string(), offset};
}

Place ParsedUnit::end_of(clang::SourceLocation location) const {
    Place place = place_of(location);
    place.offset +=
        clang::Lexer::MeasureTokenLength(sources().getFileLoc(location), sources(), context().getLangOpts());
    return place;
}

std::string_view ParsedUnit::text_of(const std::string& file) const {
    const auto entry = sources().getFileManager().getOptionalFileRef(file);
    if (!entry)
        return {};
    const auto buffer = const_cast<clang::SourceManager&>(sources()).getMemoryBufferForFileOrNone(*entry);
    return buffer ? std::string_view(buffer->getBuffer()) : std::string_view();
}

std::optional<std::string> ParsedUnit::text_of(clang::SourceRange range) const {
    const clang::CharSourceRange characters = clang::Lexer::makeFileCharRange(
        clang::CharSourceRange::getTokenRange(range), sources(), context().getLangOpts());
    if (characters.isInvalid())
        return std::nullopt;
    return clang::Lexer::getSourceText(characters, sources(), context().getLangOpts()).str();
}

} // namespace klp::rewrite
