# SPDX-License-Identifier: Apache-2.0
"""`discoc launch`: the programs of a shipped sample started by mpirun, by ssh
to a server of our own on loopback, and by a stand-in for Slurm's srun that
hands its list of programs to mpirun (there is no Slurm here).

Outputs have the bits of `discoc run` of the same programs, whose notes come
back as a trace, and so have those
of the files that `compile` writes for launchers. A rank that is killed, and a
host whose connection is lost, is named; the exit code is 4, and no process
stays; nor does one after INT, TERM and KILL of discoc. Folders and files have
names that a shell must not read.

    launch.py [--full]       eight nodes, and more moments
"""

import contextlib
import getpass
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import samples  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import discoc  # noqa: E402
import mpi  # noqa: E402
import ort  # noqa: E402

HOSTILE = "it's \"a\" $(touch pwned)\n; `touch pwned` &"
# Where cmake builds, too, which does not bear all of these.
HOSTILE_BUILD = "it's a & place"
DEADLINE = 3.0
# More ranks than processors.
SETTINGS = dict(mpi.SETTINGS, OMPI_MCA_rmaps_base_oversubscribe="1")
ENDLESS = ["--repeat", "100000000", "--deadline-ms", str(int(DEADLINE * 1000))]
EXIT_USAGE, EXIT_RUN, EXIT_INTERRUPTED = 2, 4, 6
SRUN = """#!/usr/bin/python3
# A stand-in for srun: starts what its list says with mpirun.
import os, shlex, sys
words = sys.argv[1:]
count, path = words[words.index("-n") + 1], words[words.index("--multi-prog") + 1]
assert os.path.basename(path) == path or path.startswith("launch/"), path
command = ["mpirun"]
with open(path, encoding="ascii") as file:
    rows = [line.split(None, 1) for line in file if not line.startswith("#")]
assert [int(rank) for rank, _ in rows] == list(range(int(count))), rows
for _, line in rows:
    command += [":"] * (len(command) > 1) + ["-np", "1", *line.split()]
os.execvp("mpirun", command)
"""
CMAKE = """#!/bin/sh
# Quick builds.
[ "$1" = -S ] && set -- "$@" -DCMAKE_CXX_FLAGS_RELEASE=-O1
exec {cmake} "$@"
"""


class Server:
    """An sshd on loopback that lets this user in, and what ssh needs to know
    of it."""

    def __init__(self, folder):
        self.folder, self.port = folder, cluster.free_ports(1)[0]
        os.makedirs(os.path.join(folder, "bin"))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            os.path.join(folder, name)], check=True)
        path = write(folder, "bin/cmake", CMAKE.format(
            cmake=shlex.quote(shutil.which("cmake"))), 0o755)
        config = write(folder, "sshd_config", f"""\
Port {self.port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
MaxStartups 100
SetEnv PATH={os.path.dirname(path)}:/usr/local/bin:/usr/bin:/bin DISCO_WERROR=ON
""")
        self.client = write(folder, "ssh_config", f"""\
Host 127.0.0.1 far away
  HostName 127.0.0.1
  Port {self.port}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
""")
        self.log = open(os.path.join(folder, "sshd.log"), "wb")
        self.process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", config],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def answers(self):
        """Whether it lets us in; a container may not let it."""
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            if subprocess.run(["ssh", "-F", self.client, "-o", "BatchMode=yes",
                               "127.0.0.1", "true"], capture_output=True,
                              stdin=subprocess.DEVNULL).returncode == 0:
                return True
            time.sleep(0.2)
        return False

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def write(folder, name, text, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


class Case:
    """A sample whose programs are built, in a folder of a hostile name."""

    def __init__(self, nodes, folder):
        os.makedirs(folder)
        sample = samples.Sample(samples.DIGITS, nodes, folder, extra=["--trace"])
        for rank in cluster.ranks_of(sample.out):
            mpi.build(rank, "-DDISCO_MPI=ON", place="build/mpi")
            # Without --mpi it does not ask for MPI.
            shutil.copy2(os.path.join(rank, "build", "mpi", "shard"),
                         os.path.join(rank, "build", "shard"))
        self.nodes, self.outputs = nodes, sample.outputs
        self.folder = os.path.join(folder, HOSTILE)
        os.makedirs(self.folder)
        self.out = os.path.join(self.folder, "out " + HOSTILE)
        os.rename(sample.out, self.out)
        self.inputs = []
        for word in cluster.save_inputs(sample.feeds, self.folder)[1::2]:
            name, _, path = word.partition("=")
            moved = os.path.join(self.folder, f"in {HOSTILE}.npy")
            os.rename(path, moved)
            self.inputs += ["--input", f"{name}={moved}"]
            self.input = name, moved
        done = self.run("run", "--output-dir", self.path("want"))
        if done.returncode:
            raise cluster.RunError(done.returncode, done.stderr)
        self.want = self.read(self.path("want"))
        self.traffic = json.loads(done.stdout)["exchanged"]

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, folder):
        return {name: value.tobytes() for name, value in
                cluster.load_outputs(self.outputs, folder).items()}

    def command(self, verb, *more):
        return [discoc.binary(), verb, self.out, *self.inputs, *more]

    def run(self, verb, *more, env=None):
        return subprocess.run(
            self.command(verb, "--json", *more), capture_output=True, text=True,
            timeout=300, stdin=subprocess.DEVNULL, cwd=self.folder,
            env=dict(os.environ, **SETTINGS, **(env or {})))


