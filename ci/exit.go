package ci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/release"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages/install"
	"github.com/mage-os/nightly/stages/publish/target"
)

// The exit codes that a workflow can branch on. They are documented in the
// README.
const (
	exitOK          = 0
	exitInternal    = 1   // anything else: a full disk, a defect of this program
	exitConfig      = 2   // a flag, a line or a plan that is not valid; a missing tool
	exitSource      = 3   // a source cannot be reached, or has not what was asked
	exitBuild       = 4   // the packages cannot be built
	exitInstall     = 5   // what was built does not install
	exitPublish     = 6   // publishing failed; the target is as it was
	exitMachine     = 7   // the machine is at fault: a tool that fails, no room
	exitDrift       = 8   // a package uses what is new, and no require leads there
	exitDiffers     = 9   // what is there is not what it should be: rebuilt bytes, an organization, a mirror
	exitUntrusted   = 10  // a published repository is not what was signed
	exitStale       = 11  // a published repository got no new night for too long
	exitRelease     = 12  // a branch, a tag or the release on GitHub is not written
	exitInterrupted = 130 // Ctrl-C
)

// usagef is a mistake on the command line or in the environment.
func usagef(format string, args ...any) error {
	return config.Errorf(format, args...)
}

// unread is a mistake in a flag that names a file or folder: why it cannot be read, and where
// there is none, what to give.
func unread(flag, name string, err error, advice string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("%s %s: there is none; %s", flag, name, advice)
	}
	return usagef("%s %s: %w", flag, name, err)
}

// makeFolder makes the folder that a flag names, if it does: where nothing can be written, that
// is said before the work.
func makeFolder(flag, dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usagef("%s %s: %w; choose a folder that can be written", flag, dir, err)
	}
	return nil
}

// A codedError ends the program with an exit code of its own: what was done is done, and
// it is bad news.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// coded is bad news with its exit code.
func coded(code int, format string, args ...any) error {
	return &codedError{code, fmt.Errorf(format, args...)}
}

func exitCode(err error) int {
	var (
		address *target.AddressError
		config  *config.Error
		source  *releases.SourceError
		machine *install.MachineError
		engine  *container.EngineError
		service *container.ServiceError
		sandbox *container.SandboxError
		inside  *container.ExecError
		own     *codedError
		stage   *pipeline.StageError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &config), errors.As(err, &address):
		return exitConfig
	case errors.As(err, &source):
		return exitSource
	case errors.As(err, &inside) && inside.Code > exitInternal && inside.Code <= exitMachine:
		return inside.Code // the same program ended with it
	case errors.As(err, &machine), errors.As(err, &engine), errors.As(err, &service), errors.As(err, &sandbox):
		return exitMachine
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &stage):
		return stageCode(stage.Stage)
	}
	return exitInternal
}

// stageCode is the exit code of a stage or step that failed by itself.
func stageCode(stage string) int {
	stage, _, _ = strings.Cut(stage, " ") // of a cell
	switch stage {
	case "checkout":
		return exitSource
	case "dependencies", "drift", "commit", "build":
		return exitBuild
	case "images":
		return exitMachine
	case "install":
		return exitInstall
	case "publish":
		return exitPublish
	case release.BranchesStep, release.TagsStep, release.GitHubStep:
		return exitRelease
	}
	return exitInternal
}
