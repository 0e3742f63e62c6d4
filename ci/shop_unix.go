//go:build unix

package ci

import (
	"io/fs"
	"os"
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
