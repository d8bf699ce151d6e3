# What the project takes from outside. Each is a Debian package; scripts/install-deps knows their names.

find_package(PkgConfig REQUIRED)
pkg_check_modules(ELF REQUIRED IMPORTED_TARGET libelf)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)

# LLVM's and Clang's headers come in as system headers: their warnings are not ours to mend.
find_package(LLVM 19.1 REQUIRED CONFIG PATHS /usr/lib/llvm-19/lib/cmake/llvm)
find_library(CLANG_CPP NAMES libclang-cpp.so.19.1 clang-cpp PATHS ${LLVM_LIBRARY_DIRS} NO_DEFAULT_PATH REQUIRED)
add_library(klp_llvm INTERFACE)
target_include_directories(klp_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
target_compile_definitions(klp_llvm INTERFACE ${LLVM_DEFINITIONS_LIST})
# A command that has no use for Clang sets KLP_STATIC_LLVM and takes along the little that it needs, so that it runs on
# machines that have no LLVM. Beside Clang, which brings the shared one, there can be no second.
set(machines X86 AArch64 PowerPC SystemZ LoongArch) # those of lib/arch
set(components MC DebugInfoDWARF Object Support TargetParser)
foreach(machine ${machines})
  list(APPEND components ${machine}Desc ${machine}Info ${machine}Disassembler)
endforeach()
llvm_map_components_to_libnames(static_llvm ${components})
target_link_libraries(klp_llvm INTERFACE
  "$<IF:$<BOOL:$<TARGET_PROPERTY:KLP_STATIC_LLVM>>,${static_llvm},LLVM>")
add_library(klp_clang INTERFACE)
target_link_libraries(klp_clang INTERFACE klp_llvm "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:KLP_STATIC_LLVM>>>:${CLANG_CPP}>")
