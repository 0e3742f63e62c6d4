package runner

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// RemoveLeft removes what commands that were killed have left of their own stores
// and sandboxes in a store's folder, and that was not touched since.
func RemoveLeft(dir string, before time.Time) error {
	var errs []error
	for _, pattern := range []string{"own-*", "sandbox-*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		errs = append(errs, err)
		for _, left := range found {
			if info, err := os.Stat(left); err == nil && info.ModTime().Before(before) {
				errs = append(errs, os.RemoveAll(left))
			}
		}
	}
	return errors.Join(errs...)
}
