// Package stages holds the artefacts that travel between the stages: each
// stage is a function from one of them to the next.
package stages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
)

// A Pin is one repository to check out: exactly these commits. Ref, Tag and the
// URL say where to look for a commit that a server does not give by its id.
type Pin struct {
	Name      string `json:"name"`
	URL       string `json:"url"`
	Ref       string `json:"ref"`
	Commit    string `json:"commit"`
	Tag       string `json:"tag"`        // empty: no release yet
	TagCommit string `json:"tag-commit"` // empty: no release yet
	// Tree is a working tree that stands in for that of the commit; the store has it.
	Tree pipeline.Tree `json:"tree,omitzero"`
}

// A Checkout is the input of the checkout stage.
type Checkout struct {
	Pins []Pin `json:"pins"`
}

// CheckoutOf is the part of a plan that the checkout reads.
func CheckoutOf(p *releases.Plan) Checkout {
	pins := make([]Pin, len(p.Repositories))
	for i, r := range p.Repositories {
		pins[i] = Pin{r.Name, r.URL, r.Ref, r.Commit, r.Tag, r.TagCommit, r.Tree}
	}
	return Checkout{Pins: pins}
}

// Sources are the checked-out repositories, in the plan's order.
type Sources struct {
	Repositories []Source `json:"repositories"`
}

// A Source is one checked-out repository.
type Source struct {
	Name string `json:"name"`
	// Tag is the latest release, as in the Pin; empty: none yet.
	Tag string `json:"tag"`
	// Head is the tree of the planned commit.
	Head pipeline.Tree `json:"head"`
	// Tagged holds only the composer.json files of the latest tag's tree.
	Tagged pipeline.Tree `json:"tagged"`
	// Submodules are the paths of those that the commit has; they are left out.
	Submodules []string `json:"submodules,omitempty"`
}

// Noted implements pipeline.Noter.
func (s Sources) Noted() []string {
	var notes []string
	for _, r := range s.Repositories {
		if len(r.Submodules) > 0 {
			notes = append(notes, fmt.Sprintf("repository %s: left out its submodules, whose files are in other repositories: %s", r.Name, strings.Join(r.Submodules, ", ")))
		}
	}
	return notes
}

// Source gives the source of that name.
func (s Sources) Source(name string) (Source, bool) {
	for _, r := range s.Repositories {
		if r.Name == name {
			return r, true
		}
	}
	return Source{}, false
}

// Summary implements pipeline.Summarizer.
func (s Sources) Summary() string {
	files := 0
	for _, r := range s.Repositories {
		files += r.Head.Files
	}
	return markdown.Count(len(s.Repositories), "repository") + ", " + markdown.Count(files, "file")
}

// An Analysis is the input of the dependency generation: the sources and the
// part of the line that says where packages lie. It holds no date, so that the
// next night reuses what did not change.
type Analysis struct {
	Lock         string                `json:"lock"` // repository with the composer.lock, or empty
	Repositories []releases.Repository `json:"repositories"`
	Editions     []releases.Edition    `json:"editions"`
	// Vendors are those of the line's own packages, in the sources and built,
	// in byte order.
	Vendors []string `json:"vendors"`
	// Foreign are packages of other vendors that are built all the same.
	Foreign []string `json:"foreign,omitempty"`
	// LatestTags are the plan's, for the editions' added requires.
	LatestTags map[string]string `json:"latest-tags"`
	Sources    Sources           `json:"sources"`
}

// AnalysisOf is the part of a plan that the dependency generation reads: the
// layout without URLs and refs.
func AnalysisOf(p *releases.Plan, s Sources) Analysis {
	repositories := make([]releases.Repository, len(p.Line.Repositories))
	for i, r := range p.Line.Repositories {
		repositories[i] = releases.Repository{Name: r.Name, Packages: r.Packages}
	}
	return Analysis{
		Lock: p.Line.Lock, Repositories: repositories, Editions: p.Line.Editions,
		Vendors: p.Line.Vendors(), Foreign: p.Line.Foreign, LatestTags: p.LatestTags, Sources: s,
	}
}

// WithoutVendor is what a package's name has in common before and after the renaming: it
// is the name itself if the vendor is none of these.
func WithoutVendor(name string, vendors []string) string {
	if vendor, project, ok := strings.Cut(name, "/"); ok && slices.Contains(vendors, vendor) {
		return project
	}
	return name
}

// Kind is how a package's composer.json comes to be.
type Kind string

// The kinds of packages.
const (
	Plain       Kind = "package"     // a directory with its composer.json
	Metapackage Kind = "metapackage" // a composer.json alone
	Base        Kind = "base"        // composed from the line, with a generated map
	Product     Kind = "product"     // computed from a root composer.json
	Project     Kind = "project"     // computed from a root composer.json
)

// Dependencies are all packages of a night as found in the sources, under the
// names that they have there, with what each requires and why.
type Dependencies struct {
	Packages []Package `json:"packages"`
	Notes    []string  `json:"notes"` // as pipeline.Noter has them
}

// Noted implements pipeline.Noter.
func (d Dependencies) Noted() []string { return d.Notes }