def check_results(tally, name, case, *more, env=None):
    target, trace = case.path(f"{name} {HOSTILE}"), case.path(f"{name} {HOSTILE}.trace")
    done = case.run("launch", "--output-dir", target, "--trace", trace, *more, env=env)
    if not tally.check(f"{name} ends well", done.returncode == 0,
                       f"exit code {done.returncode}: {done.stderr[-1500:]}"):
        return
    report = json.loads(done.stdout)
    tally.check(f"{name} bits", case.read(target) == case.want,
                "not those of discoc run")
    tally.check(f"{name} traffic", report["exchanged"] == case.traffic,
                f"{report['exchanged']}, discoc run {case.traffic}")
    shown = json.loads(subprocess.run([discoc.binary(), "trace", trace, "--json"],
                                      capture_output=True, timeout=60).stdout or "{}")
    tally.check(f"{name} trace", shown.get("inferences") == 1 and
                len(shown["nodes"]) == case.nodes and shown["late"], str(shown)[:300])
    said = [f"rank {k}: all {case.nodes} nodes are there"
            for k in range(case.nodes)]
    tally.check(f"{name} says what the ranks do",
                all(line in done.stderr.splitlines() for line in said),
                done.stderr)


def processes(folder):
    """{pid: rank} of the programs that lie in `folder`."""
    found = {}
    for pid in mpi.running(folder):
        with contextlib.suppress(OSError):  # it has ended
            path = os.readlink(f"/proc/{pid}/exe")
            part = next(p for p in path.split(os.sep)[::-1]
                        if p.startswith("node"))
            found[pid] = int(part[4:].split("-")[0])
    return found


def none_stays(folder, seconds=10):
    until = time.monotonic() + seconds
    while mpi.running(folder) and time.monotonic() < until:
        time.sleep(0.1)
    return mpi.running(folder)


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def connection_of(pid, server):
    """The sshd processes between a program and the server."""
    found = []
    while pid > 1 and pid != server.process.pid:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read().startswith(b"sshd: "):
                found.append(pid)
        pid = parent_of(pid)
    return found


