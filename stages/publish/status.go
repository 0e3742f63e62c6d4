package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A Status is the file for monitors. What a publish writes of it says nothing of time;
// the tries are added when a run has ended, well or not.
type Status struct {
	Format int    `json:"format"` // statusFormat
	URL    string `json:"url"`
	// Snapshot is the current one; empty: none was published yet.
	Snapshot  releases.SnapshotName   `json:"snapshot,omitzero"`
	Snapshots []releases.SnapshotName `json:"snapshots"`
	Withdrawn []releases.SnapshotName `json:"withdrawn"`
	Metadata  string                  `json:"metadata"` // folder that packages.json names
	Packages  int                     `json:"packages"` // that the repository resolves
	// Notes are of the tags of a mirror: what was left out of them, for one.
	Notes []releases.Note `json:"notes,omitempty"`
	// LastGood is the last try that published, or found all published; LastTry is the
	// last of all. Nil: none was told.
	LastGood *history.Try `json:"last-good"`
	LastTry  *history.Try `json:"last-try"`
}

const statusFormat = 3

// badgeFile is what https://shields.io/badges/endpoint-badge reads.
const badgeFile = "badge.json"

// A badge is one line with a colour.
type badge struct {
	SchemaVersion int    `json:"schemaVersion"` // 1
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
	IsError       bool   `json:"isError"`
}

func (s *Status) badge() badge {
	b := badge{SchemaVersion: 1, Label: "nightly", Message: "none yet", Color: "brightgreen"}
	if s.Snapshot != "" {
		b.Label, b.Message = page.WordsOf(s.Snapshot.Kind()).Badge, page.Label(s.Snapshot)
	}
	if s.LastTry != nil && !s.LastTry.Good() {
		b.Message += ", " + s.LastTry.Snapshot + " failed in " + s.LastTry.Stage
		b.Color, b.IsError = "red", true
	}
	return b
}

// maxStatus bounds what is read of a status, in bytes.
const maxStatus = 1 << 20

// badge is the badge of a repository, as its file.
func (r *repository) badge() ([]byte, error) {
	return encode((&Status{Snapshot: r.snapshots[0].name, LastTry: r.lastTry}).badge())
}

// ParseStatus reads a status.
func ParseStatus(data []byte) (*Status, error) {
	if len(data) > maxStatus {
		return nil, fmt.Errorf("%s has %d bytes; want at most %d", statusFile, len(data), maxStatus)
	}
	var s Status
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", statusFile, err)
	}
	if s.Format != statusFormat {
		return nil, fmt.Errorf("%s has format %d, this program knows %d; update it", statusFile, s.Format, statusFormat)
	}
	return &s, nil
}

// ReadStatus reads the status of a repository. It reports fs.ErrNotExist where there is
// none.
func ReadStatus(ctx context.Context, s target.Source) (*Status, error) {
	data, err := target.Read(ctx, s, statusFile)
	if err != nil {
		return nil, err
	}
	return ParseStatus(data)
}

// readStatus reads what a target tells. A status that cannot be read tells nothing; it is
// written anew.
func readStatus(ctx context.Context, s target.Source) (Status, error) {
	data, err := target.ReadIfThere(ctx, s, statusFile)
	if data == nil {
		return Status{}, err
	}
	status, err := ParseStatus(data)
	if err != nil {
		return Status{}, nil //nolint:nilerr // documented
	}
	return *status, nil
}

// Stale says why a monitor has to call somebody; it is empty if it has not. What counts is
// the age of the last good try.
func (s *Status) Stale(now time.Time, maxAge time.Duration) string {
	switch {
	case s.Snapshot == "":
		return "nothing was published yet"
	case s.LastGood == nil:
		return "it does not say when something was last published; publish again"
	case s.LastGood.At.After(now.Add(clockSkew)):
		return fmt.Sprintf("it says that %s was published at %s, which is later than now", s.LastGood.Snapshot, s.LastGood.At.Format(time.RFC3339))
	}
	age := now.Sub(s.LastGood.At)
	if age <= maxAge {
		return ""
	}
	why := fmt.Sprintf("the last good one, %s, is %s old, longer than %s", s.LastGood.Snapshot, age.Round(time.Second), maxAge)
	if s.LastTry != nil && !s.LastTry.Good() {
		return why + fmt.Sprintf("; the last try, of %s at %s, failed in %s: %s", s.LastTry.Snapshot, s.LastTry.At.Format(time.RFC3339), s.LastTry.Stage, s.LastTry.Reason)
	}
	return why + "; nothing was tried since: is the workflow enabled?"
}

// Behind says what a copy has not yet of its origin, and since when that is there; empty: it has all.
func (s *Status) Behind(origin *Status) (what string, since time.Time) {
	if s.Metadata == origin.Metadata {
		return "", since
	}
	if origin.LastGood != nil {
		since = origin.LastGood.At
	}
	missing := without(origin.Snapshots, s.Snapshots...)
	if len(missing) == 0 {
		return "its origin resolves other versions", since
	}
	if len(missing) > 1 && s.LastGood != nil { // when the first of them came, nobody tells
		since = s.LastGood.At
	}
	return fmt.Sprintf("it is at %s and lacks %d of the snapshots of its origin, which is at %s", s.Snapshot.Title(), len(missing), origin.Snapshot.Title()), since
}

// clockSkew is how far clocks may be apart.
const clockSkew = 10 * time.Minute
