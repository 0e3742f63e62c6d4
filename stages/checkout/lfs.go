package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
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

// A fetcher hands out objects of Git LFS.
type fetcher func(wanted []git.LFSObject, give func(git.LFSObject, io.Reader) error) error

// resolvePointers puts the files of Git LFS in the place of their pointers. What the store
// does not have is fetched; all that is not to be had is named.
func resolvePointers(ctx context.Context, s pipeline.Store, list []pipeline.File, fetch fetcher) error {
	found, err := pointers(ctx, s, list)
	if err != nil {
		return err
	}
	var wanted []git.LFSObject
	var paths []string
	for i, f := range list {
		o, ok := found[f.Path]
		if !ok {
			continue
		}
		list[i].Digest, list[i].Size = pipeline.Digest(o.OID), o.Size
		if there, err := s.Open(ctx, list[i].Digest); err == nil {
			_ = there.Close() // nothing was read
			if there.Size() == o.Size {
				continue
			}
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

// pointers are what the pointers among files stand for, by their paths.
func pointers(ctx context.Context, s pipeline.Reader, list []pipeline.File) (map[string]git.LFSObject, error) {
	plain := map[string]pipeline.File{}
	for _, f := range list {
		if f.Mode != pipeline.Symlink && (f.Size < maxPointer || path.Base(f.Path) == pattern.FileName) {
			plain[f.Path] = f
		}
	}
	read := func(name string) ([]byte, error) { return readSmall(ctx, s, plain[name]) }
	attributes, err := pattern.AttributesOf(maps.Keys(plain), read)
	if err != nil || !attributes.Mention("filter=lfs") {
		return nil, err
	}
	found := map[string]git.LFSObject{}
	for name, f := range plain {
		if f.Size >= maxPointer || attributes.Of(name, false, "filter") != "lfs" {
			continue
		}
		data, err := read(name)
		if err != nil {
			return nil, err
		}
		if m := pointer.FindSubmatch(data); m != nil { // else it is its own content
			size, _ := strconv.ParseInt(string(m[2]), 10, 64) // of digits
			found[name] = git.LFSObject{OID: string(m[1]), Size: size}
		}
	}
	return found, nil
}

func readSmall(ctx context.Context, s pipeline.Reader, f pipeline.File) ([]byte, error) {
	content, err := s.Open(ctx, f.Digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.LimitReader(content, 1<<20))
}
