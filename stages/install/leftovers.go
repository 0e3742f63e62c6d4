package install

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// leftovers looks for what is left of an installation that has ended, and ends
// it: processes that went into the background, sockets and mounts.
func (s *shop) leftovers(ctx context.Context) error {
	left := holders(s.dir.path(pidfile))
	for _, pid := range left {
		s.notice("machine", "left behind", commandOf(pid))
	}
	if err := endAll(ctx, left, s.options.Log); err != nil {
		return err
	}
	if found := mounts(s.dir.root); len(found) > 0 {
		return &MachineError{Err: fmt.Errorf("the installation left mounts behind: %s", strings.Join(found, ", ")), Do: "unmount them"}
	}
	sockets, err := s.sockets()
	if err != nil {
		return err
	}
	if len(sockets) > 0 {
		return fmt.Errorf("the installation left sockets behind: %s", strings.Join(sockets, ", "))
	}
	if len(left) == 0 {
		s.prove("nothing left", "no process, socket or mount of the installation is left")
	}
	return nil
}

// sockets are those in the work folder, but for the project and its packages,
// which are large and hold none.
func (s *shop) sockets() ([]string, error) {
	var found []string
	for _, dir := range []string{"db", "home", "tmp", "logs"} {
		err := filepath.WalkDir(s.dir.path(dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type() == fs.ModeSocket {
				found = append(found, path)
			}
			if d == nil {
				return nil // there is no such folder
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
