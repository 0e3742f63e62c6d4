package checkout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/gofrs/flock"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/stages"
)

// folderName is the name of a repository's folder: readable, and different for
// any two URLs.
func folderName(address string) string {
	sum := sha256.Sum256([]byte(address))
	_, name, found := strings.Cut(address, "://")
	if !found {
		name = address
	}
	host, _, _ := strings.Cut(name, "/")
	name = name[strings.LastIndexByte(host, '@')+1:] // without a password
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimSuffix(name, ".git")))
	const most = 80 // the end says more than the start
	name = strings.Trim(name[max(0, len(name)-most):], ".-")
	return name + "-" + hex.EncodeToString(sum[:6])
}

// A want is a commit that is needed, and the ref that led to it.
type want struct {
	id  plumbing.Hash
	ref plumbing.ReferenceName
}

func wants(pin stages.Pin) []want {
	w := []want{{plumbing.NewHash(pin.Commit), plumbing.ReferenceName(pin.Ref)}}
	if pin.TagCommit != "" && pin.TagCommit != pin.Commit {
		w = append(w, want{plumbing.NewHash(pin.TagCommit), plumbing.NewTagReferenceName(pin.Tag)})
	}
	return w
}

// lockSuffix follows the name of a repository's folder in that of its lock. The
// lock holds the URL, and its time is that of the last use.
const lockSuffix = ".lock"

// lock holds off other processes, and other pins of the same URL in this one.
func (c *checkout) lock(ctx context.Context, pin stages.Pin, file string) (unlock func() error, err error) {
	if err := os.MkdirAll(c.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("make the folder of the git objects: %w", err)
	}
	l := flock.New(file)
	ok, err := l.TryLock()
	if err == nil && !ok {
		c.Log.Info("waiting for another checkout of the same repository", slog.String("repository", pin.Name), slog.String("lock", file))
		_, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err == nil {
		err = os.WriteFile(file, []byte(remote.Redacted(pin.URL)+"\n"), 0o666)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the git objects of %s (%s): %w", pin.Name, file, err), l.Close())
	}
	return l.Unlock, nil
}

// missing gives the commits to fetch. A commit that was there before and is not
// any more is damage: we would tell the server that we have it.
func (o *objects) missing(pins []stages.Pin) ([]want, error) {
	pinned, err := pinned(o.storage)
	if err != nil {
		return nil, err
	}
	for _, id := range pinned {
		if !o.has(id) {
			return nil, damaged("commit %s was fetched and is not there any more", id)
		}
	}
	var missing []want
	for _, pin := range pins {
		for _, w := range wants(pin) {
			if !o.has(w.id) && !slices.ContainsFunc(missing, func(m want) bool { return m.id == w.id }) {
				missing = append(missing, w)
			}
		}
	}
	return missing, nil
}

// openCache opens a folder that is ours: whatever is wrong there is damage.
func openCache(dir string, r readers) (*objects, error) {
	o, err := openObjects(dir, r)
	if err != nil {
		return nil, &damagedError{err}
	}
	return o, nil
}
