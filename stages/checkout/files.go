package checkout

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
)

// Keys in the cache. The number is raised when the same commit must yield
// another tree.
const (
	headKey   = "3/head/"   // + commit: the tree of all files
	taggedKey = "1/tagged/" // + commit: the tree of the composer.json files
	blobsKey  = "1/blobs/"  // + folder of the repository: a listing
)

// A stored is a git blob's content in the store.
type stored struct {
	digest pipeline.Digest
	size   int64
}

// A listing remembers which blob is which content, for the files of one tree:
// the next night reads only the blobs that are not in it.
type listing struct {
	// tree holds all these contents: while the store has it, it has them.
	tree  pipeline.Tree
	blobs map[plumbing.Hash]stored
}

// encode writes the tree as a line of JSON, and a line for each blob.
func (l listing) encode() ([]byte, error) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(l.tree); err != nil {
		return nil, err
	}
	b.Grow(len(l.blobs) * 128)
	line := make([]byte, 0, 128)
	for id, s := range l.blobs {
		line = hex.AppendEncode(line[:0], id[:])
		line = append(append(append(line, ' '), s.digest...), ' ')
		line = strconv.AppendInt(line, s.size, 10)
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
}

func parseListing(r io.Reader) (listing, error) {
	l := listing{blobs: map[plumbing.Hash]stored{}}
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		return listing{}, errors.New("the listing is empty")
	}
	if err := json.Unmarshal(lines.Bytes(), &l.tree); err != nil {
		return listing{}, err
	}
	for lines.Scan() {
		id, s, err := parseStored(lines.Text())
		if err != nil {
			return listing{}, err
		}
		l.blobs[id] = s
	}
	return l, lines.Err()
}

// parseStored reads a line of a listing. A night reads tens of thousands.
func parseStored(line string) (id plumbing.Hash, s stored, err error) {
	blob, rest, _ := strings.Cut(line, " ")
	digest, size, _ := strings.Cut(rest, " ")
	if !plumbing.IsHash(blob) {
		return id, s, fmt.Errorf("%q does not begin with the id of a blob", line)
	}
	s.digest = pipeline.Digest(digest)
	s.size, err = strconv.ParseInt(size, 10, 64)
	return plumbing.NewHash(blob), s, errors.Join(err, s.digest.Valid())
}

// listing gives what is remembered of a repository, as far as the store still
// has it.
func (c *checkout) listing(ctx context.Context, folder string) listing {
	none := listing{blobs: map[plumbing.Hash]stored{}}
	if c.Cache == nil {
		return none
	}
	f, err := c.Cache.Get(ctx, blobsKey+folder)
	if err != nil {
		return none
	}
	defer f.Close()
	l, err := parseListing(f)
	if err != nil {
		c.Log.Warn("a listing of git blobs is unreadable: reading all of them", slog.String("repository", folder), slog.Any("error", err))
		return none
	}
	if pipeline.Check(ctx, c.Store, l.tree) != nil {
		return none
	}
	return l
}

// tree gives the saved tree of a commit, if the store still has it.
func (c *checkout) tree(ctx context.Context, key string) (tree remembered, ok bool) {
	if c.Cache == nil {
		return tree, false
	}
	f, err := c.Cache.Get(ctx, key)
	if err != nil {
		return tree, false
	}
	defer f.Close()
	if err := json.NewDecoder(f).Decode(&tree); err != nil {
		return tree, false
	}
	return tree, pipeline.Check(ctx, c.Store, tree.Tree) == nil
}

// remember puts into the cache. What cannot be kept is only slower next time.
func (c *checkout) remember(ctx context.Context, key string, data []byte, err error) {
	if c.Cache == nil {
		return
	}
	if err == nil {
		err = c.Cache.Put(ctx, key, bytes.NewReader(data))
	}
	if err != nil {
		c.Log.Warn("the checkout could not be remembered for the next night", slog.String("key", key), slog.Any("error", err))
	}
}

