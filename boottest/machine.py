# SPDX-License-Identifier: GPL-2.0-or-later
"""One boot of a real kernel under QEMU, and a way to run commands in it.

    with Machine(vmlinuz, ModuleTree(modules_dir), load=["dummy"], files={"/x.ko": path}) as vm:
        vm.run("load dummy")             # raises when the command fails
        status, text = vm.try_run("insmod /x.ko")

The first serial line is the kernel's console, the second carries commands and
their output. Whatever passes over both is kept, in order, in `vm.transcript`.
"""

import base64
import contextlib
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .cpio import Archive
from .modules import ModuleTree, module_name, read_module

GUEST = pathlib.Path(__file__).resolve().parent / "guest"
# On a busy host the emulated timer looks broken to a kernel that checks it, and a panic that early is silent
# without earlyprintk.
COMMAND_LINE = ("console=ttyS0 earlyprintk=serial,ttyS0 quiet panic=-1 no_timer_check "
                "rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60")


# One thread for all processors of the guest: it costs half the time of two on a busy host, and QEMU 7.2 with a thread for each
# now and then leaves one without its timer for minutes, or lets it run code that another is just patching.
EMULATED = "tcg,thread=single"
HARDWARE = "kvm"


class MachineError(Exception):
    """The machine did not do what it was asked to; the text says what happened."""


