package ci

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages/dependencies/drift"
	"github.com/mage-os/nightly/stages/install"
	"github.com/mage-os/nightly/stages/publish/target"
)

func TestExitCode(t *testing.T) {
	cause := errors.New("cause")
	in := func(stage string, err error) error { return &pipeline.StageError{Stage: stage, Err: err} }
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"all is done", nil, 0},
		{"unknown", cause, 1},
		{"a wrong flag", usagef("%w", cause), 2},
		{"a line that is not valid, shown already", &display.ShownError{Err: fmt.Errorf("load: %w", &config.Error{Err: cause})}, 2},
		{"a source that is not reachable, in any stage", in("build", &releases.SourceError{Err: cause}), 3},
		{"a checkout that fails", in("checkout", cause), 3},
		{"dependencies", in("dependencies", cause), 4},
		{"a package that cannot be read for drift", in("drift", cause), 4},
		{"what is new and unreachable", alarm(make([]drift.Finding, 1)), 8},
		{"a night that is not what was published", coded(exitDiffers, "%w", cause), 9},
		{"a repository that was tampered with", &display.ShownError{Err: coded(exitUntrusted, "%w", cause)}, 10},
		{"a repository without a new night", coded(exitStale, "%w", cause), 11},
		{"packages that cannot be built", in("build", errors.Join(cause, cause)), 4},
		{"what does not install", &display.ShownError{Err: in("install", cause)}, 5},
		{"what does not install in a cell", in("install php8.3", cause), 5},
		{"a release whose tag is taken", &display.ShownError{Err: in("tags", cause)}, 12},
		{"a release commit that cannot be composed", in("commit", cause), 4},
		{"publishing", in("publish", cause), 6},
		{"a target that is none", in("publish", &target.AddressError{Err: cause}), 2},
		{"a machine that cannot install", in("install", &install.MachineError{Err: cause}), 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := exitCode(test.err); got != test.want {
				t.Errorf("exit code %d, want %d", got, test.want)
			}
		})
	}
}
