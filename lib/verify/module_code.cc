#include "verify/module_code.h"

#include "arch/machine.h"
#include "convert/reference.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace klp::verify {

namespace {

std::tuple<uint32_t, uint64_t> key(const Location& place) {
    return {place.section->index, place.offset};
}

// ".klp.sym.vmlinux.mutex_lock,0" is mutex_lock.
std::string_view kernel_name(const elf::Symbol& symbol) {
    if (symbol.place == elf::Place::livepatch)
        if (std::optional<convert::LivepatchName> name = convert::parse_livepatch_symbol(symbol.name))
            return name->name;
    return symbol.name;
}

// Reads one function from top to bottom: a register holds what was put into it until it is written again or a call
// comes, which is how compilers set up arguments:
//
//     mov $0x5601, %esi      argument 1 is 0x5601
//     mov $init, %r8         argument 4 is the address of init
//     call klp_shadow_alloc
class Reader {
public:
    Reader(const elf::Object& module, const arch::Machine& machine, const elf::Symbol& symbol)
        : module_(module), machine_(machine), section_(module.section(symbol.section)), begin_(symbol.value),
          end_(symbol.value + symbol.size) {
        function_.name = symbol.name;
        function_.start = {&section_, begin_};
    }

    ModuleFunction run() {
        for (const arch::Instruction& instruction : machine_.disassemble({section_.data, begin_, end_}, false))
            step(instruction);
        return std::move(function_);
    }

private:
    std::span<const elf::Relocation> relocations(const arch::Instruction& instruction) const {
        const std::span<const elf::Relocation> all = module_.relocations(section_.index);
        const auto first = std::ranges::lower_bound(all, instruction.offset, {}, &elf::Relocation::offset);
        const auto last =
            std::ranges::lower_bound(all, instruction.offset + instruction.size, {}, &elf::Relocation::offset);
        return {first, last};
    }
    // Where a field of code leads: what the instruction adds to a distance is taken back.
    std::optional<Location> target_of(const elf::Relocation& relocation) const {
        const elf::Symbol& symbol = module_.symbol(relocation.symbol);
        const elf::Section* section = module_.section_of(symbol);
        const int64_t bias = machine_.addend_bias(arch::Code{section_.data, begin_, end_}, relocation);
        const uint64_t offset = symbol.value + static_cast<uint64_t>(relocation.addend) + static_cast<uint64_t>(bias);
        return section && offset <= section->size ? std::optional(Location{section, offset}) : std::nullopt;
    }
    void step(const arch::Instruction& instruction) {
        const std::span<const elf::Relocation> fields = relocations(instruction);
        for (const elf::Relocation& field : fields)
            if (std::optional<Location> target = target_of(field)) {
                function_.refers_to.push_back(*target);
                if (instruction.is_call || instruction.is_branch)
                    function_.runs.push_back(*target);
            }
        if (instruction.is_call || instruction.is_branch) {
            for (const elf::Relocation& field : fields)
                if (!module_.section_of(module_.symbol(field.symbol)))
                    function_.calls.push_back({kernel_name(module_.symbol(field.symbol)), arguments_});
            if (instruction.is_call || instruction.ends_flow)
                arguments_ = {};
            return;
        }
        const bool is_on_stack = instruction.address_registers.size() == 1 &&
                                 machine_.register_name(instruction.address_registers[0]) == "RSP";
        if (instruction.writes_memory && instruction.has_address && !is_on_stack)
            function_.writes_memory = true;
        set_registers(instruction, fields);
    }
    void set_registers(const arch::Instruction& instruction, std::span<const elf::Relocation> fields) {
        for (size_t at = 0; at < instruction.written_registers.size(); ++at)
            if (const auto number = argument_at(machine_.register_name(instruction.written_registers[at])))
                arguments_[*number] = {};
        const auto number = argument_at(instruction.first_register);
        if (!number || instruction.reads_memory)
            return;
        if (!fields.empty())
            arguments_[*number] = {{}, target_of(fields.back())};
        else
            arguments_[*number] = {machine_.loaded_constant(instruction), {}};
    }
    std::optional<unsigned> argument_at(std::string_view name) const {
        const std::optional<unsigned> number = machine_.argument_number(name);
        return number && *number < arguments_.size() ? number : std::nullopt;
    }

    const elf::Object& module_;
    const arch::Machine& machine_;
    const elf::Section& section_;
    uint64_t begin_, end_;
    ModuleFunction function_;
    std::array<Argument, 6> arguments_;
};

} // namespace

ModuleCode::ModuleCode(const elf::Object& module) {
    const arch::Machine& machine = arch::Machine::of(module);
    for (const elf::Symbol& symbol : module.symbols()) {
        const elf::Section* section = symbol.is_function() ? module.section_of(symbol) : nullptr;
        if (section && section->is_code() && symbol.value <= section->data.size() &&
            symbol.size <= section->data.size() - symbol.value)
            functions_.push_back(Reader(module, machine, symbol).run());
    }
    std::ranges::stable_sort(functions_, {}, [](const ModuleFunction& it) { return key(it.start); });
}

const ModuleFunction* ModuleCode::find(const Location& place) const {
    const auto found =
        std::ranges::lower_bound(functions_, key(place), {}, [](const ModuleFunction& it) { return key(it.start); });
    return found != functions_.end() && key(found->start) == key(place) ? &*found : nullptr;
}

std::vector<const ModuleFunction*> ModuleCode::reached_from(const Location& start) const {
    return follow(start, &ModuleFunction::refers_to);
}

std::vector<const ModuleFunction*> ModuleCode::run_by(const Location& start) const {
    return follow(start, &ModuleFunction::runs);
}

std::vector<const ModuleFunction*> ModuleCode::follow(const Location& start,
                                                      std::vector<Location> ModuleFunction::* places) const {
    std::vector<const ModuleFunction*> reached;
    std::set<const ModuleFunction*> seen;
    std::vector<Location> queue{start};
    while (!queue.empty()) {
        const ModuleFunction* function = queue.back().section ? find(queue.back()) : nullptr;
        queue.pop_back();
        if (!function || !seen.insert(function).second)
            continue;
        reached.push_back(function);
        queue.insert(queue.end(), (function->*places).begin(), (function->*places).end());
    }
    return reached;
}

} // namespace klp::verify
