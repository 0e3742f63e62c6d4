package remote

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// inNamespace goes on in a process of its own, in a network of its own that has the
// public address 203.0.113.1, where it gives true.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("NIGHTLY_IN_NAMESPACE") != "" {
		return true
	}
	cmd := exec.Command("sh", "-c", `ip link set lo up && ip address add 203.0.113.1/32 dev lo || exit 77; exec "$@"`,
		"sh", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "NIGHTLY_IN_NAMESPACE=1")
	ids := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET, UidMappings: ids(os.Getuid()), GidMappings: ids(os.Getgid())}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 77:
		t.Skipf("skipping: this machine gives no network of its own: %v: %s", err, out)
	case err != nil:
		t.Fatalf("%v: %s", err, out)
	}
	return false
}
