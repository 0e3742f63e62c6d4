package checkout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Pruned says what Prune removed.
type Pruned struct {
	Repositories int
	Bytes        int64
}

// Prune removes from Options.Dir the git objects of repositories that no checkout
// has used since then; the next checkout fetches them anew. A repository that is
// being checked out stays. Without a folder there is nothing to remove.
func Prune(ctx context.Context, dir string, before time.Time) (Pruned, error) {
	locks, err := filepath.Glob(filepath.Join(dir, "*"+lockSuffix))
	if err != nil {
		return Pruned{}, err
	}
	var done Pruned
	for _, lock := range locks {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		size, err := pruneOne(lock, before)
		if err != nil {
			return done, fmt.Errorf("remove unused git objects: %w", err)
		}
		if size > 0 {
			done.Repositories++
			done.Bytes += size
		}
	}
	return done, nil
}

// pruneOne removes what a lock stands for, unless it was used since then, or is.
// The lock stays: removed, two processes could each hold one of that name.
func pruneOne(file string, before time.Time) (size int64, err error) {
	lock := flock.New(file)
	free, err := lock.TryLock()
	if err != nil || !free {
		return 0, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	used, err := os.Stat(file)
	if err != nil || !used.ModTime().Before(before) {
		return 0, err
	}
	dir := file[:len(file)-len(lockSuffix)]
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return size, errors.Join(err, os.RemoveAll(dir))
}
