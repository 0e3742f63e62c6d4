// Package verify reads a published repository as a stranger does who trusts nothing but
// a root of The Update Framework: every signature, every hash, every require, and that
// nothing is there that should not be. It knows the layout by itself and shares none of the code that
// publishes.
package verify

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/trust"
)

// A Source is where the repository is read from.
type Source interface {
	// String is where it is, for people.
	String() string
	// Open reports fs.ErrNotExist; the caller closes the file.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// Options are what is verified, against what.
type Options struct {
	Source Source
	// List gives the names of all files of the repository; nil where it cannot be
	// listed, as on the web: then what nothing names is not found.
	List func(context.Context) ([]string, error)
	// Root is the trusted root; nil skips signatures.
	Root []byte
	// Memory is a folder that keeps what was seen: nothing older is taken after it. Empty:
	// nothing is kept.
	Memory string
	// URL is where clients read this repository, if that is another URL than the signed
	// one: a mirror. Empty: the signed one.
	URL string
	Now time.Time
	// Rebuilders are those who are asked to build snapshots again; Threshold is how many of them have to have built the
	// current one, and the same. Nil: nobody is asked.
	Rebuilders trust.Rebuilders
	Threshold  int
	// Dists says whether the zips are read, too.
	Dists bool
	// Progress gets each file; nil for none.
	Progress func(file string)
}

// A Problem is what is wrong with which file.
type Problem struct {
	File string `json:"file"`
	What string `json:"what"` // completes "File: "
}

// String implements fmt.Stringer: one line.
func (p Problem) String() string { return p.File + ": " + p.What }

// A Report is what was found.
type Report struct {
	URL       string                `json:"url"` // that the metadata names
	Snapshot  releases.SnapshotName `json:"snapshot,omitzero"`
	Snapshots int                   `json:"snapshots"`
	Packages  int                   `json:"packages"` // of all snapshots
	Files     int                   `json:"files"`    // read
	Bytes     int64                 `json:"bytes"`    // of those
	Signed    *Signed               `json:"signed"`   // nil: not verified
	Problems  []Problem             `json:"problems"`
	Unchecked []string              `json:"unchecked"` // what could not be looked at, and why
	// Adopted counts those of Packages that were adopted, not built.
	Adopted int `json:"adopted,omitempty"`
	// Preview says what the snapshots are a preview of, and when it ends; empty: of nothing.
	Preview string `json:"preview,omitempty"`
	// Withdrawn are versions that the metadata no longer has: "acme/tool 1.1.0".
	Withdrawn []string `json:"withdrawn,omitempty"`
	// Rebuilt has the result of the rebuilders for each snapshot; nil without rebuilders.
	Rebuilt map[releases.SnapshotName]*attest.Rebuilds `json:"rebuilt,omitempty"`
}

// Signed has the URL and line of a signed repository, and when its roles expire.
type Signed struct {
	trust.Place
	Roles []trust.RoleStatus `json:"roles"`
}

// Repository verifies a whole repository. Its error says that it could not be read at
// all; whatever else is wrong is in the report.
func Repository(ctx context.Context, o Options) (*Report, error) {
	c := &check{
		o: o, known: map[string]bool{}, reported: map[string]bool{}, snapshots: map[releases.SnapshotName]*snapshot{},
		report: &Report{Problems: []Problem{}, Unchecked: []string{}},
	}
	c.trust(ctx)
	if err := c.root(ctx); err != nil {
		return nil, err
	}
	if c.base != "" {
		c.eachSnapshot(ctx)
		c.dists(ctx)
		c.merged(ctx)
		c.status(ctx)
	}
	c.signedThere()
	if err := c.unexpected(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	c.unchecked()
	slices.SortFunc(c.report.Problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), strings.Compare(a.What, b.What))
	})
	return c.report, nil
}

// A check is one verification under way.
type check struct {
	o         Options
	base      string // that packages.json names
	key       nightlyKey
	meta      string // digest of the metadata folder
	listed    []string
	names     []string                            // of packages that the repository resolves
	trusted   *trust.Repository                   // nil: none
	origin    string                              // where the dists of a site lie
	snapshots map[releases.SnapshotName]*snapshot // that were read whole

	unpacked sync.Map // entries of zips that are whole, by packedAs

	mu        sync.Mutex
	report    *Report
	reported  map[string]bool
	known     map[string]bool // files that belong to the repository
	elsewhere bool            // dists lie at another URL
	slow      string          // the file that the server was too slow for
}

// bad notes a problem. What is read is shown only in part.
func (c *check) bad(file, format string, args ...any) {
	what := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Problem{file, shortened(what)}
	if !c.reported[p.String()] {
		c.reported[p.String()] = true
		c.report.Problems = append(c.report.Problems, p)
	}
}

// maxProblem bounds a line, in bytes.
const maxProblem = 400

func shortened(text string) string {
	if len(text) > maxProblem {
		return strings.ToValidUTF8(text[:maxProblem], "") + "…"
	}
	return text
}

// belongs notes that a file is a part of the repository.
func (c *check) belongs(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		c.known[name] = true
	}
}

// unchecked lists what was not verified.
func (c *check) unchecked() {
	if c.o.Root == nil {
		c.report.Unchecked = append(c.report.Unchecked, "signatures: no root was given")
	}
	if c.o.List == nil {
		c.report.Unchecked = append(c.report.Unchecked, "files that nothing names: a web server does not list its files")
	}
	switch {
	case c.elsewhere:
		c.report.Unchecked = append(c.report.Unchecked, "dists: they lie at "+c.origin+"; verify that, too")
	case !c.o.Dists:
		c.report.Unchecked = append(c.report.Unchecked, "dists: they were not asked for")
	}
}

// The layout; see "The published repository" in README.md and releases.SnapshotName.Dir.
const (
	metaDir      = "meta"
	versionsFile = "versions.json"
	changesFile  = "changes.json"
	pageFile     = "index.html"
	statusFile   = "status.json"
	badgeFile    = "badge.json"
)

// boardFiles are files and folders for people; neither a manifest nor a signature covers them.
var boardFiles = []string{"history", "tries", "pages", "feed.xml", "breakages.xml"}

func snapshotFile(name releases.SnapshotName, file string) string { return name.Dir() + "/" + file }

func isDist(name string) bool { return strings.HasPrefix(name, stages.DistsDir+"/") }
