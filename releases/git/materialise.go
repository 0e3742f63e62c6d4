package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// mainBranch is the branch of the repositories that are made.
const mainBranch = plumbing.ReferenceName("refs/heads/main")

// Materialise makes a bare git repository dir/NAME of every folder
// repositories/NAME of fsys. Each folder tags/TAG in it becomes a commit with an
// annotated tag, in the order of their versions, and the folder head the last commit
// of the branch main. A file that begins with "#!" is executable.
//
// Ids are the same on every machine. A repository that is there and whole stays;
// another is replaced. Several processes may do this at once: each repository is
// made beside its place and renamed into it.
func Materialise(fsys fs.FS, dir string) error {
	entries, err := fs.ReadDir(fsys, "repositories")
	if err != nil {
		return fmt.Errorf("make git repositories in %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make git repositories: %w", err)
	}
	var problems []error
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := materialise(fsys, path.Join("repositories", entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			problems = append(problems, fmt.Errorf("make git repository %s: %w", filepath.Join(dir, entry.Name()), err))
		}
	}
	return errors.Join(problems...)
}

func materialise(fsys fs.FS, source, dir string) error {
	wanted := memory.NewStorage()
	if err := writeHistory(wanted, fsys, source); err != nil {
		return err
	}
	if isWhole(dir, wanted) {
		return nil
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	repository := filepath.Join(made, "repository")
	if err := copyTo(repository, wanted); err != nil {
		return err
	}
	for range maxRaces {
		if err = os.Rename(repository, dir); err == nil || isWhole(dir, wanted) {
			return nil // made by us, or meanwhile by another process
		}
		// What is there is damaged, or of another version of this program.
		old, tempErr := os.MkdirTemp(made, "old-*")
		if tempErr != nil {
			return tempErr
		}
		if err := os.Rename(dir, filepath.Join(old, "repository")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("other processes keep replacing it: %w", err)
}

// maxRaces bounds how often a rename is tried against other processes.
const maxRaces = 10

// isWhole says whether a repository is there with these refs and all objects.
func isWhole(dir string, wanted *memory.Storage) bool {
	repository, err := gogit.PlainOpen(dir)
	if err != nil {
		return false
	}
	refs, err := listFolder(context.Background(), dir)
	if err != nil || len(refs) != len(wanted.ReferenceStorage) {
		return false
	}
	for name, ref := range wanted.ReferenceStorage {
		found, err := repository.Storer.Reference(name)
		if err != nil || found.String() != ref.String() {
			return false
		}
	}
	for hash := range wanted.Objects {
		found, err := repository.Storer.EncodedObject(plumbing.AnyObject, hash)
		if err != nil || !isIntact(found, hash) {
			return false
		}
	}
	return true
}

// isIntact reads an object again: go-git believes the name of its file.
func isIntact(found plumbing.EncodedObject, hash plumbing.Hash) bool {
	content, err := found.Reader()
	if err != nil {
		return false
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	return err == nil && plumbing.ComputeHash(found.Type(), data) == hash
}

// copyTo writes a bare repository.
func copyTo(dir string, from *memory.Storage) error {
	repository, err := gogit.PlainInit(dir, true)
	if err != nil {
		return err
	}
	for _, object := range from.Objects {
		if _, err := repository.Storer.SetEncodedObject(object); err != nil {
			return err
		}
	}
	for _, ref := range from.ReferenceStorage {
		if err := repository.Storer.SetReference(ref); err != nil {
			return err
		}
	}
	// Where a server hands it out, exactly the planned commits may be asked for.
	settings, err := repository.Config()
	if err != nil {
		return err
	}
	settings.Raw.SetOption("uploadpack", config.NoSubsection, "allowAnySHA1InWant", "true")
	return repository.SetConfig(settings)
}

// writeHistory makes the commits and tags of one repository.
func writeHistory(to *memory.Storage, fsys fs.FS, source string) error {
	folders, err := fs.Glob(fsys, path.Join(source, "tags", "*")) // in byte order, which is that of their commits
	if err != nil {
		return err
	}
	var parents []plumbing.Hash
	commit := func(folder, message string) (plumbing.Hash, error) {
		tree, err := writeTree(to, fsys, path.Join(source, folder))
		if err != nil {
			return plumbing.ZeroHash, err
		}
		by := signature(len(parents))
		hash, err := encode(to, &object.Commit{
			Author: by, Committer: by, Message: message + "\n", TreeHash: tree, ParentHashes: slices.Clone(parents[max(0, len(parents)-1):]),
		})
		parents = append(parents, hash)
		return hash, err
	}
	for _, folder := range folders {
		tag := path.Base(folder)
		hash, err := commit(path.Join("tags", tag), "Release "+tag)
		if err != nil {
			return fmt.Errorf("tag %s: %w", tag, err)
		}
		tagged, err := encode(to, &object.Tag{
			Name: tag, Tagger: signature(len(parents) - 1), Message: tag + "\n", TargetType: plumbing.CommitObject, Target: hash,
		})
		if err != nil {
			return fmt.Errorf("tag %s: %w", tag, err)
		}
		if err := to.SetReference(plumbing.NewHashReference(plumbing.NewTagReferenceName(tag), tagged)); err != nil {
			return err
		}
	}
	head, err := commit("head", "Develop")
	if err != nil {
		return err
	}
	return errors.Join(
		to.SetReference(plumbing.NewHashReference(mainBranch, head)),
		to.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, mainBranch)),
	)
}
