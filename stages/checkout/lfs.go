package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/git/pattern"
)

// A pointer stands in git for a file that Git LFS keeps elsewhere. As for git-lfs, it does
// so only where the attributes say filter=lfs; else it is a file like any other.
// Source: git-lfs, docs/spec.md.
var pointer = regexp.MustCompile(`^version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n`)

// maxPointer is the size that a pointer stays below, in bytes.
const maxPointer = 1024

// resolvePointers puts the files of Git LFS in the place of their pointers. What the store
// does not have is fetched; all that is not to be had is named.
func resolvePointers(ctx context.Context, s pipeline.Store, list []pipeline.File, fetch func([]git.LFSObject, func(git.LFSObject, io.Reader) error) error) error {
	byPath := make(map[string]pipeline.File, len(list))
	for _, f := range list {
		byPath[f.Path] = f
	}
	read := func(name string) ([]byte, error) { return readSmall(ctx, s, byPath[name]) }
	attributes, err := pattern.AttributesOf(func(yield func(string) bool) {
		for _, f := range list {
			if f.Mode != pipeline.Symlink && !yield(f.Path) {
				return
			}
		}
	}, read)
	if err != nil || !attributes.Mention("filter=lfs") {
		return err
	}
	var wanted []git.LFSObject
	var paths []string
	for i, f := range list {
		if f.Mode == pipeline.Symlink || f.Size >= maxPointer || attributes.Of(f.Path, false, "filter") != "lfs" {
			continue
		}
		data, err := read(f.Path)
		if err != nil {
			return err
		}
		m := pointer.FindSubmatch(data)
		if m == nil {
			continue // it is its own content
		}
		size, _ := strconv.ParseInt(string(m[2]), 10, 64) // of digits
		o := git.LFSObject{OID: string(m[1]), Size: size}
		list[i].Digest, list[i].Size = pipeline.Digest(o.OID), o.Size
		if there, err := s.Open(ctx, list[i].Digest); err == nil && there.Size() == size {
			_ = there.Close() // nothing was read
			continue
		}
		if paths = append(paths, f.Path); !slices.Contains(wanted, o) {
			wanted = append(wanted, o)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	err = fetch(wanted, func(o git.LFSObject, content io.Reader) error {
		if o.Size > git.MaxObject {
			return fmt.Errorf("object %s has %d bytes; at most %d are taken", o.OID, o.Size, int64(git.MaxObject))
		}
		digest, size, err := s.Add(ctx, io.LimitReader(content, o.Size+1))
		if err == nil && (string(digest) != o.OID || size != o.Size) {
			err = fmt.Errorf("object %s of %d bytes is not what was sent: SHA-256 %s", o.OID, o.Size, digest)
		}
		return err
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%d files of Git LFS are not to be had (%s): %w", len(paths), strings.Join(paths[:min(len(paths), maxProblems)], ", "), err)
	if errors.Is(err, fs.ErrNotExist) {
		err = &ContentError{err}
	}
	return err
}

func readSmall(ctx context.Context, s pipeline.Reader, f pipeline.File) ([]byte, error) {
	content, err := s.Open(ctx, f.Digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.LimitReader(content, 1<<20))
}
