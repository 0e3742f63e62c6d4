// Package releases holds what a distribution is: the release line that declares
// it, the Plan that fixes one snapshot of it, the Manifest of what was built, and
// the names of snapshots. Package rules says how packages are named, versioned and
// pinned.
package releases

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// A Line is one release line: a declarative file that says which repositories
// a distribution is made of, which packages lie in them, and how they are
// named, versioned and published. lines.Load fills in the defaults once and validates
// the whole before any work starts.
type Line struct {
	// Name is the line's name: letters, digits and '-'.
	Name string `json:"name"`
	// Title is the distribution's name for people: "Mage-OS nightly".
	Title string `json:"title"`
	// Vendor is the vendor of the packages that are built.
	Vendor string `json:"vendor"`
	// Rename maps a vendor as it stands in the sources to the vendor that its
	// built packages get: magento: mage-os.
	Rename map[string]string `json:"rename"`
	// Foreign are packages of other vendors that are built all the same.
	Foreign []string `json:"foreign,omitempty"`
	// URL is the public base URL of the published repository, with a slash at
	// its end. The project edition names it.
	URL string `json:"url"`
	// Trust is a root of The Update Framework, as mageos-nightly trust init writes it. The
	// project edition carries it, and has Composer look for signatures; empty: it does not.
	Trust string `json:"trust,omitempty"`
	// Lock names the repository whose root holds the composer.lock of the
	// third-party packages; empty if there is none.
	Lock     string   `json:"lock"`
	Versions Versions `json:"versions"`
	// Upstream says where the versions that built packages replace come from;
	// nil if they replace nothing.
	Upstream *Upstream `json:"upstream"`
	// Composer lists the Composer repositories of third-party packages.
	Composer []ComposerRepository `json:"composer-repositories"`
	// Repositories is in the order of the file.
	Repositories []Repository `json:"repositories"`
	Editions     []Edition    `json:"editions"`
	// Edits are applied to single packages' composer.json after everything
	// else, by their built name.
	Edits []Edit `json:"edits"`
	// Archive is which of ExportIgnore, ExportSubst and ArchiveExclude count; none: all
	// files of a package's directory are in its dist as they are.
	Archive []string `json:"archive,omitempty"`
	// Data, Files and Prebuilt are for lines that build tags, Aliases also for those
	// that make releases.
	Data     *Data      `json:"data,omitempty"`
	Files    []File     `json:"files,omitempty"`
	Prebuilt []Prebuilt `json:"prebuilt,omitempty"`
	// Aliases is the vendor for whose packages there are metapackages that
	// require those of ours that replace them; empty: there are none.
	Aliases string `json:"aliases,omitempty"`
	// Independent are packages of the line's vendor that have versions of their own:
	// editions require them, but they are neither built nor tagged. Of a line that
	// makes tagged releases.
	Independent []string `json:"independent,omitempty"`
	// Committer makes the release commits and tags of a line that makes tagged
	// releases; none: the program's own.
	Committer *Committer `json:"committer,omitempty"`
	// AllRequired says that an edition has to require every package that is built,
	// directly or not.
	AllRequired bool    `json:"all-required,omitempty"`
	Install     Install `json:"install"`
	// Keep is how many nights stay resolvable in the published repository.
	Keep int `json:"keep"`
	// Advisories is the URL of a file of advisories, in the form of OSV or of GitHub's API,
	// that the repository tells of its packages; empty: none.
	Advisories string `json:"advisories,omitempty"`
	// FormerDists is a folder in which the dists of snapshots are served as well, under the
	// names that the former generator gave them; empty: there is none.
	FormerDists string `json:"former-dists,omitempty"`
	// KeepAdopted is for how many days versions stay resolvable that the repository had
	// before this program published it; 0: for ever.
	KeepAdopted int `json:"keep-adopted,omitempty"`
}

// What sources say of archives: git's attributes, and the key of composer.json.
const (
	ExportIgnore   = "export-ignore"
	ExportSubst    = "export-subst"
	ArchiveExclude = "archive.exclude"
)

