package install

import (
	"context"
	"errors"
	"fmt"
)

// editions proves of the snapshot's other projects, such as that of a minimal edition,
// what level resolve proves of the one that is installed: that Composer creates it and
// resolves it to this snapshot's packages.
func (s *shop) editions(ctx context.Context) error {
	var errs []error
	for i, p := range s.candidate.Snapshot.Packages {
		if p.Type != "project" || p.Name == s.candidate.Snapshot.Project {
			continue
		}
		resolved := 0
		err := s.inOtherProject(fmt.Sprintf("edition-%d", i), func(other *shop) error {
			other.candidate.Snapshot.Project, other.candidate.Snapshot.Version = p.Name, p.Version
			defer func() { resolved = len(other.locked) }()
			return other.resolveEdition(ctx, "resolve "+p.Name)
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("edition %s: %w", p.Name, err))
			continue
		}
		s.prove("edition", "%s %s resolves, %d packages", p.Name, p.Version, resolved)
	}
	return errors.Join(errs...)
}

func (s *shop) resolveEdition(ctx context.Context, name string) error {
	return inOrder(ctx, s.creating("create "+s.candidate.Snapshot.Project, s.base, s.candidate.Snapshot.Version), s.pointAtSnapshot, s.resolving(name), s.checkResolved)
}
