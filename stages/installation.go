package stages

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// A Candidate is the input of the test installation. Its level, its cell and the
// versions of the tools are part of it, so that another PHP is another proof.
type Candidate struct {
	Snapshot Snapshot                      `json:"snapshot"`
	Composer []releases.ComposerRepository `json:"composer-repositories"`
	// Install is the line's, without its matrix and images: Cell is what of that is
	// proven.
	Install releases.Install `json:"install"`
	Cell    releases.Cell    `json:"cell"`
	// Tools are PHP, Composer, the database and the search, with the versions
	// that they name themselves.
	Tools []Tool `json:"tools"`
	// Images are what containers are made of; none where it is proven in this process.
	Images []Image `json:"images,omitempty"`
	// Replaced are the upstream packages that the night's stand in for: what a
	// third-party extension may require.
	Replaced []Replaced `json:"replaced"`
	// Upgrade is the earlier night that is installed first; none if its Snapshot
	// is empty.
	Upgrade Upgrade `json:"upgrade"`
	// Hold are the versions in which packages of others are installed, if they are; empty: Composer chooses.
	Hold map[string]string `json:"hold,omitempty"`
	// Judge is a command of the shell that has the last word, in the project; empty: none.
	Judge string `json:"judge,omitempty"`
}

// JudgeStep is the step of a Candidate's Judge.
const JudgeStep = "judge"

// A Replaced is an upstream package that one of ours stands in for.
type Replaced struct {
	Package  string `json:"package"` // ours
	Upstream string `json:"upstream"`
	Version  string `json:"version"` // of the upstream package
}

// An Upgrade is an earlier night that has to be upgraded to the candidate.
type Upgrade struct {
	Snapshot releases.SnapshotName `json:"snapshot,omitzero"`
	Version  string                `json:"version"` // of its project
	// Manifest is the digest of its manifest: a night can be another one under the same name.
	Manifest pipeline.Digest `json:"manifest"`
}

// CandidateOf is the part of a plan that the test installation reads, for one
// cell of the matrix.
func CandidateOf(p *releases.Plan, n Snapshot, cell releases.Cell, tools []Tool) Candidate {
	install := p.Line.Install
	install.Matrix, install.Images, install.Slower = releases.Matrix{}, nil, 0
	built := map[string]bool{}
	for _, pkg := range n.Packages {
		built[pkg.Name] = true
	}
	replaced := []Replaced{}
	for _, name := range slices.Sorted(maps.Keys(p.Replace)) {
		source := composer.Name(name)
		vendor, renamed := p.Line.Rename[source.Vendor()]
		// The product is replaced by nothing: see releases/rules.
		isProduct := p.Line.Upstream != nil && p.Line.Upstream.Package == name
		if ours := string(source.WithVendor(vendor)); renamed && !isProduct && built[ours] {
			replaced = append(replaced, Replaced{Package: ours, Upstream: name, Version: strings.TrimPrefix(p.Replace[name], "v")})
		}
	}
	return Candidate{Snapshot: n, Composer: p.Line.Composer, Install: install, Cell: cell, Tools: tools, Replaced: replaced}
}

// A Tool is a program that the installation was proven with.
type Tool struct {
	Name    string `json:"name"` // php, composer, database or search
	Version string `json:"version"`
}

// An Image is one that the installation was proven with.
type Image struct {
	Name string `json:"name"` // as in releases.Install.Images: php:8.4, mariadb:11.4, cache
	// Reference is that of a registry, by digest, the text of a Dockerfile, or a file's.
	Reference string `json:"reference"`
	// Unpinned says that it is the one that was found: another run may find another.
	Unpinned bool `json:"unpinned,omitempty"`
	// File is the size and the time of a file. Its digest would count in its place, but takes
	// seconds for each cell.
	File string `json:"file,omitempty"`
}

// Title is its reference for people.
func (i Image) Title() string { return releases.ImageTitle(i.Reference) }

