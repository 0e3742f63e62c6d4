package install

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// A shop is one installation while it is made.
type shop struct {
	options   Options
	candidate stages.Candidate
	programs  programs
	dir       *folder
	folder    string         // of the project, in the work folder
	base      string         // URL of the served snapshot, with a slash at its end
	now       releases.Level // that is being proven
	done      int64          // steps so far,
	total     int64          // and in all
	commands  int            // run so far
	proven    []stages.Proof
	notProven []stages.Proof
	steps     []stages.Step
	packages  []stages.InstalledPackage
	locked    []composer.LockPackage // of composer.lock, once it is there
	built     []module               // of our packages, once they are installed
	indexes   []string               // that are built
	tests     []stages.TestSuite
	red       error // of tests, which is told once all else is proven
	noticed   []stages.Notice
	database  *database // from level setup on
	mariadb   []string  // command of our own; none: it was given
	search    *search
	web       *web
	beside    []string       // environment of Magento's commands while compiling goes on
	compiling *compilation   // beside the set-up; nil: none
	ending    []func() error // in reverse order
}

// prove notes a step that passed.
func (s *shop) prove(step, format string, values ...any) {
	s.proven = append(s.proven, stages.Proof{Step: step, Detail: fmt.Sprintf(format, values...)})
}

// skip notes what the level would prove elsewhere.
func (s *shop) skip(step, format string, values ...any) {
	s.notProven = append(s.notProven, stages.Proof{Step: step, Detail: fmt.Sprintf(format, values...)})
}

// record notes how long a step took, since began, and what memory it took.
func (s *shop) record(name string, began time.Time, memory int64) {
	s.steps = append(s.steps, stages.Step{
		Level: s.now, Name: name, Millis: s.options.Now().Sub(began).Milliseconds(), Memory: memory,
	})
}

// project is the folder of the installed project.
func (s *shop) project() string { return s.dir.path(s.folder) }

// in is a path of the installed project, given with slashes.
func (s *shop) in(path string) string { return filepath.Join(s.project(), filepath.FromSlash(path)) }