// add stores the blobs of the files that are not known yet, and saves the tree.
// known is completed. The address is that of the repository.
func (c *checkout) add(ctx context.Context, o *objects, address string, files []entry, known map[plumbing.Hash]stored) (pipeline.Tree, error) {
	var missing []plumbing.Hash
	wanted := make(map[plumbing.Hash]bool)
	bounds := make(map[plumbing.Hash]bound)
	for _, f := range files {
		if _, ok := known[f.id]; !ok && !wanted[f.id] {
			wanted[f.id] = true
			missing = append(missing, f.id)
		}
		if base := path.Base(f.name); isManifest(base) || base == "composer.lock" { // somebody reads it whole
			bounds[f.id] = bound{f.name, stages.MaxText}
		}
	}
	var mu sync.Mutex
	err := o.each(ctx, missing, bounds, func(ctx context.Context, found gitObject) error {
		s, err := c.addBlob(ctx, found)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		known[found.id] = s
		return nil
	})
	if err != nil {
		return pipeline.Tree{}, err
	}
	list := make([]pipeline.File, len(files))
	for i, f := range files {
		mode, _ := fileMode(f.mode)
		list[i] = pipeline.File{Path: f.name, Mode: mode, Size: known[f.id].size, Digest: known[f.id].digest}
	}
	err = resolvePointers(ctx, c.Store, list, func(wanted []git.LFSObject, give func(git.LFSObject, io.Reader) error) error {
		return c.Git.LFS(ctx, address, wanted, give)
	})
	if err != nil {
		return pipeline.Tree{}, err
	}
	for i, f := range files {
		if list[i].Digest != known[f.id].digest {
			delete(known, f.id) // the tree does not hold the pointer
		}
	}
	return c.save(ctx, list)
}

func (c *checkout) addBlob(ctx context.Context, found gitObject) (s stored, err error) {
	if found.kind != plumbing.BlobObject {
		return s, fmt.Errorf("object %s is a %s where a file is named", found.id, found.kind)
	}
	s.digest, s.size, err = c.Store.Add(ctx, bytes.NewReader(found.content))
	if err != nil {
		return s, &storeError{err}
	}
	return s, nil
}

// save saves a tree of contents that the store has.
func (c *checkout) save(ctx context.Context, files []pipeline.File) (pipeline.Tree, error) {
	tree, err := c.Store.Save(ctx, files)
	if err != nil {
		return pipeline.Tree{}, &storeError{err}
	}
	return tree, nil
}

// A storeError is a problem of the store, not of a repository.
type storeError struct{ err error }

func (e *storeError) Error() string { return "store the files: " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// A remembered tree is one of a commit that was made before.
type remembered struct {
	pipeline.Tree
	Submodules []string `json:"submodules,omitempty"`
}

// head saves the tree of all files of a commit, and gives them too, and the paths of its
// submodules. What is known of the repository's blobs is completed.
func (r *reader) head(ctx context.Context, commit plumbing.Hash) (pipeline.Tree, []entry, []string, error) {
	seen := map[plumbing.Hash][]entry{}
	w := &walk{objects: r.objects, before: r.trees, seen: seen}
	files, err := r.walk(ctx, w, commit)
	if err != nil {
		return pipeline.Tree{}, nil, nil, err
	}
	r.trees = seen
	tree, err := r.add(ctx, r.objects, r.address, files, r.known)
	if err != nil {
		return pipeline.Tree{}, nil, nil, err
	}
	slices.Sort(w.submodules)
	r.rememberTree(ctx, headKey+commit.String(), remembered{tree, w.submodules})
	return tree, files, w.submodules, nil
}

// rememberBlobs keeps which blob is which content, for the files of one tree.
func (c *checkout) rememberBlobs(ctx context.Context, folder string, tree pipeline.Tree, files []entry, known map[plumbing.Hash]stored) {
	now := listing{tree: tree, blobs: make(map[plumbing.Hash]stored, len(files))}
	for _, f := range files {
		if s, ok := known[f.id]; ok {
			now.blobs[f.id] = s
		}
	}
	data, err := now.encode()
	c.remember(ctx, blobsKey+folder, data, err)
}

func isManifest(name string) bool { return name == "composer.json" }

// manifests saves the tree of the composer.json files among a commit's files.
func (c *checkout) manifests(ctx context.Context, o *objects, known map[plumbing.Hash]stored, commit plumbing.Hash, files []entry) (pipeline.Tree, error) {
	var found []entry
	for _, f := range files {
		if isManifest(path.Base(f.name)) {
			found = append(found, f)
		}
	}
	tree, err := c.add(ctx, o, "", found, known)
	if err == nil {
		c.rememberTree(ctx, taggedKey+commit.String(), remembered{Tree: tree})
	}
	return tree, err
}

// tagged saves the tree of the composer.json files of a commit.
func (c *checkout) tagged(ctx context.Context, o *objects, commit plumbing.Hash) (pipeline.Tree, error) {
	files, err := c.walk(ctx, &walk{objects: o, only: isManifest}, commit)
	if err != nil {
		return pipeline.Tree{}, err
	}
	return c.manifests(ctx, o, map[plumbing.Hash]stored{}, commit, files)
}

func (c *checkout) walk(ctx context.Context, w *walk, commit plumbing.Hash) ([]entry, error) {
	root, err := w.objects.root(ctx, commit)
	if err != nil {
		return nil, err
	}
	return w.run(ctx, root)
}

func (c *checkout) rememberTree(ctx context.Context, key string, tree remembered) {
	data, err := json.Marshal(tree)
	c.remember(ctx, key, data, err)
}
