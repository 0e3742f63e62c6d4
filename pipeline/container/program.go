package container

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/releases"
)

// program is the import path of the program whose stages run in containers.
const program = "github.com/mage-os/nightly/ci/mageos-nightly"

// ProgramPath is where an image has this program that brings it.
const ProgramPath = programPath

// machines are the architectures of engines, as ELF names them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Program gives this program as a static linux binary for Options.Program: the given file or
// image, itself if it is one, else built into a folder from the source in which it runs.
func Program(ctx context.Context, given, dir, arch string) (string, error) {
	if given != "" {
		path, err := filepath.Abs(given)
		if _, missing := os.Stat(path); missing != nil && releases.IsImageReference(given) && strings.ContainsAny(given, ":@") {
			return given, nil
		}
		if err == nil {
			err = static(path, arch)
		}
		if err != nil {
			return "", fmt.Errorf("--program %s: %w; make one with CGO_ENABLED=0 GOOS=linux GOARCH=%s go build -o %s ./ci/mageos-nightly", given, err, arch, given)
		}
		return path, nil
	}
	self, err := os.Executable()
	if err == nil && static(self, arch) == nil {
		return self, nil
	}
	path := filepath.Join(dir, "mageos-nightly-linux-"+arch)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", path, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("containers need this program as a static binary for linux/%s, which this one is not, and go build cannot make it here: %w\n%s\nrun in a checkout of the project, or give one with --program, as that of a release: ghcr.io/mage-os/mageos-nightly:%s",
			arch, err, out, releases.Program)
	}
	return path, nil
}

// static says whether a file is a static linux program of the architecture.
func static(path, arch string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("it is no linux program: %w", err)
	}
	defer f.Close()
	if want, known := machines[arch]; known && f.Machine != want {
		return fmt.Errorf("it is for %v, and the engine for %s", f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("it is linked dynamically")
		}
	}
	return nil
}
