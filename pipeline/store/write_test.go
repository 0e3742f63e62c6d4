package store

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"disk full", syscall.ENOSPC, "free space there"},
		{"quota", syscall.EDQUOT, "free space there"},
		{"read-only file system", syscall.EROFS, "make the folder writable"},
		{"no permission", syscall.EACCES, "make the folder writable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := explain("/store/blobs/aa/bb", &fs.PathError{Op: "write", Path: "/store/blobs/aa/new-1", Err: test.err})
			if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "/store/blobs/aa/bb") {
				t.Errorf("error %v", err)
			}
		})
	}
}
