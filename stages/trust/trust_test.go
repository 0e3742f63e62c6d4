package trust

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

var start = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// A memory is a repository in memory.
type memory map[string][]byte

func (m memory) String() string { return "memory" }

func (m memory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	data, ok := m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m memory) put(u *Update) {
	maps.Copy(m, u.Files)
	m[TimestampFile] = u.Timestamp
}

func newKeyOf(t testing.TB) *Key {
	t.Helper()
	key, _, err := GenerateKey(rand.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A keeper has all keys of an authority.
type keeper struct {
	testing.TB
	*Authority
	root   []*Key
	online *Key
	kinds  map[string]*Key
}

func newKeeper(t testing.TB, line string) *keeper {
	t.Helper()
	k := &keeper{TB: t, root: []*Key{newKeyOf(t), newKeyOf(t), newKeyOf(t)}, online: newKeyOf(t), kinds: map[string]*Key{}}
	for _, kind := range releases.SnapshotDirs() {
		if kind != releases.Preview.Dir() { // which no line signs
			k.kinds[kind] = newKeyOf(t)
		}
	}
	var err error
	if k.Authority, err = New(Setup{Place{"https://example.org/", line}, 2, k.root, k.online, k.kinds}, start); err != nil {
		t.Fatal(err)
	}
	return k
}

// with has these keys for what it signs.
func (k *keeper) with(keys ...*Key) *keeper { k.Keys = keys; return k }

func (k *keeper) nights() *keeper { return k.with(k.online, k.kinds["nights"]) }

// night is what a repository with some nights of n packages is to sign; the newest was not signed before.
func night(days, n int) map[string]Want {
	var nights []Folder
	for day := days; day > 0; day-- {
		targets := Targets{fmt.Sprintf("nights/2026-11-%02d/nightly.json", day): Bytes([]byte(fmt.Sprint("manifest", day)))}
		for i := range n {
			targets[fmt.Sprintf("acme/module-%d/2.4.8.0-alpha202611%02d", i, day)] = Bytes([]byte(fmt.Sprint(day, i)))
		}
		nights = append(nights, folder(fmt.Sprintf("nights/2026-11-%02d", day), targets))
	}
	return map[string]Want{
		RepositoryRole: {Targets: Targets{"packages.json": switchOf(days)}, Folders: []Folder{
			folder(fmt.Sprintf("meta/%d", days), Targets{fmt.Sprintf("meta/%d/acme/module-0.json", days): Bytes([]byte("metadata"))}),
		}},
		"nights":   {Folders: nights},
		"releases": {Folders: []Folder{folder("releases/1.0.0", Targets{"acme/shop/1.0.0.0": Bytes([]byte("release"))})}},
	}
}

func switchOf(days int) *metadata.TargetFiles { return Bytes([]byte(fmt.Sprint("switch", days))) }

// folder is a folder with these targets.
func folder(dir string, targets Targets) Folder {
	return Folder{Dir: dir, Targets: func(Targets) (Targets, error) { return maps.Clone(targets), nil }}
}

// all are the targets of a role.
func (w Want) all(t *testing.T) Targets {
	t.Helper()
	all := maps.Clone(w.Targets)
	if all == nil {
		all = Targets{}
	}
	for _, f := range w.Folders {
		targets, err := f.Targets(nil)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, targets)
	}
	return all
}

// sum is the SHA-256 of what is signed of a target.
func sum(t *testing.T, r *Repository, name string) pipeline.Digest {
	t.Helper()
	f, err := r.Look(name)
	if err != nil || f == nil {
		t.Fatalf("%s: %v, %v", name, f, err)
	}
	return Sum(f)
}

func (k *keeper) publish(m memory, want map[string]Want, now time.Time) {
	k.Helper()
	before, err := k.Open(k.Context(), m)
	if _, there := m[TimestampFile]; !there {
		before, err = nil, nil
	}
	if err != nil {
		k.Fatal(err)
	}
	update, err := k.Next(before, want, nil, now)
	if err != nil {
		k.Fatal(err)
	}
	m.put(update)
}

// published is a repository whose releases were signed once, and its nights since.
func published(t testing.TB, k *keeper, days, n int) memory {
	m := memory{}
	first := night(1, n)
	k.with(k.online, k.kinds["nights"], k.kinds["releases"], k.kinds["mirror"], k.kinds["adopted"]).publish(m, first, start)
	for day := 2; day <= days; day++ {
		k.nights().publish(m, night(day, n), start.AddDate(0, 0, day-1))
	}
	return m
}

func TestPublished(t *testing.T) {
	for _, n := range []int{3, 600} { // with nights in one part, and each in one of its own
		k := newKeeper(t, "nightly")
		m := published(t, k, 4, n)
		r, err := Open(t.Context(), m, ClientOptions{Root: k.files["1.root.json"], Now: start.AddDate(0, 0, 3)})
		if err != nil {
			t.Fatal(err)
		}
		for role, want := range night(4, n) {
			for name, f := range want.all(t) {
				if got := sum(t, r, name); got != Sum(f) {
					t.Errorf("%d packages: %s of %s is %v", n, name, role, got)
				}
			}
			if got := len(r.Targets(role)); got != len(want.all(t)) {
				t.Errorf("%s has %d targets, want %d", role, got, len(want.all(t)))
			}
		}
		if f, err := r.Look("acme/none/1.0.0.0"); f != nil || err != nil {
			t.Errorf("a target that is not there: %v, %v", f, err)
		}
		if p, err := r.Place(); err != nil || p.Line != "nightly" {
			t.Errorf("%v, %v", p, err)
		}
	}
}

// What was signed once is not written again, and of what is not there any more the name is taken again.
func TestParts(t *testing.T) {
	k, m := newKeeper(t, "nightly"), memory{}
	k.with(k.online, k.kinds["nights"], k.kinds["releases"], k.kinds["mirror"], k.kinds["adopted"])
	for day := 1; day <= 5; day++ {
		before := maps.Clone(m)
		want := night(day, 600)
		nights := want["nights"]
		nights.Folders = nights.Folders[:min(3, day)] // the newest three stay
		want["nights"] = nights
		k.publish(m, want, start)
		var made []string
		for name := range m {
			if _, old := before[name]; !old {
				made = append(made, name)
			}
		}
		slices.Sort(made)
		if want := fmt.Sprintf("%d.nights-%02x.json", 1+(day-1)/3, (day-1)%3); day > 1 && (len(made) != 5 || made[0] != "metadata/"+want && made[1] != "metadata/"+want) {
			t.Errorf("day %d: made %q, want %s and four others", day, made, want)
		}
		r, err := Open(t.Context(), m, ClientOptions{Root: k.files["1.root.json"], Now: start})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.Targets("nights")); n != min(3, day)*601 {
			t.Errorf("day %d: %d targets", day, n)
		}
	}
}

