package releases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/composer"
)

func TestNewestFirst(t *testing.T) {
	want := []SnapshotName{
		"3.1.0-p1", "3.1.0", "3.1", "3.1.0-rc1", "3.0.10", "3.0.9", "2026-11-25", "2026-11-24.10", "2026-11-24.9", "2026-11-24",
		"mirror-2027-01-01", "mirror-2026-11-24.1", "mirror-2026-11-24",
		"adopted-2027-01-01", "adopted-2026-11-24", "preview-2026-11-24.1", "preview-2026-11-24",
	}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, NewestFirst)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNoSnapshotName(t *testing.T) {
	for _, text := range []string{
		"", "..", "meta", "2026-11", "2026-11-24.0", "2026-11-24.01", "2026-11-24.+1", "2026-11-24.-1", "2026-11-24.", "2026-11-24.1000",
		"2026-11-24.1.1", "2026-02-30", "2026-13-01", "2026-1-1", "3.1.0/x", ".3.1.0", "3", "v3.1.0", "3.01.0", "3.1.0-p0",
		"mirror", "mirror-", "mirror-3.1.0", "mirror-2026-11-24.0", "mirror-mirror-2026-11-24", "Mirror-2026-11-24", "2026-11-24 ", "２026-11-24",
	} {
		if name, err := ParseSnapshotName(text); err == nil {
			t.Errorf("%q is the name %#v", text, name)
		}
	}
}

func TestSnapshotDir(t *testing.T) {
	for text, dir := range map[string]string{
		"2026-11-24.1": "nights/2026-11-24.1", "3.1.0-beta1": "releases/3.1.0-beta1", "mirror-2026-11-24.2": "mirror/2026-11-24.2",
		"adopted-2026-11-24": "adopted/2026-11-24", "preview-2026-11-24.1": "previews/2026-11-24.1",
	} {
		if got := SnapshotName(text).Dir(); got != dir {
			t.Errorf("%s lies in %s, want %s", text, got, dir)
		}
	}
	for _, file := range []string{
		"", "nights", "nights/", "nights/x/a", "nights/3.1.0/a", "releases/2026-11-24/a", "mirror/3.1.0/a", "mirror/mirror-2026-11-24",
		"nights/mirror-2026-11-24", "nights/adopted-2026-11-24", "nights/preview-2026-11-24", "previews/3.1.0", "adopted/mirror-2026-11-24", "adopted/3.1.0", "/nights/2026-11-24", "night/2026-11-24", "nights/2026-11-24.0/a",
	} {
		if name, _, ok := CutSnapshotDir(file); ok {
			t.Errorf("%q is a file of %s", file, name)
		}
	}
}

// plainName is a snapshot's name in its parts, and compares as one would by hand.
type plainName struct {
	kind    SnapshotKind
	version string
	day     time.Time
	number  int
}

func randomName(r *rand.Rand) plainName {
	p := plainName{kind: []SnapshotKind{Night, Release, Addition}[r.IntN(3)]}
	if p.kind == Release {
		p.version = fmt.Sprintf("%d.%d", r.IntN(2), r.IntN(12))
		if r.IntN(2) == 0 {
			p.version += fmt.Sprintf(".%d", r.IntN(2))
		}
		if suffix := []string{"", "-alpha", "-beta", "-rc", "-p"}[r.IntN(5)]; suffix != "" {
			p.version += fmt.Sprintf("%s%d", suffix, 1+r.IntN(11))
		}
		return p
	}
	p.day = time.Date(2025+r.IntN(2), time.Month(1+r.IntN(12)), 1+r.IntN(31), 0, 0, 0, 0, time.UTC)
	p.number = r.IntN(3) * r.IntN(500)
	return p
}

func (p plainName) String() string {
	text := p.version
	if p.kind != Release {
		text = p.day.Format(time.DateOnly)
	}
	if p.kind == Addition {
		text = "mirror-" + text
	}
	if p.number > 0 {
		text += fmt.Sprintf(".%d", p.number)
	}
	return text
}

func (p plainName) newestFirst(q plainName) int {
	switch {
	case p.kind != q.kind:
		return int(p.kind - q.kind)
	case p.kind != Release:
		return cmp.Or(q.day.Compare(p.day), q.number-p.number)
	}
	x, _ := composer.ParseVersion(p.version)
	y, _ := composer.ParseVersion(q.version)
	return cmp.Or(y.Compare(x), strings.Compare(q.version, p.version))
}

// TestSnapshotNames: what is printed is parsed again, from text, JSON and a path, and
// the order of names is total and that of a plain reference.
func TestSnapshotNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plain := make([]plainName, 300)
	names := make([]SnapshotName, len(plain))
	for i := range plain {
		plain[i] = randomName(r)
		text := plain[i].String()
		name, err := ParseSnapshotName(text)
		if err != nil || string(name) != text || name.Kind() != plain[i].kind || name.Number() != plain[i].number {
			t.Fatalf("%s is parsed as %s, kind %d, number %d: %v", text, name, name.Kind(), name.Number(), err)
		}
		if back, rest, ok := CutSnapshotDir(name.Dir() + "/p2/a/b.json"); !ok || back != name || rest != "p2/a/b.json" {
			t.Errorf("%s: its folder %s is cut into %s and %q", text, name.Dir(), back, rest)
		}
		data, err := json.Marshal(map[string]any{"snapshot": name})
		var back struct {
			Name SnapshotName `json:"snapshot"`
		}
		if err != nil || json.Unmarshal(data, &back) != nil || back.Name != name {
			t.Errorf("%s is %s in JSON, and %s again: %v", text, data, back.Name, err)
		}
		names[i] = name
	}
	for i, a := range names {
		for j, b := range names {
			order := NewestFirst(a, b)
			if sign(order) != sign(plain[i].newestFirst(plain[j])) || sign(order) != -sign(NewestFirst(b, a)) || (order == 0) != (a == b) {
				t.Fatalf("%s against %s: %d, the other way %d, want %d", a, b, order, NewestFirst(b, a), plain[i].newestFirst(plain[j]))
			}
			if same := plain[i].kind != Release && plain[i].kind == plain[j].kind && plain[i].day.Equal(plain[j].day); a.SameDay(b) != same {
				t.Fatalf("%s and %s are of the same day: %t", a, b, !same)
			}
		}
	}
}

func TestSnapshotNameInJSON(t *testing.T) {
	for _, text := range []string{"", "2026-11-24.0", "../2026-11-24"} {
		n := SnapshotName("2026-11-24")
		if err := json.Unmarshal([]byte(strconv.Quote(text)), &n); err == nil || n != "" {
			t.Errorf("%q is read as %q: %v", text, n, err)
		}
	}
}