// A Package is one package found in the sources.
type Package struct {
	Repository string `json:"repository"`
	Directory  string `json:"directory"` // "." for the root
	Kind       Kind   `json:"kind"`
	Name       string `json:"name"` // in the sources; an edition's has its repository's vendor
	// Edition is the edition's name in the line, for Product and Project.
	Edition string `json:"edition"`
	// Exclude are paths below Directory that are not part of it.
	Exclude []string `json:"exclude"`
	// BaseVersion is the version at the latest tag: the field of its
	// composer.json there, else the tag. Empty for a package that is new since.
	BaseVersion string `json:"base-version"`
	// Requires are all requires, in the order in which they are to be written,
	// by the names of the sources, neither renamed nor pinned.
	Requires []releases.Requirement `json:"requires"`
}

// Summary implements pipeline.Summarizer.
func (d Dependencies) Summary() string {
	n := 0
	for _, p := range d.Packages {
		n += len(p.Requires)
	}
	return markdown.Count(len(d.Packages), "package") + ", " + markdown.Count(n, "require")
}

// A Build is the input of the package build.
type Build struct {
	Plan         releases.Plan `json:"plan"`
	Sources      Sources       `json:"sources"`
	Dependencies Dependencies  `json:"dependencies"`
	// Program and Stages are the versions of this program and of the stages
	// before; they stand in the night's manifest, so they are part of the key.
	Program string         `json:"program"`
	Stages  map[string]int `json:"stages"`
}

// A Snapshot is what the build made: a folder with the dists, the night's own
// Composer metadata and its manifest (see Layout).
//
// The metadata's dist.url are relative to the folder's root; they are made
// absolute when the night is served or published.
type Snapshot struct {
	Name     releases.SnapshotName `json:"name,omitzero"`
	Local    bool                  `json:"local"`
	WorkTree bool                  `json:"work-tree,omitempty"` // with files that are in no commit
	URL      string                `json:"url"`                 // public base URL of the line
	Project  string                `json:"project"`             // the edition to install, with vendor
	Version  string                `json:"version"`             // of the project
	Keep     int                   `json:"keep"`                // nights that the line keeps
	Tree     pipeline.Tree         `json:"tree"`
	Packages []SnapshotPackage     `json:"packages"` // in byte order of their names; of a mirror none where nothing is new
	Notes    []releases.Note       `json:"notes,omitempty"`
}

// Noted implements pipeline.Noter.
func (n Snapshot) Noted() []string {
	var notes []string
	for _, note := range n.Notes {
		notes = append(notes, note.String())
	}
	return notes
}

// Layout: the paths of a night's folder.
//
// Nothing in the folder names a host. Its URLs are relative to the folder's
// root: metadata-url in packages.json, and dist.url in the files below p2.
// Composer takes both only with a scheme, or from the root of the host; so
// whoever serves or publishes the folder puts its base URL before them (Render).
const (
	PackagesFile = "packages.json" // Composer's entry: metadata-url is "p2/%package%.json"
	MetadataDir  = "p2"            // p2/<vendor>/<name>.json and <name>~dev.json
	DistsDir     = "dists"         // see DistPath
)

// DistPath is the place of a version's dist: dists/<vendor>/<name>-<version>.zip.
func DistPath(name, version string) string { return DistsDir + "/" + name + "-" + version + ".zip" }

// A SnapshotPackage is one built package of a night.
type SnapshotPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"`
	Dist    string `json:"dist"` // path of its zip in the folder
}

// Summary implements pipeline.Summarizer.
func (n Snapshot) Summary() string {
	if len(n.Packages) == 0 {
		return "nothing to add: what these tags have is published already, or was left out"
	}
	return markdown.Count(len(n.Packages), "package") + ", " + markdown.Count(n.Tree.Files, "file")
}

// A PublishRequest is the input of publishing: a night that was proven, and where to
// publish it.
type PublishRequest struct {
	Snapshot Snapshot `json:"snapshot"`
	To       string   `json:"to"`  // the target: a folder
	URL      string   `json:"url"` // base URL that the metadata names; empty: the line's
	Keep     int      `json:"keep"`
	// DryRun says what would be written and writes nothing.
	DryRun bool `json:"dry-run"`
	// AllowLocal lets a local build be published.
	AllowLocal bool `json:"allow-local"`
}

// A Publication says what publishing changed at the target.
type Publication struct {
	Target   string                `json:"target"`
	URL      string                `json:"url"` // base URL that the metadata names
	Snapshot releases.SnapshotName `json:"snapshot,omitzero"`
	// Added and Unchanged count files; Bytes those that were written.
	Added     int   `json:"added"`
	Unchanged int   `json:"unchanged"`
	Bytes     int64 `json:"bytes"`
	// Kept are the snapshots that the repository resolves now, newest first, and
	// Removed those that it no longer does.
	Kept    []releases.SnapshotName `json:"kept"`
	Removed []releases.SnapshotName `json:"removed"`
	DryRun  bool                    `json:"dry-run"`
	// Changes is the snapshot before it, and how much is different since; empty: there is none.
	Changes string `json:"changes,omitempty"`
	// Foreign names what the target had before the first publish, and still has.
	Foreign []string `json:"foreign,omitempty"`
}

// Noted implements pipeline.Noter.
func (p Publication) Noted() []string {
	if len(p.Foreign) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s was not empty: %s stayed there, and a web server serves all of it", p.Target, strings.Join(p.Foreign, ", "))}
}

// Summary implements pipeline.Summarizer.
func (p Publication) Summary() string {
	verb := "written"
	if p.DryRun {
		verb = "would be written"
	}
	return fmt.Sprintf("%s %s, %d there already; %s kept", markdown.Count(p.Added, "file"), verb, p.Unchanged, markdown.Count(len(p.Kept), "snapshot"))
}
