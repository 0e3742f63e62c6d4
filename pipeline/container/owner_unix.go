//go:build unix

package container

import "golang.org/x/sys/unix"

// ownerOf is the user to whom a file belongs.
func ownerOf(path string) (int, error) {
	var info unix.Stat_t
	err := unix.Lstat(path, &info)
	return int(info.Uid), err
}