// A rotation in the middle of ten nights: old clients follow, and what a thief signs with the old keys nobody takes.
func TestRotation(t *testing.T) {
	k, dir, m := newKeeper(t, "nightly"), t.TempDir(), memory{}
	first, online := k.files["1.root.json"], k.online
	k.with(k.online, k.kinds["nights"], k.kinds["releases"], k.kinds["mirror"], k.kinds["adopted"])
	for day := 1; day <= 10; day++ {
		now := start.AddDate(0, 0, day)
		if day == 6 {
			k.rotate(m, now)
			k.with(k.online, k.kinds["nights"], k.kinds["releases"], k.kinds["mirror"], k.kinds["adopted"])
		} else {
			k.publish(m, night(day, 3), now)
		}
		r, err := Open(t.Context(), m, ClientOptions{Root: first, Memory: dir, Now: now})
		if err != nil {
			t.Fatalf("night %d: %v", day, err)
		}
		if sum(t, r, "packages.json") != Sum(switchOf(day)) {
			t.Errorf("night %d: not the newest", day)
		}
	}
	timestamp, err := parse(metadata.Timestamp(), m[TimestampFile])
	if err != nil {
		t.Fatal(err)
	}
	timestamp.Signed.Version += 10
	timestamp.ClearSignatures()
	if err := sign(timestamp, []*Key{online}, []string{online.ID}); err != nil {
		t.Fatal(err)
	}
	if m[TimestampFile], err = timestamp.ToBytes(false); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), m, ClientOptions{Root: first, Memory: dir, Now: start.AddDate(0, 0, 10)}); err == nil {
		t.Error("a thief's timestamp was taken")
	}
}