def check_end(tally, name, case, folder, victim, code, words, *more, env=None):
    """Something happens to a job that runs without end."""
    with open(case.path("stderr"), "w+", encoding="utf-8") as err:
        job = subprocess.Popen(
            case.command("launch", *ENDLESS, *more), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=err, cwd=case.folder,
            # HUP would stay ignored where it is, under nohup.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            env=dict(os.environ, **SETTINGS, **(env or {})))
        try:
            said, until = "", time.monotonic() + 90
            while said.count("nodes are there") < case.nodes and \
                    time.monotonic() < until and job.poll() is None:
                time.sleep(0.05)
                err.seek(0)
                said = err.read()
            ranks = processes(folder)
            if sorted(ranks.values()) != list(range(case.nodes)):
                return tally.fail(name, f"it does not run: {ranks} {said}")
            began = time.monotonic()
            victim(job, {rank: pid for pid, rank in ranks.items()})
            try:
                got = job.wait(DEADLINE + mpi.GRACE + mpi.SLACK)
            except subprocess.TimeoutExpired:
                got = None
            took = time.monotonic() - began
            left = none_stays(folder)
            err.seek(0)
            said = err.read()
        finally:
            if job.poll() is None:
                job.terminate()
                job.wait()
            for pid in mpi.running(folder):
                os.kill(pid, signal.SIGKILL)
    print(f"     {name}: exit code {got} after {took:.1f} s")
    tally.check(f"{name}: exit code", got == code, f"{got}: {said[-1500:]}")
    tally.check(f"{name}: who", words in said, said[-1500:])
    tally.check(f"{name}: nothing stays", not left, str(left))


def kill_rank(rank):
    return lambda _, ranks: os.kill(ranks[rank], signal.SIGKILL)


def mpirun_of(job):
    """The pid of the launcher that discoc has started."""
    with open(f"/proc/{job.pid}/task/{job.pid}/children",
              encoding="ascii") as file:
        return int(file.read().split()[0])


def signal_to(number):
    return lambda job, _: job.send_signal(number)


def lose_host(rank, server):
    def lose(_, ranks):
        for pid in connection_of(ranks[rank], server):
            os.kill(pid, signal.SIGKILL)
    return lose


def check_mpirun(tally, case, full):
    check_results(tally, f"mpirun N={case.nodes}", case, "--with", "mpirun",
                  "--launcher-option=--oversubscribe")
    if case.nodes != 2:
        return
    with_mpirun = ("--with", "mpirun")
    check_end(tally, "mpirun, killed", case, case.out, kill_rank(1), EXIT_RUN,
              "rank 1 failed first: signal 9 (Killed)", *with_mpirun)
    check_end(tally, "mpirun, discoc killed", case, case.out,
              signal_to(signal.SIGKILL), -signal.SIGKILL, "", *with_mpirun)
    if full:
        check_end(tally, "mpirun itself killed", case, case.out,
                  lambda job, _: os.kill(mpirun_of(job), signal.SIGKILL),
                  EXIT_RUN, "mpirun ended with signal 9 (Killed)", *with_mpirun)
        check_end(tally, "mpirun, stopped", case, case.out, lambda _, ranks:
                  os.kill(ranks[1], signal.SIGSTOP), EXIT_RUN,
                  "rank 1 failed first: ", *with_mpirun)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            check_end(tally, f"mpirun, {number.name}", case, case.out,
                      signal_to(number), EXIT_INTERRUPTED, "interrupted",
                      *with_mpirun)


def check_srun(tally, case, folder):
    """A stand-in: the list of programs, no Slurm."""
    env = {"PATH": folder + os.pathsep + os.environ["PATH"]}
    write(folder, "srun", SRUN, 0o755)
    check_results(tally, f"srun (stand-in) N={case.nodes}", case, "--with",
                  "srun", env=env)
    check_files(tally, case, env)


def check_files(tally, case, env):
    """What compile wrote for launchers, as docs/running.md says."""
    name, path = case.input
    inputs = os.path.join(case.out, "inputs")
    os.mkdir(inputs)
    shutil.copy(path, os.path.join(inputs, f"{name}.npy"))
    for file, command in (
            ("openmpi.app", ["mpirun", "--app", "launch/openmpi.app"]),
            ("slurm.conf", ["srun", "-n", str(case.nodes), "--multi-prog",
                            "launch/slurm.conf"])):
        done = subprocess.run(command, cwd=case.out, capture_output=True,
                              text=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, **SETTINGS, **env))
        outputs = os.path.join(case.out, "outputs")
        if tally.check(f"{file} starts them", done.returncode == 0,
                       done.stderr[-1000:]):
            tally.check(f"{file} bits", case.read(outputs) == case.want, "")
            shutil.rmtree(outputs)
    shutil.rmtree(inputs)


def check_hosts(tally, folder):
    """The host files of a cluster file with addresses."""
    path = write(folder, "cluster.toml", "".join(
        f'[[node]]\naddress = "{a}"\n' for a in
        ("10.0.0.2:7000", "[fd00::2]:7001", "10.0.0.2:7002")))
    out = os.path.join(folder, "hosts")
    discoc.compile(samples.DIGITS, 3, out, shapes={"image": [1, 1, 8, 8]},
                   extra=["--cluster", path])
    texts = {}
    for name in os.listdir(os.path.join(out, "launch")):
        with open(os.path.join(out, "launch", name), encoding="ascii") as file:
            texts[name] = file.read()
    tally.check("hosts", texts["hosts"] == "10.0.0.2\nfd00::2\n10.0.0.2\n",
                texts["hosts"])
    tally.check("peers", texts["peers"] == "0 10.0.0.2:7000\n1 [fd00::2]:7001\n"
                "2 10.0.0.2:7002\n", texts["peers"])
    tally.check("hosts of openmpi.app",
                "-np 1 -host 10.0.0.2:2 node0/build/mpi/shard --mpi "
                in texts["openmpi.app"], texts["openmpi.app"])


