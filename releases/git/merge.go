package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/storage"

	"github.com/mage-os/nightly/pipeline/remote"
)

// A Merger merges commits by the git program, which is the only one that does it as people
// and forges do. It runs nothing that the commits hold, and reads no configuration.
type Merger struct {
	options Options
	program string
}

// mergeSince is the first git that merges without a working tree.
var mergeSince = [2]int{2, 38}

// NewMerger makes a Merger with a git program. The error says what is wrong with it.
func NewMerger(ctx context.Context, program string, o Options) (*Merger, error) {
	m := &Merger{options: o.ToFetch(), program: program}
	need := fmt.Sprintf("merging needs the program git, %d.%d or newer", mergeSince[0], mergeSince[1])
	if program == "" {
		return nil, fmt.Errorf("%s, which is not on this machine; install it", need)
	}
	out, _, err := m.git(ctx, "", "version")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", need, err)
	}
	var has [2]int
	if _, err := fmt.Sscanf(string(out), "git version %d.%d", &has[0], &has[1]); err != nil || slices.Compare(has[:], mergeSince[:]) < 0 {
		return nil, fmt.Errorf("%s, and %s is %q; install a newer one", need, program, strings.TrimSpace(string(out)))
	}
	return m, nil
}

// A Base is the commit upon which others are merged.
type Base struct{ Title, URL, Commit string }

// A Head is a commit that is merged upon another, one of the repository at its URL.
type Head Base

// A ConflictError says that two commits change the same lines.
type ConflictError struct {
	With  []string // titles of what it conflicts with
	Title string
	Files []string
	// Ours says that it conflicts with the commit upon which all is merged.
	Ours bool
}

// Error implements error.
func (e *ConflictError) Error() string {
	const most = 20
	files := strings.Join(e.Files[:min(len(e.Files), most)], ", ")
	if more := len(e.Files) - most; more > 0 {
		files += fmt.Sprintf(" and %d more", more)
	}
	if e.Ours {
		return fmt.Sprintf("%s conflicts with %s in %s; merge that into it, push, and try again", e.Title, e.With[0], files)
	}
	return fmt.Sprintf("%s and %s conflict in %s; merge one into the other, push, and try again, or try each alone", strings.Join(e.With, ", "), e.Title, files)
}

// A Merge is the result of merging. The caller closes it.
type Merge struct {
	// Files are the paths that each head has changed, in byte order.
	Files [][]string
	// Changes are all paths that are not as in the base.
	Changes []MergeChange
	merger  *Merger
	dir     string
}

// A MergeChange is a path that is not as in the base.
type MergeChange struct {
	Path string
	Mode uint32 // git's; 0: it is gone
	blob string
}

// Open reads a changed file.
func (m *Merge) Open(ctx context.Context, c MergeChange) (io.Reader, error) {
	out, _, err := m.merger.git(ctx, m.dir, "cat-file", "blob", c.blob)
	return bytes.NewReader(out), err
}

// Close removes what was fetched.
func (m *Merge) Close() error { return os.RemoveAll(m.dir) }

// Merge merges heads upon a commit, one upon the other. The error is a *ConflictError where
// they do not fit together.
func (m *Merger) Merge(ctx context.Context, base Base, heads []Head) (_ *Merge, err error) {
	dir, repository, err := temporary()
	if err != nil {
		return nil, err
	}
	made := &Merge{merger: m, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, made.Close())
		}
	}()
	if err := m.bring(ctx, dir, repository.Storer, base, heads); err != nil {
		return nil, err
	}
	tip := base.Commit
	for i, head := range heads {
		tree, conflicts, err := m.mergeTrees(ctx, dir, tip, head.Commit)
		if err != nil {
			return nil, fmt.Errorf("merge %s: %w", head.Title, err)
		}
		if len(conflicts) > 0 {
			return nil, m.blame(ctx, dir, base, heads[:i], head, conflicts)
		}
		changed, err := m.changes(ctx, dir, tip, tree)
		if err != nil {
			return nil, err
		}
		files := []string{}
		for _, c := range changed {
			files = append(files, c.Path)
		}
		made.Files = append(made.Files, files)
		out, _, err := m.git(ctx, dir, "commit-tree", tree, "-p", tip, "-p", head.Commit, "-m", head.Title)
		if err != nil {
			return nil, err
		}
		tip = strings.TrimSpace(string(out))
	}
	made.Changes, err = m.changes(ctx, dir, base.Commit, tip)
	return made, err
}

