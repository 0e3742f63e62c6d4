package container_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programDir is for program; TestMain makes and removes it.
var programDir string

// program is built once for all tests that need it.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "stage")
	cmd := exec.Command("go", "build", "-o", path, "./testdata/stage")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = errors.New(err.Error() + "\n" + string(out))
	}
	return path, err
})

func TestMain(m *testing.M) {
	if os.Getenv(fakeDaemon) != "" && filepath.Base(os.Args[0]) == "docker" {
		if err := fakeDocker(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "nightly-stage-")
	if err != nil {
		panic(err)
	}
	programDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