// Who signs by a folder from before a rotation signs nothing.
func TestOldAuthority(t *testing.T) {
	k := newKeeper(t, "nightly")
	m := published(t, k, 2, 3)
	old, err := ParseAuthority(k.Files())
	if err != nil {
		t.Fatal(err)
	}
	if err := k.with(k.root[:2]...).Rotate(nil, "", nil, start); err != nil {
		t.Fatal(err)
	}
	k.nights().publish(m, night(3, 3), start)
	if _, err := old.Open(t.Context(), m); err == nil || !strings.Contains(err.Error(), "bring that folder up to date") {
		t.Error(err)
	}
}

// rotate gives all online keys up, and signs anew what is there.
func (k *keeper) rotate(m memory, now time.Time) {
	k.Helper()
	for role, key := range map[string]**Key{OnlineRole: &k.online, "nights": nil} {
		add, old := newKeyOf(k), k.KeysOf(role)
		if err := k.with(k.root[:2]...).Rotate(old, role, add, now); err != nil {
			k.Fatal(err)
		}
		if key != nil {
			*key = add
		} else {
			k.kinds[role] = add
		}
	}
	if err := k.Missing(); err != nil {
		k.Fatal(err)
	}
	k.with(k.online, k.kinds["nights"], k.kinds["releases"], k.kinds["mirror"], k.kinds["adopted"])
	if _, err := k.Open(k.Context(), m); err == nil || !strings.Contains(err.Error(), "does not count any more") {
		k.Fatal(err)
	}
	update, err := k.Next(nil, night(6, 3), Versions(m.names()), now)
	if err != nil {
		k.Fatal(err)
	}
	m.put(update)
}

func (m memory) names() []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}

// The root wants as many signatures as its threshold, of the old keys and of the new.
func TestThreshold(t *testing.T) {
	k := newKeeper(t, "nightly")
	add := newKeyOf(t)
	if err := k.with(k.root[0], add).Rotate([]string{k.root[2].ID}, RootRole, add, start); err != nil {
		t.Fatal(err)
	}
	if err := k.Missing(); err == nil || !strings.Contains(err.Error(), "2.root.json is not signed by enough keys of the root before it") {
		t.Error(err)
	}
	again, err := ParseAuthority(k.Files())
	if err != nil {
		t.Fatal(err)
	}
	again.Keys = k.root[1:2]
	if err := again.Sign(); err != nil {
		t.Fatal(err)
	}
	if err := again.Missing(); err != nil {
		t.Error(err)
	}
	if err := again.Rotate([]string{k.root[0].ID, k.root[1].ID}, "", nil, start); err == nil || !strings.Contains(err.Error(), "would have 1 keys") {
		t.Error(err)
	}
}

// A key does not print, and comes back with its passphrase alone.
func TestKey(t *testing.T) {
	pass := func(word string) Passphrase { return func(bool) ([]byte, error) { return []byte(word), nil } }
	key, text, err := GenerateKey(rand.Reader, pass("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(append(text, text...), pass("correct horse"))
	if err != nil || len(keys) != 2 || keys[1].ID != key.ID {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	for _, word := range []string{"", "wrong"} {
		if _, err := ParseKeys(text, pass(word)); err == nil {
			t.Errorf("read with %q", word)
		}
	}
	if s := fmt.Sprintf("%v %+v %s", key, *key, key.ID); strings.Contains(s, "PRIVATE") {
		t.Error(s)
	}
}
