//go:build unix

package ci

import (
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// asOwner is a command that root runs as the owner of a file: package code may have written it.
func asOwner(info fs.FileInfo, command ...string) []string {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return command
	}
	return append([]string{"setpriv", "--reuid=" + strconv.Itoa(int(owner.Uid)), "--regid=" + strconv.Itoa(int(owner.Gid)), "--clear-groups"}, command...)
}

// endAsGroup lets a command that is to end tell all that it has started.
func endAsGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}