def check_ssh(tally, case, server, folder, full):
    remote = os.path.join(folder, HOSTILE_BUILD)
    port = str(cluster.free_ports(1)[0])
    over_ssh = ("--with", "ssh", "--host", f"0={getpass.getuser()}@127.0.0.1",
                "--host", "1=127.0.0.1", "--port", port, "--remote-dir", remote,
                "--launcher-option=-F", "--launcher-option=" + server.client)
    check_results(tally, "ssh", case, *over_ssh)
    built = os.listdir(remote)
    check_results(tally, "ssh again", case, *over_ssh)
    tally.check("ssh: nothing stays but the programs",
                sorted(os.listdir(remote)) == sorted(built) and
                sorted(n.split("-")[0] for n in built) == ["node0", "node1"],
                f"{built}, {os.listdir(remote)}")
    check_end(tally, "ssh, killed", case, remote, kill_rank(1), EXIT_RUN,
              "rank 1 failed first: signal 9 (Killed)", *over_ssh)
    check_end(tally, "ssh, host lost", case, remote, lose_host(1, server), EXIT_RUN,
              "rank 1 failed first: ", *over_ssh)
    check_end(tally, "ssh, interrupted", case, remote,
              signal_to(signal.SIGTERM), EXIT_INTERRUPTED, "interrupted",
              *over_ssh)
    if full:
        check_end(tally, "ssh, root killed", case, remote, kill_rank(0),
                  EXIT_RUN, "rank 0 failed first: ", *over_ssh)
        check_end(tally, "ssh, discoc killed", case, remote,
                  signal_to(signal.SIGKILL), -signal.SIGKILL, "", *over_ssh)


def check_refused(tally, case):
    for name, code, words, more in (
            ("a host that a shell would read", EXIT_USAGE, "is not RANK=HOST",
             ["--with", "ssh", "--host", "0=$(touch pwned)"]),
            ("a host that is an option", EXIT_USAGE, "is not RANK=HOST",
             ["--with", "ssh", "--host", "0=-oProxyCommand=pwned"]),
            ("no host", 1, "no host is stated for rank 0", ["--with", "ssh"]),
            ("a host too many", 1, "the model has ranks 0 to 1",
             ["--with", "ssh", "--host", "2=far"]),
            ("a host that is not there", 3, "does not build on its host",
             ["--with", "ssh", "--host", "0=127.0.0.1", "--host", "1=127.0.0.1",
              "--launcher-option=-p", "--launcher-option=1"])):
        done = case.run("launch", *more)
        tally.check(name, done.returncode == code and words in done.stderr,
                    f"exit code {done.returncode}: {done.stderr}")


def check_all(tally, folder, full):
    case = Case(2, os.path.join(folder, "two"))
    check_refused(tally, case)
    check_hosts(tally, folder)
    check_results(tally, "local", case, "--with", "local")
    check_mpirun(tally, case, full)
    check_srun(tally, case, folder)
    for nodes in (3, 8) if full else (3,):
        check_mpirun(tally, Case(nodes, os.path.join(folder, str(nodes))), full)
    if not os.access("/usr/sbin/sshd", os.X_OK):
        tally.skip("ssh", "no sshd (scripts/setup test installs it)")
    else:
        server = Server(os.path.join(folder, "server"))
        try:
            if server.answers():
                check_ssh(tally, case, server, folder, full)
            else:
                tally.skip("ssh", "sshd lets nobody in here")
        finally:
            server.close()
    found = [os.path.join(where, "pwned") for where, _, names in
             os.walk(folder) if "pwned" in names]
    tally.check("no shell has read a name", not found, str(found))


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    if not shutil.which("mpirun"):
        tally.skip("all", "no mpirun (scripts/setup test installs it)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-launch-") as folder:
        try:
            check_all(tally, folder, "--full" in sys.argv)
        except (discoc.CompileError, cluster.BuildError,
                cluster.RunError) as error:
            tally.fail("launch", f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