// mergeTrees merges two commits: their tree, or the files in which they conflict.
func (m *Merger) mergeTrees(ctx context.Context, dir, ours, theirs string) (tree string, conflicts []string, err error) {
	out, code, err := m.git(ctx, dir, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
	fields := strings.Split(strings.TrimRight(string(out), "\x00\n"), "\x00")
	switch {
	case err == nil:
		return fields[0], nil, nil
	case code == 1 && len(fields) > 1:
		return "", slices.Compact(fields[1:]), nil
	}
	return "", nil, err
}

// blame finds with what a head conflicts: with the base, or with which of those that were
// merged before it.
func (m *Merger) blame(ctx context.Context, dir string, base Base, before []Head, head Head, files []string) error {
	alone, own, err := m.mergeTrees(ctx, dir, base.Commit, head.Commit)
	if err != nil {
		return err
	}
	if alone == "" {
		return &ConflictError{With: []string{base.Title}, Title: head.Title, Files: own, Ours: true}
	}
	conflict := &ConflictError{Title: head.Title, Files: files}
	for _, other := range before {
		_, between, err := m.mergeTrees(ctx, dir, other.Commit, head.Commit)
		if err != nil {
			return err
		}
		if len(between) > 0 {
			conflict.With = append(conflict.With, other.Title)
		}
	}
	if len(conflict.With) == 0 { // only with all of them together
		for _, other := range before {
			conflict.With = append(conflict.With, other.Title)
		}
	}
	return conflict
}

// changes are the paths in which two trees differ. A submodule is no file: what it takes the place of is gone.
func (m *Merger) changes(ctx context.Context, dir, before, after string) ([]MergeChange, error) {
	out, _, err := m.git(ctx, dir, "diff-tree", "-r", "-z", "--raw", "--no-renames", before, after)
	if err != nil {
		return nil, err
	}
	var all []MergeChange
	fields := strings.Split(string(out), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		entry := strings.Fields(strings.TrimPrefix(fields[i], ":")) // modes, ids, and what was done
		if len(entry) != 5 {
			return nil, fmt.Errorf("git diff-tree says %q", fields[i])
		}
		mode, err := strconv.ParseUint(entry[1], 8, 32)
		if err != nil {
			return nil, fmt.Errorf("git diff-tree says %q: %w", fields[i], err)
		}
		const submodule = 0o160000
		if mode == submodule {
			mode = 0
		}
		all = append(all, MergeChange{Path: fields[i+1], Mode: uint32(mode), blob: entry[3]})
	}
	return all, nil
}

// bring brings base and heads into a repository, with what has to be there to merge them.
func (m *Merger) bring(ctx context.Context, dir string, to storage.Storer, base Base, heads []Head) error {
	wanted := map[string][]plumbing.Hash{base.URL: {plumbing.NewHash(base.Commit)}}
	for _, head := range heads {
		wanted[head.URL] = append(wanted[head.URL], plumbing.NewHash(head.Commit))
	}
	for _, address := range slices.Sorted(maps.Keys(wanted)) {
		folder, local, err := m.options.Folder(address)
		if err != nil {
			return err
		}
		if local {
			delete(wanted, address)
			if err := m.borrow(ctx, dir, folder); err != nil {
				return err
			}
		}
	}
	bases, err := m.history(ctx, dir, to, wanted, base, heads)
	if err != nil || len(wanted) == 0 {
		return err
	}
	if wanted[base.URL] != nil { // else they are here
		for _, id := range bases {
			wanted[base.URL] = append(wanted[base.URL], plumbing.NewHash(id))
		}
	}
	for address, ids := range wanted {
		if _, err := m.options.fetchInto(ctx, to, address, Request{Wants: byID(ids...), Depth: 1}); err != nil {
			return fmt.Errorf("fetch what is merged: %w", err)
		}
	}
	return nil
}

// borrow lets a repository read the objects of one in a folder of this machine.
func (m *Merger) borrow(ctx context.Context, dir, folder string) error {
	out, _, err := m.git(ctx, "", "-c", "safe.directory=*", "-C", folder, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return err
	}
	alternates, err := os.OpenFile(filepath.Join(dir, "objects", "info", "alternates"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = alternates.Write(out)
	return errors.Join(err, alternates.Close())
}

// mergeDepths are how many commits are asked for until it is sure from which commit both
// sides come. The last is git's infinity.
var mergeDepths = []int{100, 2000, 0x7fffffff}

// history fetches commits, without their files, until it is sure from which commits base and
// heads come, and gives those.
func (m *Merger) history(ctx context.Context, dir string, to storage.Storer, wanted map[string][]plumbing.Hash, base Base, heads []Head) (bases []string, err error) {
	for _, depth := range mergeDepths {
		var shallow []plumbing.Hash
		for address, ids := range wanted {
			update, err := m.options.fetchInto(ctx, to, address, Request{Wants: byID(ids...), Depth: depth, Filter: packp.FilterTreeDepth(0)})
			if err != nil {
				return nil, fmt.Errorf("fetch %d commits of %s: %w", depth, remote.Redacted(address), err)
			}
			shallow = append(shallow, update.Shallows...)
		}
		if err := to.SetShallow(shallow); err != nil {
			return nil, err
		}
		var sure bool
		if bases, sure, err = m.bases(ctx, dir, shallow, base, heads); sure || err != nil || len(wanted) == 0 {
			break
		}
	}
	return bases, err
}

// bases are the commits from which those to merge come, and whether no history is missing that
// could say otherwise.
func (m *Merger) bases(ctx context.Context, dir string, shallow []plumbing.Hash, base Base, heads []Head) (all []string, sure bool, err error) {
	tips := []string{base.Commit}
	sure = true
	for _, head := range heads {
		for _, tip := range tips {
			out, code, err := m.git(ctx, dir, "merge-base", "--all", tip, head.Commit)
			if err != nil && code != 1 { // 1: there is none
				return nil, false, err
			}
			all = append(all, strings.Fields(string(out))...)
			only, _, err := m.git(ctx, dir, "rev-list", tip+"..."+head.Commit)
			if err != nil {
				return nil, false, err
			}
			sure = sure && !slices.ContainsFunc(shallow, func(id plumbing.Hash) bool { return bytes.Contains(only, []byte(id.String())) })
		}
		tips = append(tips, head.Commit)
	}
	slices.Sort(all)
	return slices.Compact(all), sure, nil
}

// git runs git in a bare repository, and gives what it prints. Who merges, and when, is
// always the same, so that the same commits come of it.
func (m *Merger) git(ctx context.Context, dir string, args ...string) (out []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, m.program, args...)
	cmd.Env = []string{
		"PATH=" + filepath.Dir(m.program), "HOME=" + os.DevNull, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=nightly", "GIT_AUTHOR_EMAIL=nightly@localhost", "GIT_AUTHOR_DATE=@0 +0000",
		"GIT_COMMITTER_NAME=nightly", "GIT_COMMITTER_EMAIL=nightly@localhost", "GIT_COMMITTER_DATE=@0 +0000",
	}
	if dir != "" {
		cmd.Env = append(cmd.Env, "GIT_DIR="+dir)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err = cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		err = fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return out, code, err
}