// Versions says how versions of built packages are made.
type Versions struct {
	// Policy is NightlyPolicy: the version at the latest tag, raised, with the
	// date; TagsPolicy: every tag is built, in the version that it has; or
	// ReleasePolicy: all packages get the one version of a tagged release.
	Policy string `json:"policy"`
	// Fallback is the base version of a package that is new since the latest
	// tag.
	Fallback string `json:"fallback"`
	// SkipTags are glob patterns of tags that are no releases.
	SkipTags []string `json:"skip-tags"`
}

// Upstream names the package of the upstream distribution whose requires,
// followed through metapackages, give the versions that ours replace.
type Upstream struct {
	Repository string `json:"repository"` // URL of a Composer repository
	// Trust is the root of The Update Framework that is trusted for the repository: nothing
	// counts that is not signed there. Empty: it is read as it is.
	Trust   string `json:"trust,omitempty"`
	Package string `json:"package"`
	// Version is exact, or empty for the highest stable one.
	Version string `json:"version"`
	// Extra are packages that the package does not require but that are
	// replaced too.
	Extra []string `json:"extra"`
}

// A ComposerRepository is where third-party packages come from. Its URL is
// http(s)://, file:// or embedded: (carried in this program).
type ComposerRepository struct {
	URL string `json:"url"`
}

// A Repository is one git repository of the line.
type Repository struct {
	// Name is short and unique within the line.
	Name string `json:"name"`
	// URL is https://, ssh://, file:// or embedded: (carried in this program).
	URL string `json:"url"`
	// Ref is a branch or tag; empty in a line that builds tags.
	Ref string `json:"ref"`
	// From is the first tag that is built, of a line that builds tags; empty: all
	// are.
	From string `json:"from,omitempty"`
	// Tags is the constraint of the tags that are releases, as "2.0.*" for an old branch;
	// empty: all are.
	Tags string `json:"tags,omitempty"`
	// ExtraTags are tags that the repository itself does not have.
	ExtraTags []ExtraTag `json:"extra-tags,omitempty"`
	// FixVersions are versions and constraints that are wrong in tags.
	FixVersions []FixVersions `json:"fix-versions,omitempty"`
	// Local says that With replaced the source: a local build. A file cannot
	// set it.
	Local bool `json:"local" yaml:"-"`
	// Folder is the clone whose working tree With put in the place of the source.
	Folder   string    `json:"folder,omitempty" yaml:"-"`
	Packages []Package `json:"packages"`
}

// A Package says where in a repository packages lie. Exactly one of Each,
// Directory and Metapackage is set.
type Package struct {
	// Each is a directory whose every visible subdirectory with a composer.json
	// is a package; "." is the root.
	Each string `json:"each,omitempty"`
	// Directory is one package; "." is the root.
	Directory string `json:"directory,omitempty"`
	// Metapackage is a directory whose composer.json, alone, is a package.
	Metapackage string `json:"metapackage,omitempty"`
	// Exclude are paths below that directory that belong to no package of this
	// entry. An entry ending in '/' or naming a directory excludes all below it.
	Exclude []string `json:"exclude"`
	// Keep are entries of Exclude that some tags have in their package.
	Keep []Keep `json:"keep,omitempty"`
	// Optional says that Directory or Metapackage may be absent, or none of Each be
	// there: a part that older or newer trees do not have.
	Optional bool `json:"optional,omitempty"`
	// Base makes the package the base package: its composer.json is composed
	// from these parts, not read from the directory.
	Base *Base `json:"base,omitempty"`
}

// A Base is what the base package's composer.json is composed of, beside its version, its
// requires, what it replaces, extra.component_paths and the generated extra.map.
type Base struct {
	// Manifest is the fixed part of composer.json, with its key order.
	Manifest *composer.Manifest `json:"manifest"`
	// EmptyDirectories are added to the zip: magento-composer-installer needs
	// them to exist.
	EmptyDirectories []string `json:"empty-directories"`
	// Map says where extra.map of some tags is another than the generated one.
	Map []MapRule `json:"map,omitempty"`
	// Require is how its requires are found: OfficialRequire, NightlyRequire or
	// ScanRequire.
	Require string `json:"require"`
	// Released is the file of Data that holds the composer.json as it was
	// released, with {tag} for the tag. A tag that has none gets a generated one.
	Released string `json:"released,omitempty"`
}