class Machine:
    """A running virtual machine; use it as a context manager."""

    def __init__(self, vmlinuz, modules=None, load=(), files=None, append="",
                 memory="1G", cpus=2, boot_timeout=180, disk=None, accelerator=None):
        """
        vmlinuz       path of the bootable image
        modules       ModuleTree that `load` names come from
        load          modules to have ready for the guest's `load NAME`
        files         {path in the guest: path on the host, or bytes}
        append        more kernel parameters
        boot_timeout  seconds until the guest must have answered
        disk          raw image of /dev/vda, which keeps what the guest writes (module virtio_blk)
        accelerator   QEMU's; by default $KLP_VM_ACCEL, or else EMULATED
        """
        self.transcript = []
        self.accelerator = accelerator or os.environ.get("KLP_VM_ACCEL", EMULATED)
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="klp-vm-"))
        self._process = None
        self._lines = {}
        self._pending = ""
        self._count = 0
        self._echo = None
        try:
            self._start(vmlinuz, modules, load, files or {}, append, memory, cpus, disk)
            started = time.monotonic()
            self._read_until(r"@@ready@@\n", boot_timeout)
            self.boot_seconds = time.monotonic() - started
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def follow(self, function):
        """Call function(source, text) for all that is said from now on."""
        self._echo = function

    def try_run(self, command, timeout=300):
        """Run a shell command in the guest. Returns (exit status, its output)."""
        self._count += 1
        self._note("host", f"# {command}\n")
        code = base64.b64encode(command.encode() + b"\n").decode()
        try:
            self._lines["commands"].sendall(f"{self._count} {code}\n".encode())
        except OSError as error:
            raise MachineError(f"the machine is gone: {error}\n{self.tail()}") from error
        match, text = self._read_until(rf"\n?@@done {self._count} (\d+)@@\n", timeout)
        return int(match[1]), text

    def run(self, command, timeout=300):
        """Run a shell command that must succeed. Returns its output."""
        status, text = self.try_run(command, timeout)
        if status != 0:
            raise MachineError(f"`{command}` ended with status {status}:\n{text}")
        return text

    def wait_until(self, condition, seconds=60):
        """Wait until a shell command succeeds in the guest."""
        quoted = condition.replace("'", "'\\''")
        return self.run(f"wait_until {seconds} '{quoted}'", timeout=seconds + 60)

    def end_by(self, command, timeout=60):
        """Run a shell command that ends the machine, and wait for that."""
        # A machine that goes off may end the command first, whose program cannot be read from its disk any more.
        with contextlib.suppress(MachineError):
            self.try_run(command, timeout)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"the machine outlived `{command}`:\n{self.tail()}") from error

    def log(self):
        """The kernel's messages so far, as a list of lines."""
        return self.run("dmesg").splitlines()

    def tail(self, lines=60):
        """The end of the transcript, for error messages."""
        text = "".join(text for _, text in self.transcript)
        return "\n".join(text.splitlines()[-lines:])

    def close(self):
        """Switch the machine off."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        if self._process:
            self._process.wait()
        for line in self._lines.values():
            line.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, vmlinuz, modules, load, files, append, memory, cpus, disk):
        initramfs = self._folder / "initramfs"
        initramfs.write_bytes(_initramfs(modules, load, files))
        listeners = {name: _listen(self._folder, name) for name in ("console", "commands")}
        command = [
            "qemu-system-x86_64", "-accel", self.accelerator,
            "-cpu", "max,la57=off", "-smp", str(cpus), "-m", memory, "-nodefaults", "-display", "none",
            "-no-reboot", "-kernel", os.path.abspath(vmlinuz), "-initrd", "initramfs",
            "-append", f"{COMMAND_LINE} {append}".strip(), "-serial", "unix:console", "-serial", "unix:commands"]
        if disk:
            command += ["-drive", f"file={os.path.abspath(disk)},format=raw,if=virtio"]
        self._process = subprocess.Popen(command, cwd=self._folder, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for name, listener in listeners.items():
            with listener:
                self._lines[name] = self._accept(listener)
        self._selector = selectors.DefaultSelector()
        for name, line in self._lines.items():
            self._selector.register(line, selectors.EVENT_READ, name)

    def _accept(self, listener):
        listener.settimeout(0.2)
        while True:
            try:
                return listener.accept()[0]
            except socket.timeout:
                if self._process.poll() is not None:
                    message = self._process.stderr.read().decode(errors="replace")
                    raise MachineError(f"qemu did not start: {message}") from None

    def _read_until(self, pattern, timeout):
        deadline = time.monotonic() + timeout
        expression = re.compile(pattern)
        while True:
            match = expression.search(self._pending)
            if match:
                text = self._pending[:match.start()]
                self._pending = self._pending[match.end():]
                self._note("commands", text)
                return match, text
            left = deadline - time.monotonic()
            if left <= 0:
                self._note("commands", self._pending)
                raise MachineError(f"no answer within {timeout} s; last seen:\n{self.tail()}")
            for key, _ in self._selector.select(min(left, 1.0)):
                self._receive(key.data, key.fileobj)

    def _receive(self, name, line):
        data = line.recv(65536)
        if not data:
            self._take_last_words()
            said = self._process.communicate()[1].decode(errors="replace")
            raise MachineError(f"the machine stopped: {said}; last seen:\n{self.tail()}")
        text = data.decode(errors="replace").replace("\r", "")
        if name == "console":
            self._note(name, text)
        else:
            self._pending += text

    def _take_last_words(self):
        """What the kernel said before the machine went, which may be unread when the other line is closed already."""
        console = self._lines["console"]
        console.settimeout(5)
        try:
            while data := console.recv(65536):
                self._note("console", data.decode(errors="replace").replace("\r", ""))
        except OSError:
            pass

    def _note(self, source, text):
        if text:
            self.transcript.append((source, text))
            if self._echo:
                self._echo(source, text)


def _listen(folder, name):
    """A socket's address holds 108 bytes, and a folder's path may be longer: it goes by the folder's descriptor."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)
    listener.listen(1)
    return listener


def _initramfs(modules, load, files):
    """Bytes of the archive: busybox, our init, the modules with their order, files."""
    archive = Archive()
    busybox = shutil.which("busybox")
    if not busybox:
        raise MachineError("busybox is missing (package busybox-static)")
    archive.file("bin/busybox", pathlib.Path(busybox).read_bytes(), 0o755)
    archive.file("init", (GUEST / "init").read_bytes(), 0o755)
    for name in ("functions", "serve"):
        archive.file(f"vm/{name}", (GUEST / name).read_bytes())
    archive.directory("dev")
    archive.character_device("dev/console", 5, 1)
    archive.character_device("dev/ttyS1", 4, 65)
    for name in load:
        order = modules.load_order(name)
        for path in order:
            archive.file(f"vm/modules/{module_name(path)}.ko", read_module(path))
        lines = "".join(f"/vm/modules/{module_name(path)}.ko\n" for path in order)
        archive.file(f"vm/order/{name.replace('-', '_')}", lines)
    for path, content in files.items():
        data = content if isinstance(content, bytes) else pathlib.Path(content).read_bytes()
        archive.file(path, data, 0o755)
    return archive.to_bytes()
