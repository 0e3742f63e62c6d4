package install

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/stages"
)

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