// How a base package's requires are found.
const (
	// OfficialRequire is the rule that all official base packages follow: the
	// names that they have always had, as far as the root requires them.
	OfficialRequire = "official"
	// NightlyRequire is the official list and what the base package's code uses
	// of the root's requires. It needs a composer.lock.
	NightlyRequire = "nightly"
	// ScanRequire is what the classes of all PHP of the base package come from,
	// tests included, for comparison with the generator that Mage-OS had before.
	// It needs a composer.lock.
	ScanRequire = "scan"
)

// The types of an edition.
const (
	ProductEdition = "product"
	ProjectEdition = "project"
)

// An Edition is a package computed from the root composer.json of a repository:
// the product metapackage or the project that people create.
type Edition struct {
	Name        string `json:"name"` // without vendor: product-community-edition
	Type        string `json:"type"` // ProductEdition or ProjectEdition
	Repository  string `json:"repository"`
	Description string `json:"description"`
	// Product is the edition that a project requires, without vendor.
	Product string `json:"product,omitempty"`
	// Base is the base package that a product requires, without vendor.
	Base string `json:"base,omitempty"`
	// Require are requires added to those of the root composer.json.
	Require []Require `json:"require"`
	// Released is as in Base. A file without a name holds requires alone: it
	// stands for Require, and its other keys are put in.
	Released string `json:"released,omitempty"`
	// ReleasedOnly leaves the edition out of tags that have no such file.
	ReleasedOnly bool `json:"released-only,omitempty"`
	// Allow, if there is any, are the only packages that stay of those that the root
	// composer.json requires and replaces, by their built names: for a product that
	// is smaller than the sources. Base and Require are added whatever stands here.
	Allow []string `json:"allow,omitempty"`
}

// A Require is one added require of an edition: a constraint, or the latest tag
// of a git repository, resolved in the Plan. A package that is built is pinned
// to its own version whatever stands here.
type Require struct {
	Package    string `json:"package"`
	Constraint string `json:"constraint,omitempty"`
	LatestTag  string `json:"latest-tag,omitempty"` // URL of a git repository
}

// An Edit changes one built package's composer.json.
type Edit struct {
	Package string `json:"package"` // its built name
	// When is the constraint that the package's version meets; empty: any does.
	When   string `json:"when,omitempty"`
	Reason string `json:"reason"`
	// Remove and Set address one entry of a section: "require" and a name.
	Remove []EditLink `json:"remove"`
	Set    []EditLink `json:"set"`
}

// An EditLink is one entry of a section of composer.json.
type EditLink struct {
	Section    composer.Section `json:"section"`
	Name       string           `json:"name"`
	Constraint string           `json:"constraint"`
}

// Vendors are those of the line's own packages, in the sources and as they are built, in byte order.
func (l *Line) Vendors() []string {
	vendors := append(slices.Collect(maps.Values(l.Rename)), l.Vendor)
	return slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(vendors, maps.Keys(l.Rename)))))
}

// Owns reports whether the line may publish a package of that name: it is of the line's vendors, stands in for another,
// or is listed as foreign.
func (l *Line) Owns(name string) bool {
	vendor := composer.Name(name).Vendor()
	return vendor == l.Aliases || slices.Contains(l.Vendors(), vendor) || slices.Contains(l.Foreign, name)
}

// Repository gives the repository of that name.
func (l *Line) Repository(name string) (Repository, bool) {
	for _, r := range l.Repositories {
		if r.Name == name {
			return r, true
		}
	}
	return Repository{}, false
}

// Project is the edition that is installed: the one that the line names, or its first project;
// empty: there is none.
func (l *Line) Project() string {
	if l.Install.Project != "" {
		return l.Install.Project
	}
	for _, e := range l.Editions {
		if e.Type == "project" {
			return e.Name
		}
	}
	return ""
}

// Edition gives the edition of that name.
func (l *Line) Edition(name string) (Edition, bool) {
	for _, e := range l.Editions {
		if e.Name == name {
			return e, true
		}
	}
	return Edition{}, false
}

// Clone copies the line deeply, so that a change to one is not seen in the other.
func (l *Line) Clone() (*Line, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	var c Line
	return &c, json.Unmarshal(data, &c)
}

// IsEmbedded reports whether a URL names something that the program carries in
// itself, and its name.
func IsEmbedded(url string) (name string, ok bool) { return strings.CutPrefix(url, "embedded:") }

// A Committer is who makes release commits and tags.
type Committer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}
