package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/mage-os/nightly/pipeline"
)

// mkdir makes a directory and those above it, each 0755.
func (f *folder) mkdir(name string) error {
	dir := f.path(name)
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is no directory; move it away", dir)
		}
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir && dir != f.dir {
		if err := f.mkdir(filepath.ToSlash(filepath.Dir(name))); err != nil {
			return err
		}
	} else if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	// Two dists of one vendor are written at the same time.
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f.touch(filepath.Dir(dir))
	return os.Chmod(dir, 0o755)
}

// touch notes that a directory got or lost an entry.
func (f *folder) touch(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirty[dir] = true
}

// sync makes the entries of all touched directories durable.
func (f *folder) sync() error {
	f.mu.Lock()
	dirs := f.dirty
	f.dirty = map[string]bool{}
	f.mu.Unlock()
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := syncDir(dir); err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a temporary folder that was renamed since, or one that was swept
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// count notes one file as written or as there already.
func (f *folder) count(name string, size int64, same bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if same {
		f.unchanged++
		return
	}
	f.added++
	f.bytes += size
	f.log.Info("publish file", slog.String("path", name), slog.Int64("bytes", size), slog.Bool("dry-run", f.dry))
}

// step reports that one more step was done.
func (f *folder) step(item string) {
	f.mu.Lock()
	f.done++
	done, total := f.done, f.total
	f.mu.Unlock()
	f.progress(pipeline.Step{Stage: Name, Item: item, Done: int64(done), Total: int64(total), Unit: "files"})
}

// remove takes files and folders away, in the order given. A folder goes by one
// rename, so that it is never seen in part.
func (f *folder) remove(ctx context.Context, names []string) error {
	for i, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.log.Info("remove from repository", slog.String("path", name), slog.Bool("dry-run", f.dry))
		if !f.dry {
			gone := f.path(tempDir + "/removed-" + strconv.Itoa(i))
			if err := os.Rename(f.path(name), gone); err != nil {
				return err
			}
			f.touch(filepath.Dir(f.path(name)))
			// What a later one names must not go before this is durable.
			if err := errors.Join(f.sync(), os.RemoveAll(gone)); err != nil {
				return err
			}
		}
		f.step(name)
	}
	return nil
}

func sorted(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }

func digest(data []byte) pipeline.Digest {
	sum := sha256.Sum256(data)
	return pipeline.Digest(hex.EncodeToString(sum[:]))
}
