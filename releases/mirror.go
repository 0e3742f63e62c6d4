package releases

import (
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
)

// The policies of Versions.
const (
	// NightlyPolicy builds the branches of a line in versions of the day.
	NightlyPolicy = "nightly"
	// TagsPolicy builds every tag of a line, in the versions that its packages
	// have there: a mirror.
	TagsPolicy = "tags"
)

// BuildsTags says whether the line builds tags, and not branches.
func (l *Line) BuildsTags() bool { return l.Versions.Policy == TagsPolicy }

// Data is a git repository that holds files which a line uses beside its
// sources: composer.json files as they were released, corrected files, zips. It is
// pinned, so that a plan says all that decides bytes.
type Data struct {
	URL    string `json:"url"`
	Ref    string `json:"ref"`    // where to look for the commit
	Commit string `json:"commit"` // 40 hexadecimal digits
}

// A File is put into a package, in the place of the one that it has there.
type File struct {
	Package string `json:"package"` // its built name
	When    string `json:"when"`    // constraint that its version meets
	Path    string `json:"path"`    // in the package
	From    string `json:"from"`    // in Data
	Reason  string `json:"reason"`
}

// Prebuilt are zips that are taken over as they are, in the place of what would be
// built of the same name and version. Exactly one of Directory, Folder and
// Repository is set.
type Prebuilt struct {
	Directory  string `json:"directory,omitempty"`  // in Data
	Folder     string `json:"folder,omitempty"`     // URL of a folder of zips: file://
	Repository string `json:"repository,omitempty"` // URL of a Composer repository
	// Packages are glob patterns of names that are taken from Repository; empty:
	// all are.
	Packages []string `json:"packages,omitempty"`
	Reason   string   `json:"reason"`
}

// An ExtraTag is a commit that stands for a tag which upstream forgot.
type ExtraTag struct {
	Tag    string `json:"tag"`
	Commit string `json:"commit"`
	Reason string `json:"reason"`
}

// FixVersions are the right versions for one tag: of the packages in it, and of
// those that they require.
type FixVersions struct {
	Tag      string            `json:"tag"`
	Versions map[string]string `json:"versions"` // by the names in the sources
	Reason   string            `json:"reason"`
}

// A Keep is a path that Exclude names and that belongs to the package for some
// tags.
type Keep struct {
	Path string `json:"path"`
	When string `json:"when"` // constraint that the tag meets
}

// A MapRule is a path that extra.map of some tags has otherwise than it is generated.
type MapRule struct {
	Path   string `json:"path"`           // in the base package
	Deploy string `json:"deploy"`         // DeployWhole or DeployNever
	When   string `json:"when,omitempty"` // constraint that the tag meets; empty: all do
}

// What a MapRule says of its path: it is deployed as a whole, and not entry by entry; it is not deployed.
const (
	DeployWhole = "whole"
	DeployNever = "never"
)

// A PlannedTag is one tag with its commit.
type PlannedTag struct {
	Tag    string `json:"tag"`
	Commit string `json:"commit"`
}

// A PlannedZip is a zip that is taken over as it is.
type PlannedZip struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	URL     string `json:"url"`
	SHA1    string `json:"sha1"`
}

// A Continued is a snapshot that a plan adds to.
type Continued struct {
	Snapshot SnapshotName    `json:"snapshot"`
	SHA256   pipeline.Digest `json:"sha256"` // of its manifest
}

// ForTag is the part of a line that decides what one tag of a repository becomes:
// the repository without URL and refs, its editions, and what is changed in
// packages. So a change elsewhere in the line leaves what was built of the tag.
func (l *Line) ForTag(repository, tag string) (*Line, bool) {
	r, ok := l.Repository(repository)
	if !ok {
		return nil, false
	}
	part := &Line{
		Name: l.Name, Vendor: l.Vendor, Rename: l.Rename, Foreign: l.Foreign, Archive: l.Archive, URL: l.URL, Versions: l.Versions,
		Repositories: []Repository{{Name: r.Name, Packages: r.packagesAt(tag)}},
		Editions:     slices.DeleteFunc(slices.Clone(l.Editions), func(e Edition) bool { return e.Repository != repository }),
		Edits:        slices.Clone(l.Edits), Files: slices.Clone(l.Files), Composer: []ComposerRepository{},
		Install: emptyInstall(), Keep: l.Keep,
	}
	for _, fix := range r.FixVersions {
		if fix.Tag == tag {
			part.Repositories[0].FixVersions = []FixVersions{fix}
		}
	}
	return part, true
}

// emptyInstall is an installation without any settings, as it is written.
func emptyInstall() Install {
	none := []string{}
	return Install{Run: none, Expect: none, Matrix: Matrix{PHP: none, Database: none, Search: none}, Images: map[string]string{}}
}

// packagesAt are the package entries with what they exclude, and what is other in the base package's map, at a tag.
func (r Repository) packagesAt(tag string) []Package {
	packages := slices.Clone(r.Packages)
	for i, p := range packages {
		packages[i].Exclude = slices.DeleteFunc(slices.Clone(p.Exclude), func(exclude string) bool {
			return slices.ContainsFunc(p.Keep, func(k Keep) bool { return k.Path == exclude && meets(tag, k.When) })
		})
		packages[i].Keep = nil
		if p.Base != nil {
			packages[i].Base = p.Base.at(tag)
		}
	}
	return packages
}

// at is the base with the rules of its map that are for a tag, and without what they are for.
func (b *Base) at(tag string) *Base {
	base := *b
	base.Map = nil
	for _, rule := range b.Map {
		if meets(tag, rule.When) {
			base.Map = append(base.Map, MapRule{Path: rule.Path, Deploy: rule.Deploy})
		}
	}
	return &base
}

// meets says whether a version or tag meets a constraint; the empty one it does.
func meets(version, when string) bool {
	if when == "" {
		return true
	}
	constraint, err := composer.ParseConstraint(when)
	if err != nil {
		return false
	}
	v, err := composer.ParseVersion(version)
	return err == nil && constraint.Matches(v)
}

// Applies reports whether the edit is made to that version of its package.
func (e Edit) Applies(version string) bool { return meets(version, e.When) }

// Applies says whether the file goes into that version of a package.
func (f File) Applies(name, version string) bool {
	return f.Package == name && meets(version, f.When)
}

// ReleasedFile is the file of Data for a tag, from Base.Released or
// Edition.Released.
func ReleasedFile(pattern, tag string) string { return strings.ReplaceAll(pattern, "{tag}", tag) }
