//go:build !unix

package install

import (
	"context"
	"os"
	"os/exec"
)

// lock does nothing: there is no lock here that child processes hold as well.
func lock(context.Context, *os.File, func() error) error { return nil }

// group leaves the command alone; ending it ends only itself.
func group(*exec.Cmd) {}

func endGroup(*exec.Cmd) error { return nil }

// peakMemory is not measured here.
func peakMemory(*os.ProcessState) int64 { return 0 }
