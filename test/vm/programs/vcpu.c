// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vcpu apic|no-apic: makes a virtual processor, with or without KVM's own
 * interrupt controller, sets its cr8 to 5, and prints that and the limit of its
 * interrupt table as KVM_GET_SREGS has them.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static int must(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

int main(int argc, char **argv)
{
	struct kvm_sregs sregs;
	int kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int machine = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	int vcpu;

	if (argc > 1 && !strcmp(argv[1], "apic"))
		must(ioctl(machine, KVM_CREATE_IRQCHIP), "KVM_CREATE_IRQCHIP");
	vcpu = must(ioctl(machine, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	must(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cr8 = 5;
	must(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	must(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	printf("cr8 %llx, limit %x\n", sregs.cr8, sregs.idt.limit);
	return 0;
}
