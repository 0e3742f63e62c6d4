package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// A folder is the target of one run. Paths are slash-separated and relative to
// it. Files become 0644 and directories 0755 whatever the umask, because a web
// server is often another user.
type folder struct {
	dir      string
	dry      bool // write nothing, only count
	log      *slog.Logger
	progress pipeline.Progress
	total    int // steps, for the progress
	lock     *flock.Flock

	mu               sync.Mutex
	done             int
	added, unchanged int
	bytes            int64
	dirty            map[string]bool // directories whose entries are not synced yet
}

// open takes the target's lock, creating the folder if need be, and removes what
// a killed run left. A dry run takes no lock: it writes nothing.
func (f *folder) open(owner string) error {
	f.dirty = map[string]bool{}
	if err := f.mine(); err != nil || f.dry {
		return err
	}
	if err := f.mkdir("."); err != nil {
		return fmt.Errorf("publish to %s: %w", f.dir, err)
	}
	name := filepath.Join(f.dir, lockFile)
	f.lock = flock.New(name, flock.SetPermissions(0o644))
	held, err := f.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the repository: %w", err)
	}
	if !held {
		other, _ := os.ReadFile(name) // only to tell who
		return fmt.Errorf("%s is being published to by %s; wait until that run has ended", f.dir, describe(other))
	}
	err = errors.Join(os.WriteFile(name, []byte(owner+"\n"), 0o644), os.Chmod(name, 0o644), f.clean())
	if err != nil {
		return errors.Join(fmt.Errorf("publish to %s: %w", f.dir, err), f.lock.Unlock())
	}
	return nil
}

// mine refuses a folder in which names that publishing writes or sweeps were put
// by somebody else.
func (f *folder) mine() error {
	if _, err := os.Lstat(f.path(lockFile)); err == nil {
		return nil // also where the first run was killed
	}
	if s, err := readSwitch(f.dir); err == nil && s.Nightly.Format != 0 {
		return nil
	}
	for _, name := range []string{stages.PackagesFile, stages.DistsDir, metaDir, nightsDir, pageFile, statusFile} {
		if _, err := os.Lstat(f.path(name)); err == nil {
			return fmt.Errorf("%s has %s but is no repository that was published here before; publish to another folder, or move that away", f.dir, name)
		}
	}
	return nil
}

func describe(owner []byte) string {
	if text := strings.TrimSpace(string(owner)); text != "" {
		return fmt.Sprintf("%q", text)
	}
	return "another run"
}

// close removes temporaries and gives the lock back. The lock file stays: who
// removes it could let two runs lock two files of the same name.
func (f *folder) close() error {
	if f.dry {
		return nil
	}
	return errors.Join(os.RemoveAll(f.path(tempDir)), os.Truncate(f.path(lockFile), 0), f.lock.Unlock())
}

// clean starts with an empty folder of temporaries.
func (f *folder) clean() error {
	if err := os.RemoveAll(f.path(tempDir)); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	return f.mkdir(tempDir)
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// writers is how many files are written at the same time: most of the time goes
// into waiting until each is on the disk.
const writers = 8

// putDists writes the dists that are not there, several at a time.
func (f *folder) putDists(ctx context.Context, store pipeline.Reader, add *night) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, file := range add.dists {
		group.Go(func() error {
			err := f.put(ctx, file.Path, file.Size, file.Digest, func(w io.Writer) error {
				content, err := store.Open(ctx, file.Digest)
				if err != nil {
					return err
				}
				_, err = io.Copy(w, content)
				return errors.Join(err, content.Close())
			})
			f.step(file.Path)
			return err
		})
	}
	return errors.Join(group.Wait(), f.sync())
}

// putFile writes one file whose content is in memory, and syncs its directory.
func (f *folder) putFile(ctx context.Context, name string, data []byte) error {
	err := f.put(ctx, name, int64(len(data)), digest(data), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	f.step(name)
	return errors.Join(err, f.sync())
}

// put writes one file to a temporary name and renames it, unless it is there
// with the same bytes. The caller syncs its directory.
func (f *folder) put(ctx context.Context, name string, size int64, sum pipeline.Digest, write func(io.Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	same, err := f.has(name, size, sum)
	if err != nil {
		return err
	}
	if same || f.dry {
		f.count(name, size, same)
		return nil
	}
	if err := f.mkdir(filepath.ToSlash(filepath.Dir(name))); err != nil {
		return err
	}
	temp, err := f.writeTemp(sum, write)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(temp, f.path(name)); err != nil {
		return err
	}
	f.touch(filepath.Dir(f.path(name)))
	f.count(name, size, false)
	return nil
}

// writeTemp writes, checks and syncs a file below the folder of temporaries.
func (f *folder) writeTemp(sum pipeline.Digest, write func(io.Writer) error) (name string, err error) {
	file, err := os.CreateTemp(f.path(tempDir), "file-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if err := write(io.MultiWriter(file, hash)); err != nil {
		return "", err
	}
	if got := pipeline.Digest(hex.EncodeToString(hash.Sum(nil))); got != sum {
		return "", fmt.Errorf("its content has SHA-256 %s, not %s; the store is damaged, build the night again with --fresh", got, sum)
	}
	return file.Name(), errors.Join(file.Chmod(0o644), file.Sync())
}

// putFolder writes a folder of files. One that is not there appears whole, by
// one rename; one that is there gets what is missing or damaged.
func (f *folder) putFolder(ctx context.Context, name string, files map[string][]byte) error {
	if _, err := os.Lstat(f.path(name)); err == nil || f.dry {
		for _, file := range sorted(files) {
			if err := f.putFile(ctx, name+"/"+file, files[file]); err != nil {
				return err
			}
		}
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp := tempDir + "/" + strings.ReplaceAll(name, "/", "-")
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for file, data := range files {
		group.Go(func() error {
			if err := errors.Join(ctx.Err(), f.writeNew(temp+"/"+file, data)); err != nil {
				return fmt.Errorf("write %s/%s: %w", name, file, err)
			}
			f.count(name+"/"+file, int64(len(data)), false)
			f.step(name + "/" + file)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := errors.Join(f.sync(), f.mkdir(filepath.ToSlash(filepath.Dir(name)))); err != nil {
		return err
	}
	if err := os.Rename(f.path(temp), f.path(name)); err != nil {
		return err
	}
	f.touch(filepath.Dir(f.path(name)))
	return f.sync()
}

// writeNew writes a file of a folder that is not in its place yet.
func (f *folder) writeNew(name string, data []byte) (err error) {
	if err := f.mkdir(filepath.ToSlash(filepath.Dir(name))); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(data); err != nil {
		return err
	}
	f.touch(filepath.Dir(f.path(name)))
	return errors.Join(file.Chmod(0o644), file.Sync())
}

// has reports whether a file is there with that content.
func (f *folder) has(name string, size int64, sum pipeline.Digest) (bool, error) {
	file, err := os.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }() // read only: nothing is lost
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false, err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return false, err
	}
	return hex.EncodeToString(hash.Sum(nil)) == string(sum), nil
}
