"""Another machine: a real ``sshd`` on a free port, in whose world the same paths lead to other folders."""

import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

#: Programs of the system that an ordinary user's PATH leaves out.
_PLACES = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"


def _program(name):
    found = shutil.which(name, path=_PLACES)
    if found is None:
        if os.environ.get("ISOBASE_TEST_REQUIRE_ALL") == "1":
            raise RuntimeError(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


class Machine:
    """``host`` is its name for ``ssh``; what lies below ``here`` on this machine lies below ``there`` on it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.here, self.there = self.folder / "here", self.folder / "there"
        self.here.mkdir()
        self.there.mkdir()
        self.variables = {"RSYNC_RSH": str(self.folder / "ssh.sh")}
        self._server = None

    def start(self):
        sshd, keygen = _program("sshd"), _program("ssh-keygen")
        for program in ("ssh", "rsync"):
            _program(program)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        for key in ("host_key", "user_key"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key], check=True)
        self._write("elsewhere.sh", 'eval "$(printf %s "$SSH_ORIGINAL_COMMAND" | '
                    f"sed 's#{self.here}/#{self.there}/#g')\"\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (self.folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {self.folder}/host_key\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder}/user_key.pub\nStrictModes no\nPasswordAuthentication no\n"
            f"PermitRootLogin yes\nForceCommand {self.folder}/elsewhere.sh\n"
        )
        public = (self.folder / "host_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
        (self.folder / "ssh_config").write_text(
            f"Host *\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {self.folder}/user_key\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.folder}/known_hosts\n  BatchMode yes\n"
        )
        # rsync says `-l USER HOST COMMAND`; the account on the other machine is ours here.
        self._write("ssh.sh", f'shift 2\nexec ssh -F {self.folder}/ssh_config -l {getpass.getuser()} "$@"\n')
        log = open(self.folder / "sshd.log", "wb")
        self._server = subprocess.Popen([sshd, "-D", "-e", "-f", self.folder / "sshd_config"], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return self
            except OSError:
                if time.monotonic() > deadline or self._server.poll() is not None:
                    self.stop()
                    raise RuntimeError((self.folder / "sshd.log").read_text())
                time.sleep(0.02)

    def stop(self):
        self._server.terminate()
        self._server.wait()

    def _write(self, name, script):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
