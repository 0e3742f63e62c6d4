package releases

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mage-os/nightly/releases/config"
)

// A SnapshotKind is the kind of a snapshot: a night, a release or another. The zero value is no kind.
type SnapshotKind int

// The kinds, in the order in which a repository shows them.
const (
	Release  SnapshotKind = 1 + iota // a tagged release
	Night                            // the branches of a day
	Addition                         // the tags that a mirror had not yet, on a day
	Adoption                         // what others had published there before, on a day
	Preview                          // the branches of a day with what is not merged there yet
)

// Dir is the folder of a published repository in which the snapshots of a kind lie.
func (k SnapshotKind) Dir() string {
	return [...]string{"", "releases", "nights", "mirror", "adopted", "previews"}[k]
}

// String is the field's word for it: release, night, addition, adoption or preview.
func (k SnapshotKind) String() string {
	return [...]string{"snapshot", "release", "night", "addition", "adoption", "preview"}[k]
}

// OfBranches reports whether it is built from the branches of a day: only the newest ones stay.
func (k SnapshotKind) OfBranches() bool { return k == Night || k == Preview }

// SnapshotDirs are the folders of a published repository in which snapshots lie.
func SnapshotDirs() []string {
	return []string{Release.Dir(), Night.Dir(), Addition.Dir(), Adoption.Dir(), Preview.Dir()}
}

// A SnapshotName names what one run builds:
//
//	3.1.0-rc1            releases/3.1.0-rc1   a release
//	2026-11-24.1         nights/2026-11-24.1  the second night of a day
//	mirror-2026-11-24    mirror/2026-11-24    the first addition of a day
//	adopted-2026-11-24   adopted/2026-11-24   what was taken over on a day
//	preview-2026-11-24   previews/2026-11-24  the first preview of a day
//
// What comes from outside is a name only after ParseSnapshotName, which reading JSON
// calls. A field that may be unset takes the option omitzero.
type SnapshotName string

// prefixes stand before the date.
var prefixes = [...]string{Night: "", Addition: "mirror-", Adoption: "adopted-", Preview: "preview-"}

// ParseSnapshotName checks a name. The error is a *config.Error.
func ParseSnapshotName(text string) (SnapshotName, error) {
	name := SnapshotName(text)
	if name.Kind() == 0 {
		return "", config.Errorf("%.60q is no name of a snapshot: want a date, such as 2026-11-24 or 2026-11-24.1, the version of a release, such as 3.1.0, or %s, %s or %s and a date", text, prefixes[Addition], prefixes[Adoption], prefixes[Preview])
	}
	return name, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *SnapshotName) UnmarshalText(text []byte) (err error) {
	*n, err = ParseSnapshotName(string(text))
	return err
}

// nameParts are what a name says; they are empty for what is no name.
type nameParts struct {
	kind    SnapshotKind
	base    string // last part of Dir
	version ReleaseVersion
	date    string
	number  int
}

func (n SnapshotName) parts() nameParts {
	for kind := Night; kind <= Preview; kind++ {
		base, ok := strings.CutPrefix(string(n), prefixes[kind])
		date, digits, _ := strings.Cut(base, ".")
		number, _ := strconv.Atoi(digits) // what is no number is not printed again
		if ok && checkDay(date, number) == nil && dayName(date, number) == base {
			return nameParts{kind: kind, base: base, date: date, number: number}
		}
	}
	if v, err := ParseReleaseVersion(string(n)); err == nil {
		return nameParts{kind: Release, base: string(n), version: v}
	}
	return nameParts{}
}

func dayName(date string, number int) string {
	if number == 0 {
		return date
	}
	return date + "." + strconv.Itoa(number)
}

// Kind says what the snapshot is built from; it is 0 for what is no name.
func (n SnapshotName) Kind() SnapshotKind { return n.parts().kind }

// Title names the snapshot in a sentence: night 2026-11-24, release 3.1.0, addition
// mirror-2026-11-24.
func (n SnapshotName) Title() string { return n.Kind().String() + " " + string(n) }

// NameList lists names for people.
func NameList(names []SnapshotName) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(names), " ", ", "), "[]")
}

// Number counts the snapshots of a kind on one day, from 0; releases have none.
func (n SnapshotName) Number() int { return n.parts().number }

// Day is the day of a snapshot that has one.
func (n SnapshotName) Day() time.Time {
	day, _ := time.Parse(time.DateOnly, n.parts().date) // of releases: none
	return day
}

// SameDay reports whether two snapshots are of one kind and one day.
func (n SnapshotName) SameDay(other SnapshotName) bool {
	a, b := n.parts(), other.parts()
	return a.date != "" && a.date == b.date && a.kind == b.kind
}

// Dir is the folder of the snapshot in a published repository, such as
// nights/2026-11-24.1; it is empty for what is no name.
func (n SnapshotName) Dir() string {
	p := n.parts()
	return path.Join(p.kind.Dir(), p.base)
}

// CutSnapshotDir cuts the path of a file in a published repository behind the folder of
// its snapshot: nights/2026-11-24/p2/a/b.json into the name 2026-11-24 and p2/a/b.json.
// The rest of the folder itself is empty. A path in no snapshot's folder is not ok.
func CutSnapshotDir(file string) (name SnapshotName, rest string, ok bool) {
	dir, rest, _ := strings.Cut(file, "/")
	base, rest, _ := strings.Cut(rest, "/")
	if at := slices.Index(SnapshotDirs(), dir); at >= 0 {
		base = prefixes[Release+SnapshotKind(at)] + base
	}
	name = SnapshotName(base)
	return name, rest, name.Kind() != 0 && name.Kind().Dir() == dir
}

// NewestFirst orders names: releases by their version, the highest first, then nights,
// additions and adoptions by date and number. Releases lead, since they are what the users of
// a repository are to see.
func NewestFirst(a, b SnapshotName) int {
	x, y := a.parts(), b.parts()
	order := cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(y.date, x.date), cmp.Compare(y.number, x.number))
	if order == 0 && x.kind == Release {
		order = y.version.Compare(x.version)
	}
	return cmp.Or(order, cmp.Compare(b, a)) // 3.1 is no other version than 3.1.0
}

// maxNumber bounds the snapshots of one day.
const maxNumber = 999

// checkDay says what is wrong with the date and number of a snapshot.
func checkDay(date string, number int) error {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return fmt.Errorf("date %q: want a UTC day such as 2026-11-24", date)
	}
	if number < 0 || number > maxNumber {
		return fmt.Errorf("number %d of the night: want 0 to %d", number, maxNumber)
	}
	return nil
}