// An Installation says what was proven, and with what.
//
// It holds times and is the input of no stage that saves its result.
type Installation struct {
	Snapshot releases.SnapshotName `json:"snapshot,omitzero"`
	Level    releases.Level        `json:"level"`
	Cell     releases.Cell         `json:"cell"`
	Tools    []Tool                `json:"tools"`
	Images   []Image               `json:"images,omitempty"`
	// Proven are the steps that passed, in order.
	Proven []Proof `json:"proven"`
	// NotProven is what the level would prove elsewhere, and why not here.
	NotProven []Proof `json:"not-proven"`
	// Steps are the commands and requests, in order.
	Steps []Step `json:"steps"`
	// Notices are what PHP, Composer and the shop complained of.
	Notices []Notice `json:"notices"`
	// Packages are all that Composer installed, by name.
	Packages []InstalledPackage `json:"packages"`
	// Tests are the packages' own tests that were run.
	Tests []TestSuite `json:"tests,omitempty"`
	// Report is a folder for people: installation.json, report.md, screenshots, results of tests.
	Report pipeline.Tree `json:"report"`
}

// Of is the installation as that of a candidate. What ran package code says what was proven,
// but not of what and with what.
func (i Installation) Of(c Candidate) Installation {
	i.Snapshot, i.Level, i.Cell, i.Tools, i.Images = c.Snapshot.Name, cmp.Or(c.Install.Level, releases.Installed), c.Cell, c.Tools, c.Images
	return i
}

// Others are the versions of third-party packages; nil if nothing was installed.
func (i Installation) Others() map[string]string {
	if len(i.Packages) == 0 {
		return nil
	}
	versions := map[string]string{}
	for _, p := range i.Packages {
		if !p.Ours {
			versions[p.Name] = p.Version
		}
	}
	return versions
}

// The paths of a report's folder.
const (
	InstallationFile = "installation.json" // an Installation without its Report
	ReportFile       = "report.md"
	ScreenshotsDir   = "screenshots"
	TestsDir         = "tests" // results as JUnit XML
)

// A Proof is one passed step of the test installation, or what was not proven.
type Proof struct {
	Step   string `json:"step"`
	Detail string `json:"detail"`
}

// A Step is one command or request of the test installation.
type Step struct {
	Level releases.Level `json:"level"`
	Name  string         `json:"name"`
	// Millis is the wall time.
	Millis int64 `json:"milliseconds"`
	// Memory is the most that one process of it had resident, in bytes; 0: not
	// known, as it was less than this program's own peak.
	Memory int64 `json:"memory"`
	// Queries are what the database was asked for a page, the end of a connection included; 0: it was not counted.
	Queries int `json:"queries,omitempty"`
}

// A Notice is a warning or deprecation, of a kind that came Count times.
type Notice struct {
	Source string `json:"source"` // php, composer, or a log of the shop
	Kind   string `json:"kind"`   // warning, deprecated, …
	Text   string `json:"text"`   // of the first one
	Count  int    `json:"count"`
}

// An InstalledPackage is one package of the installed shop.
type InstalledPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Ours    bool   `json:"ours"` // built in this night, and installed from it
	// License is what the package says of itself, as composer.lock has it; several
	// are a choice.
	License []string `json:"license"`
}

// Summary implements pipeline.Summarizer.
func (i Installation) Summary() string {
	ours := 0
	for _, p := range i.Packages {
		if p.Ours {
			ours++
		}
	}
	if len(i.Packages) == 0 {
		return fmt.Sprintf("level %s: nothing is installed", i.Level)
	}
	text := fmt.Sprintf("level %s: %d packages installed, %d of them ours", i.Level, len(i.Packages), ours)
	for _, suite := range i.Tests {
		text += "; " + suite.String()
	}
	if n := len(i.NotProven); n > 0 {
		text += fmt.Sprintf("; not proven: %d", n)
	}
	var unpinned []string
	for _, image := range i.Images {
		if image.Unpinned {
			unpinned = append(unpinned, image.Name)
		}
	}
	if len(unpinned) > 0 {
		text += "; unpinned: " + strings.Join(unpinned, ", ")
	}
	return text
}

// NamedBy begins the line of a failure that names the packages at fault.
const NamedBy = "named by that: "

// Blamed are the packages that the text of a failure names, or nothing.
func Blamed(failure string) string {
	_, rest, _ := strings.Cut(failure, NamedBy)
	packages, _, _ := strings.Cut(rest, "\n")
	return packages
}

// Tool gives the version of a tool, or nothing.
func (i Installation) Tool(name string) string { return ToolVersion(i.Tools, name) }

// ToolVersion is the version of the tool of that name, or nothing.
func ToolVersion(tools []Tool, name string) string {
	if at := slices.IndexFunc(tools, func(t Tool) bool { return strings.EqualFold(t.Name, name) }); at >= 0 {
		return tools[at].Version
	}
	return ""
}
