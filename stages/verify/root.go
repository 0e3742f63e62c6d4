package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// A switchFile is a packages.json. Whatever else Composer would obey is refused.
type switchFile struct {
	Packages    []any    `json:"packages"`
	MetadataURL string   `json:"metadata-url"`
	Available   []string `json:"available-packages"`
	// Files of metadata have all that there is of both; nobody is asked elsewhere.
	Advisories *struct {
		Metadata bool `json:"metadata"`
	} `json:"security-advisories"`
	Filter *struct {
		Metadata bool                       `json:"metadata"`
		Lists    map[string]map[string]bool `json:"lists"`
	} `json:"filter"`
	Nightly nightlyKey `json:"x-nightly"`
}

type nightlyKey struct {
	Format    int                     `json:"format"`
	URL       string                  `json:"url"`
	Snapshots []releases.SnapshotName `json:"snapshots"`
	Withdrawn []releases.SnapshotName `json:"withdrawn"`
	Versions  []string                `json:"withdrawn-versions"` // single ones: "acme/tool 1.1.0"
	Former    string                  `json:"former-dists"`       // folder in which dists lie as well
}

var metaURL = regexp.MustCompile(`^meta/([0-9a-f]{64})/%package%\.json$`)

// root reads packages.json and the front page.
func (c *check) root(ctx context.Context) error {
	data, err := c.open(ctx, stages.PackagesFile, maxSwitch)
	if err != nil {
		if errors.Is(err, errTooLong) {
			c.belongs(stages.PackagesFile)
			c.bad(stages.PackagesFile, "%v", err)
			return nil
		}
		return fmt.Errorf("read %s of %s: %w", stages.PackagesFile, c.o.Source, err)
	}
	c.belongs(stages.PackagesFile)
	if !c.parseSwitch(data) {
		return nil
	}
	c.signed(stages.PackagesFile, data)
	c.read(ctx, pageFile, maxPage)
	c.where()
	return nil
}

// parseSwitch reports whether the rest of the repository can be found.
func (c *check) parseSwitch(data []byte) bool {
	bad := func(format string, args ...any) { c.bad(stages.PackagesFile, format, args...) }
	var s switchFile
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields() // Composer obeys keys such as "providers-url" and "mirrors"
	if err := decoder.Decode(&s); err != nil {
		bad("is no packages.json of this program: %v", err)
		return false
	}
	base, err := stages.BaseURL(s.Nightly.URL)
	if err != nil || base != s.Nightly.URL {
		bad("names %.120q as its URL", s.Nightly.URL)
		return false
	}
	if s.Nightly.Format != 1 || len(s.Packages) > 0 {
		bad("has format %d and %d packages of its own; want format 1 and none", s.Nightly.Format, len(s.Packages))
	}
	match := metaURL.FindStringSubmatch(strings.TrimPrefix(s.MetadataURL, base))
	if match == nil || !strings.HasPrefix(s.MetadataURL, base) {
		bad("metadata-url %.160q does not name a folder of %s", s.MetadataURL, base)
		return false
	}
	all := slices.Concat(s.Nightly.Snapshots, s.Nightly.Withdrawn)
	if len(s.Nightly.Snapshots) == 0 || len(all) > maxSnapshots || len(s.Available) > maxNames {
		bad("names %d snapshots and %d packages", len(all), len(s.Available))
		return false
	}
	if slices.ContainsFunc(all, func(name releases.SnapshotName) bool { return name.Kind() == 0 }) { // null
		bad("names a snapshot that has no name")
		return false
	}
	if slices.Sort(all); len(slices.Compact(all)) != len(s.Nightly.Snapshots)+len(s.Nightly.Withdrawn) {
		bad("names a snapshot twice")
	}
	if !slices.IsSortedFunc(s.Nightly.Snapshots, releases.NewestFirst) {
		bad("does not name the newest snapshot first: %.120q", s.Nightly.Snapshots)
	}
	for _, name := range s.Available {
		if _, err := composer.ParseName(name); err != nil {
			bad("available-packages: %v", err)
			return false
		}
	}
	if !slices.IsSorted(s.Available) || len(slices.Compact(slices.Clone(s.Available))) != len(s.Available) {
		bad("available-packages are not in order, or name one twice")
	}
	c.base, c.key, c.meta, c.names = base, s.Nightly, match[1], s.Available
	c.report.URL, c.report.Snapshot, c.report.Withdrawn = base, c.key.Snapshots[0], c.key.Versions
	return true
}

// where refuses a repository that sends its clients elsewhere.
func (c *check) where() {
	switch {
	case c.base == c.o.URL || c.trusted != nil && c.base == c.report.Signed.URL:
	case c.o.Root == nil && c.o.URL != "":
		c.report.Unchecked = append(c.report.Unchecked, "whether "+c.base+", to which clients are sent, is whose it should be: no root was given")
	case c.o.URL != "" || c.trusted != nil:
		c.bad(stages.PackagesFile, "sends clients to %s, which is neither this repository nor the one that was signed", c.base)
	}
}

// text is a digest that may be missing.
func text(d pipeline.Digest) string {
	if d == "" {
		return "nothing"
	}
	return string(d)
}

// status compares the file for monitors with packages.json.
func (c *check) status(ctx context.Context) {
	var s struct {
		URL       string                  `json:"url"`
		Snapshot  releases.SnapshotName   `json:"snapshot"`
		Snapshots []releases.SnapshotName `json:"snapshots"`
		Metadata  string                  `json:"metadata"`
	}
	data, ok := c.read(ctx, statusFile, maxSwitch)
	if !ok {
		return
	}
	if err := json.Unmarshal(data, &s); err != nil {
		c.bad(statusFile, "is no JSON of its kind: %v", err)
	} else if s.URL != c.base || s.Snapshot != c.key.Snapshots[0] || !slices.Equal(s.Snapshots, c.key.Snapshots) || s.Metadata != c.meta {
		c.bad(statusFile, "is of %.60s and metadata %.80q, packages.json of %s and %s: one of them is older", s.Snapshot, s.Metadata, c.key.Snapshots[0], c.meta)
	}
}
