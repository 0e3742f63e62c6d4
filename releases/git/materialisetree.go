package git

import (
	"bytes"
	"io/fs"
	"path"
	"sort"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// writeTree writes a folder's files and folders as git objects. As in git, a folder
// without a file in it is not there.
func writeTree(to storer.EncodedObjectStorer, fsys fs.FS, folder string) (plumbing.Hash, error) {
	entries, err := fs.ReadDir(fsys, folder)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tree := &object.Tree{}
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		made := object.TreeEntry{Name: entry.Name(), Mode: filemode.Dir}
		if entry.IsDir() {
			made.Hash, err = writeTree(to, fsys, name)
		} else {
			made.Mode, made.Hash, err = writeBlob(to, fsys, name)
		}
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if made.Hash != emptyTree {
			tree.Entries = append(tree.Entries, made)
		}
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	return encode(to, tree)
}

// emptyTree is git's id of a folder with nothing in it.
var emptyTree = plumbing.ComputeHash(plumbing.TreeObject, nil)

func writeBlob(to storer.EncodedObjectStorer, fsys fs.FS, name string) (filemode.FileMode, plumbing.Hash, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return filemode.Empty, plumbing.ZeroHash, err
	}
	// What is embedded in a program has no modes.
	mode := filemode.Regular
	if bytes.HasPrefix(data, []byte("#!")) {
		mode = filemode.Executable
	}
	hash, err := writeContent(to, data)
	return mode, hash, err
}

// writeContent writes a file's content as a git object.
func writeContent(to storer.EncodedObjectStorer, data []byte) (plumbing.Hash, error) {
	blob := &plumbing.MemoryObject{}
	blob.SetType(plumbing.BlobObject)
	_, _ = blob.Write(data) // into memory
	return to.SetEncodedObject(blob)
}

// firstCommit is the time of the first commit of every repository that is made.
var firstCommit = time.Date(2022, time.February, 22, 22, 2, 22, 0, time.UTC)

// signature is the author of the commit with that number: the same everywhere, and a
// minute later than the one before, so that histories sort.
func signature(number int) object.Signature {
	return object.Signature{
		Name:  "Mage-OS Nightly",
		Email: "nightly@mage-os.org",
		When:  firstCommit.Add(time.Duration(number) * time.Minute),
	}
}

type encoder interface {
	Encode(plumbing.EncodedObject) error
}

func encode(to storer.EncodedObjectStorer, value encoder) (plumbing.Hash, error) {
	encoded := to.NewEncodedObject()
	if err := value.Encode(encoded); err != nil {
		return plumbing.ZeroHash, err
	}
	return to.SetEncodedObject(encoded)
}
