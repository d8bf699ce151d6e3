#include "diff/name_keepers.h"

#include <algorithm>
#include <array>
#include <utility>

namespace klp::diff {

namespace {

using Keeper = std::pair<std::string_view, unsigned>;

constexpr std::array keepers{
    // linux/interrupt.h, linux/irq.h: struct irqaction's name, struct irq_desc's, struct irq_chip's
    Keeper("request_threaded_irq", 4),
    Keeper("request_any_context_irq", 3),
    Keeper("request_nmi", 3),
    Keeper("__request_percpu_irq", 3),
    Keeper("request_percpu_nmi", 2),
    Keeper("devm_request_threaded_irq", 5),
    Keeper("devm_request_any_context_irq", 4),
    Keeper("__irq_set_handler", 3),
    Keeper("irq_set_chip_and_handler_name", 3),
    Keeper("irq_alloc_generic_chip", 0),
    Keeper("devm_irq_alloc_generic_chip", 1),
    // linux/ioport.h, linux/pci.h: struct resource's name
    Keeper("__request_region", 3),
    Keeper("__devm_request_region", 4),
    Keeper("request_free_mem_region", 2),
    Keeper("alloc_free_mem_region", 3),
    Keeper("pci_request_region", 2),
    Keeper("pci_request_region_exclusive", 2),
    Keeper("pci_request_regions", 1),
    Keeper("pci_request_regions_exclusive", 1),
    Keeper("pci_request_selected_regions", 2),
    Keeper("pci_request_selected_regions_exclusive", 2),
    Keeper("pcim_iomap_region", 2),
    Keeper("pcim_iomap_regions", 2),
    Keeper("pcim_iomap_regions_request_all", 2),
    Keeper("pcim_request_region", 2),
    Keeper("pcim_request_all_regions", 1),
    // linux/device/class.h (with the owner in front before Linux 6.4), linux/cpuhotplug.h, linux/perf_event.h
    Keeper("class_create", 0),
    Keeper("__class_create", 1),
    Keeper("__cpuhp_setup_state", 1),
    Keeper("__cpuhp_setup_state_cpuslocked", 1),
    Keeper("perf_pmu_register", 1),
    // linux/hwmon.h, linux/usb/hcd.h
    Keeper("hwmon_device_register_with_groups", 1),
    Keeper("hwmon_device_register_with_info", 1),
    Keeper("devm_hwmon_device_register_with_groups", 1),
    Keeper("devm_hwmon_device_register_with_info", 1),
    Keeper("usb_create_hcd", 2),
    Keeper("usb_create_shared_hcd", 2),
    Keeper("__usb_create_hcd", 3),
};

} // namespace

bool keeps_name(std::string_view function, unsigned argument) {
    return std::ranges::find(keepers, Keeper(function, argument)) != keepers.end();
}

} // namespace klp::diff
