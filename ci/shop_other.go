//go:build !unix

package ci

import "io/fs"

// asOwner is the command: there is no root here.
func asOwner(_ fs.FileInfo, command ...string) []string { return command }
