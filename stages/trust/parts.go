package trust

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// A Want has the targets that a role will sign: its own, and folders, newest first.
type Want struct {
	Targets Targets
	Folders []Folder
}

// A Folder is what is signed of one folder of a repository: a snapshot with its dists, or Composer's metadata.
type Folder struct {
	Dir  string
	Anew bool // it is not as it was signed
	// Targets are those of the folder. They are asked for only where they are signed anew; signed are those that
	// were signed together with it.
	Targets func(signed Targets) (Targets, error)
}

// partSize is how long the file of a part may be before the next folder begins another, in bytes. A part is signed once
// and then neither read nor written by who publishes; a client reads those of the versions that it installs.
const partSize = 32 << 10

// targetSize is about how long a target is in a file, in bytes.
const targetSize = 150

// maxPatterns is how many versions are named as paths of a part.
const maxPatterns = 64

// A part is a role to which a role delegates some of its folders.
type part struct {
	before  *metadata.DelegatedRole // as it is published; nil: it is not
	folders []Folder
	targets Targets // of those folders that are new
	size    int64
	anew    bool
}

// folders are those that a part has: its paths with nothing but one file open.
func folders(d metadata.DelegatedRole) []string {
	var dirs []string
	for _, pattern := range d.Paths {
		if dir, ok := strings.CutSuffix(pattern, "/*"); ok && !strings.Contains(dir, "*") {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// parts says which part has which folder, newest first. A folder stays in its part, and a new one goes to the part of the
// one before it where that is small.
func (n *next) parts(d metadata.DelegatedRole, want []Folder) ([]*part, error) {
	by := map[string]*part{}
	for _, role := range n.delegated(d.Name) {
		p := &part{before: &role, targets: Targets{}, size: n.snapshot.Signed.Meta[role.Name+".json"].Length, anew: !slices.Equal(role.KeyIDs, d.KeyIDs)}
		for _, dir := range folders(role) {
			by[dir] = p
		}
	}
	var all []*part
	var errs []error
	last := (*part)(nil)
	for _, f := range slices.Backward(want) {
		p, there := by[f.Dir]
		if !there {
			targets, err := f.Targets(nil)
			errs = append(errs, err)
			if p = last; p == nil || p.size >= partSize {
				p = &part{targets: Targets{}}
			}
			maps.Copy(p.targets, targets)
			p.size += int64(len(targets)) * targetSize
		}
		p.anew = p.anew || f.Anew || !there
		p.folders = append(p.folders, f)
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
		last = p
	}
	slices.Reverse(all)
	return all, errors.Join(errs...)
}

// delegated are the parts of a role as they are published.
func (n *next) delegated(role string) []metadata.DelegatedRole {
	if n.before == nil {
		return nil
	}
	return delegated(n.before.set.Targets[role])
}

// role signs a delegated role, and its parts.
func (n *next) role(d metadata.DelegatedRole, want Want) error {
	parts, err := n.parts(d, want.Folders)
	if err != nil {
		return err
	}
	m := metadata.Targets()
	if want.Targets != nil {
		m.Signed.Targets = want.Targets
	}
	if len(parts) > 0 {
		m.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
		for _, id := range d.KeyIDs {
			m.Signed.Delegations.Keys[id] = n.Authority.targets.Signed.Delegations.Keys[id]
		}
	}
	names := n.names(d.Name, parts)
	for i, p := range parts {
		err = errors.Join(err, n.part(names[i], d, m, p))
	}
	return cmp.Or(err, n.sign(d, n.Authority.targets, m))
}

// names are those of the parts of a role. One that is free again is taken again: a snapshot forgets no role.
func (n *next) names(role string, parts []*part) []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		if p.before != nil {
			names[i] = p.before.Name
		}
	}
	free := 0
	for i := range names {
		for ; names[i] == ""; free++ {
			if name := fmt.Sprintf("%s-%02x", role, free); !slices.Contains(names, name) {
				names[i] = name
			}
		}
	}
	return names
}

// part signs a part to which m, the metadata of d, delegates, unless it stays as it is.
func (n *next) part(name string, d metadata.DelegatedRole, m *metadata.Metadata[metadata.TargetsType], p *part) error {
	if p.before != nil && !p.anew && len(p.folders) == len(folders(*p.before)) {
		m.Signed.Delegations.Roles = append(m.Signed.Delegations.Roles, *p.before)
		return nil
	}
	var signed Targets
	if p.before != nil {
		if err := n.before.load(*p.before); err != nil {
			return err
		}
		signed = n.before.set.Targets[name].Signed.Targets
	}
	var dirs, patterns []string
	for _, f := range p.folders {
		targets, err := f.Targets(signed)
		if err != nil {
			return err
		}
		maps.Copy(p.targets, targets)
		dirs = append(dirs, f.Dir+"/*")
		for target := range targets {
			patterns = append(patterns, pattern(f.Dir, target))
		}
	}
	slices.Sort(patterns)
	if patterns = slices.Compact(patterns); len(patterns) > maxPatterns {
		patterns = []string{"*/*/*"}
	}
	patterns = slices.DeleteFunc(patterns, func(p string) bool { return slices.Contains(dirs, p) })
	role := metadata.DelegatedRole{Name: name, KeyIDs: d.KeyIDs, Threshold: d.Threshold, Paths: append(dirs, patterns...)}
	m.Signed.Delegations.Roles = append(m.Signed.Delegations.Roles, role)
	content := metadata.Targets()
	content.Signed.Targets = p.targets
	return n.sign(role, m, content)
}

// pattern is the path of a target without what all packages of a version have: a part is asked for the versions that it
// has, and not for all packages.
func pattern(dir, target string) string {
	if file, ok := strings.CutPrefix(target, dir+"/"); ok {
		return dir + strings.Repeat("/*", 1+strings.Count(file, "/"))
	}
	return "*/*/" + path.Base(target)
}
