# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster of Slurm on this machine: a controller and nodes of one processor each (Debian's slurm-wlm, as root)."""

import contextlib
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import time

from results import Failed, Skipped

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
SECONDS = 60
FIRST_PORT = 16817

CONFIGURATION = """\
ClusterName=klp
SlurmctldHost={host}
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdTimeout=5
MpiDefault=none
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def _await(what, condition):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {SECONDS} s")
        time.sleep(0.1)


def _processes_of(node):
    """Those of its jobs, each behind the slurmstepd that would tell of its end."""
    wanted = f"SLURMD_NODENAME={node}".encode()
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (place / "environ").read_bytes().split(b"\0"):
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                if pathlib.Path(f"/proc/{parent}/comm").read_text().startswith("slurmstepd"):
                    found.insert(0, parent)
                found.append(int(place.name))
    return found


class Cluster:
    def __init__(self, folder, names):
        self.folder, self.names = folder, names
        self.environment = dict(os.environ, SLURM_CONF=str(folder / "slurm.conf"))
        self.processes = {}

    def start(self):
        host = os.uname().nodename
        for place in ("state", *(f"spool.{name}" for name in self.names)):
            (self.folder / place).mkdir()
        nodes = "\n".join(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={FIRST_PORT + 1 + i} CPUs=1 State=UNKNOWN"
                          for i, name in enumerate(self.names))
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(host=f"{host}(127.0.0.1)", port=FIRST_PORT, folder=self.folder, nodes=nodes))
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        self._run("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket",
                  f"--pid-file={self.folder}/munge.pid", f"--log-file={self.folder}/munge.log",
                  f"--seed-file={self.folder}/munge.seed")
        _await("munged", (self.folder / "munge.socket").exists)
        self._run("slurmctld", "-D")
        for name in self.names:
            self._run("slurmd", "-D", "-N", name, called=name)
        _await("the nodes", lambda: self.states().count("idle") == len(self.names))

    def _run(self, program, *words, called=None):
        called = called or program
        with open(self.folder / f"{called}.out", "wb") as log:
            self.processes[called] = subprocess.Popen([shutil.which(program), *words], stdout=log, stderr=subprocess.STDOUT,
                                                      env=self.environment)

    def states(self):
        shown = subprocess.run(["sinfo", "-h", "-N", "-o", "%t"], env=self.environment, capture_output=True, text=True,
                               check=False)
        return shown.stdout.split()

    def kill_node(self, name):
        """As a machine that loses its power: the daemon and all that it runs."""
        process = self.processes.pop(name)
        children = _processes_of(name)
        process.kill()
        process.wait()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def stop(self):
        for process in reversed(self.processes.values()):
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster(folder, *names):
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing or os.geteuid() != 0:
        raise Skipped(f"a cluster needs root and Debian's slurm-wlm; missing: {', '.join(missing) or 'root'}")
    place = pathlib.Path(folder) / "cluster"
    place.mkdir(mode=0o755)
    made = Cluster(place, names)
    try:
        made.start()
        yield made
    finally:
        made.stop()
