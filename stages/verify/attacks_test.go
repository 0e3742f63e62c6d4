package verify

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

const language = "dists/acme/language-1.0.0.zip"

// An attack is what somebody does who has the server, and perhaps a key.
type attack struct {
	name string
	do   func(t *testing.T, a *arena, f folder)
	cold bool // the clients have seen nothing before
	late bool // the plugin refuses it in its next run: in the one that reads a new root it still takes the keys before it
	// What the three say: go-tuf's client, this package, and Composer with its plugin, parts of it.
	tuf, verify, plugin string
}

var attacks = []attack{
	{"arbitrary package", func(t *testing.T, a *arena, f folder) { f.forge(a.evil) }, false, false,
		"packages.json is not what was signed", "packages.json: has SHA-256", "Invalid sha256 hash for packages.json"},
	{"wrong key", func(t *testing.T, a *arena, f folder) {
		f.forge(a.evil)
		a.keepers["thief"].sign(t, f, nil)
	}, false, false, "not enough signatures", "not enough signatures", "Signature threshold not met on timestamp"},
	{"rollback", func(t *testing.T, a *arena, f folder) { f.become(a.first) }, false, false,
		"must be >= ", "must be >= ", "Remote timestamp metadata version"},
	{"freeze past expiry", func(t *testing.T, a *arena, f folder) {
		k := a.keepers["ours"]
		f.renew(k.Authority, a.now.AddDate(0, 0, -9))
	}, false, false, "timestamp.json is expired", "timestamp.json is expired", "Remote timestamp metadata expired on"},
	{"mix-and-match", func(t *testing.T, a *arena, f folder) {
		f.copy("metadata/1.nights-00.json", "metadata/2.nights-00.json")
	}, true, false, "hash verification failed", "hash verification failed", ""},
	{"endless data", func(t *testing.T, a *arena, f folder) { f.sparse(trust.TimestampFile, 1<<30) }, false, false,
		"longer than", "longer than", "timestamp.json exceeded"},
	{"revoked key", func(t *testing.T, a *arena, f folder) {
		k := a.keepers["ours"]
		stolen, next := k.Authority, newKeeper(t, a.url, "acme", a.now)
		rotated, err := trust.ParseAuthority(stolen.Files())
		if err == nil {
			rotated.Keys = []*trust.Key{k.root, next.online}
			err = rotated.Rotate([]string{k.online.ID}, trust.OnlineRole, next.online, a.now)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.become(a.first)
		f.renewBy(stolen, a.first, a.now)
		for name, data := range rotated.Files() {
			f.write(path.Join(trust.Dir, name), string(data))
		}
	}, false, true, "not enough signatures", "not enough signatures", "Signature threshold not met on timestamp"},
	{"other line's repository", func(t *testing.T, a *arena, f folder) { f.become(a.other) }, false, false,
		"not enough signatures", "not enough signatures", "Signature threshold not met on timestamp"},
	{"dist swapped on the server", func(t *testing.T, a *arena, f folder) { f.copy(language, a.dist(f, "module-a")) }, true, false,
		"is not what was signed", `its composer.json is of "acme/language"`, "checksum verification of the file failed"},
	{"nights' key for a release", func(t *testing.T, a *arena, f folder) {
		k := a.keepers["ours"]
		thief, err := trust.ParseAuthority(k.Files())
		if err != nil {
			t.Fatal(err)
		}
		thief.Keys = []*trust.Key{k.online, k.kinds["nights"]}
		f.forge(a.evil)
		keeper{Authority: thief}.sign(t, f, func(want map[string]trust.Want) {
			want["nights"].Folders[0].Anew = true
			honest := want["nights"].Folders[0].Targets
			want["nights"].Folders[0].Targets = func(signed trust.Targets) (trust.Targets, error) {
				targets, err := honest(signed)
				targets["acme/language/1.0.0.0"] = trust.Bytes([]byte(f.read(language)))
				return targets, err
			}
		})
	}, false, false, "is not what was signed", "is not what a snapshot that is named says", "Invalid sha256 hash for acme/language"},
}

// A keeper has all keys of a repository.
type keeper struct {
	*trust.Authority
	root, online *trust.Key
	kinds        map[string]*trust.Key
}

func newKeeper(t *testing.T, url, line string, now time.Time) keeper {
	t.Helper()
	key := func() *trust.Key {
		key, _, err := trust.GenerateKey(rand.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	k := keeper{root: key(), online: key(), kinds: map[string]*trust.Key{"nights": key(), "releases": key()}}
	var err error
	k.Authority, err = trust.New(trust.Setup{Place: trust.Place{URL: url, Line: line}, Threshold: 1, Root: []*trust.Key{k.root}, Online: k.online, Kinds: k.kinds}, now)
	if err != nil {
		t.Fatal(err)
	}
	k.Keys = []*trust.Key{k.online, k.kinds["nights"], k.kinds["releases"]}
	return k
}

// sign signs what lies in a folder, with what is changed of what is signed there.
func (k keeper) sign(t *testing.T, f folder, change func(map[string]trust.Want)) {
	t.Helper()
	before, err := k.Open(t.Context(), f.source())
	if err != nil { // by somebody else
		before = nil
	}
	switches := trust.Bytes([]byte(f.read(stages.PackagesFile)))
	if before != nil {
		switches.Custom = before.Target(stages.PackagesFile).Custom
	}
	meta := trust.Targets{}
	for name := range f.files(f.meta()) {
		meta[name] = trust.Bytes([]byte(f.read(name)))
	}
	kept := func(dir string, targets trust.Targets) trust.Folder {
		return trust.Folder{Dir: dir, Targets: func(old trust.Targets) (trust.Targets, error) {
			all := maps.Clone(targets)
			maps.Copy(all, old)
			return all, nil
		}}
	}
	want := map[string]trust.Want{
		trust.RepositoryRole: {
			Targets: trust.Targets{stages.PackagesFile: switches, pageFile: trust.Bytes([]byte(f.read(pageFile)))},
			Folders: []trust.Folder{kept(f.meta(), meta)},
		},
		"releases": {Folders: []trust.Folder{kept("releases/1.0.0", trust.Targets{"acme/language/1.0.0.0": trust.Bytes([]byte(f.read(language)))})}},
		"nights":   {},
	}
	nights := want["nights"]
	for _, dir := range []string{"2026-11-25", "2026-11-24"} {
		if _, err := os.Stat(f.path("nights/" + dir)); err == nil {
			nights.Folders = append(nights.Folders, kept("nights/"+dir, trust.Targets{}))
		}
	}
	want["nights"] = nights
	if change != nil {
		change(want)
	}
	update, err := k.Next(before, want, map[string]int64{"timestamp": 9, "snapshot": 9}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f.put(update)
}

func (f folder) put(u *trust.Update) {
	f.Helper()
	for name, data := range u.Files {
		f.write(name, string(data))
	}
	f.write(trust.TimestampFile, string(u.Timestamp))
}

func (f folder) source() target.Target {
	f.Helper()
	t, err := target.Open(f.Context(), f.dir, target.Options{})
	if err != nil {
		f.Fatal(err)
	}
	return t
}

// renew signs the timestamp anew, at a time.
func (f folder) renew(by *trust.Authority, now time.Time) { f.Helper(); f.renewBy(by, f.dir, now) }

// renewBy is renew of what is in another folder, too, as who has a key and has not seen the newest root.
func (f folder) renewBy(by *trust.Authority, from string, now time.Time) {
	f.Helper()
	before, err := by.Open(f.Context(), folder{f.TB, from}.source())
	for range 5 { // above all that clients have seen
		var update *trust.Update
		if err == nil {
			update, err = by.Renew(before, now)
		}
		if err != nil {
			f.Fatal(err)
		}
		maps.DeleteFunc(update.Files, func(name string, _ []byte) bool { return strings.HasSuffix(name, "root.json") })
		f.put(update)
		if from == f.dir {
			return
		}
		to := folder{f.TB, f.TempDir()}
		to.become(from)
		to.put(update)
		from = to.dir
		before, err = by.Open(f.Context(), to.source())
	}
}

// become is the same as another folder.
func (f folder) become(from string) {
	f.Helper()
	f.remove(".")
	if err := os.CopyFS(f.dir, os.DirFS(from)); err != nil {
		f.Fatal(err)
	}
}

// files are those below a directory.
func (f folder) files(dir string) map[string]bool {
	f.Helper()
	entries, err := target.Walk(f.Context(), f.source(), dir)
	if err != nil {
		f.Fatal(err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		if !e.Dir {
			names[e.Name] = true
		}
	}
	return names
}

// forge puts another zip in the place of a dist, with all that Composer compares.
func (f folder) forge(zip string) {
	f.Helper()
	old := sha1Of(f.read(language))
	f.write(language, zip)
	f.replace(f.meta()+"/acme/language.json", old, sha1Of(zip))
	f.rename()
}

// An arena is a repository at a server that somebody attacks, and what its clients had before.
type arena struct {
	url         string
	now         time.Time
	served      atomic.Value // string: the folder
	keepers     map[string]keeper
	first, good string // folders: as it was a night before, and as it is
	other       string // another line's
	root        []byte
	evil        string // a zip
}

// newArena has the honest state of two nights, and of a release that has a package of them, too.
func newArena(t *testing.T) *arena {
	t.Helper()
	a := &arena{now: time.Now().UTC().Truncate(time.Second), keepers: map[string]keeper{}, first: t.TempDir(), good: t.TempDir(), other: t.TempDir()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		publish.Handler(a.served.Load().(string)).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL + "/"
	a.evil = string(zipOf(t, entry{name: "composer.json", text: `{"name":"acme/language"}`}, entry{name: "evil.php", text: "<?php evil();"}))
	for who, line := range map[string]string{"ours": "acme", "thief": "acme", "other": "other"} {
		a.keepers[who] = newKeeper(t, a.url, line, a.now.Add(-time.Hour))
	}
	_, a.root = a.keepers["ours"].Root()
	a.publish(t, a.good, "2026-11-24", "ours")
	a.keepers["ours"].sign(t, folder{t, a.good}, nil) // as a release has the language, too
	folder{t, a.first}.become(a.good)
	a.publish(t, a.good, "2026-11-25", "ours")
	a.keepers["ours"].sign(t, folder{t, a.good}, nil)
	a.publish(t, a.other, "2026-11-25", "other")
	return a
}

func (a *arena) publish(t *testing.T, dir, night, who string) {
	t.Helper()
	s := sample{name: releases.SnapshotName(night)}
	store, snapshot := s.build(t)
	o := publish.Options{Store: store, Owner: "test", Now: a.now, Trust: a.keepers[who].Authority, Attest: &attest.Options{Installation: s.installation()}}
	if _, err := publish.Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir, URL: a.url}); err != nil {
		t.Fatal(err)
	}
}

func (a *arena) dist(f folder, name string) string {
	return fmt.Sprintf("dists/acme/%s-2.4.8-alpha20261125.zip", name)
}

// install is what go-tuf's client takes of a repository; its error says what it does not take.
func (a *arena) install(ctx context.Context, f folder, memory string) error {
	source := f.source()
	r, err := trust.Open(ctx, source, trust.ClientOptions{Root: a.root, Memory: memory, Now: a.now})
	if err != nil {
		return err
	}
	read := func(name, as string) []byte {
		data, errRead := target.Read(ctx, source, name)
		if signed := r.Target(as); errRead == nil && (signed == nil || trust.Sum(signed) != pipeline.DigestOf(data)) {
			errRead = fmt.Errorf("%s is not what was signed as %s", name, as)
		}
		err = cmp.Or(err, errRead)
		return data
	}
	read(stages.PackagesFile, stages.PackagesFile)
	if err != nil {
		return err
	}
	at := f.meta() + "/" + releases.IndexName
	index, errIndex := releases.ParseIndex(read(at, at))
	if err := errors.Join(err, errIndex); err != nil {
		return err
	}
	for _, file := range index.Files {
		read(f.meta()+"/"+file.Name+".json", f.meta()+"/"+file.Name+".json")
		for _, v := range file.Versions {
			as, errName := trust.DistTarget(file.Name, v.Version)
			if errName != nil {
				return errName
			}
			read(stages.DistPath(strings.TrimSuffix(file.Name, "~dev"), v.Version), as)
		}
	}
	return err
}

// check is what this package says of a repository.
func (a *arena) check(ctx context.Context, f folder, memory string) error {
	o := f.options(a.root)
	o.Now, o.Memory = a.now, memory
	report, err := Repository(ctx, o)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range report.Problems {
		errs = append(errs, errors.New(p.String()))
	}
	return errors.Join(errs...)
}

// Each attack that TUF names is refused by go-tuf's client, by this package, and by Composer with its plugin.
func TestAttacks(t *testing.T) {
	a := newArena(t)
	p := newProject(t, a)
	seen := map[string]string{"tuf": t.TempDir(), "verify": t.TempDir()}
	good := folder{t, a.good}
	if err := errors.Join(a.install(t.Context(), good, seen["tuf"]), a.check(t.Context(), good, seen["verify"])); err != nil {
		t.Fatal(err)
	}
	warm, err := p.update(t, p.dir, a.good)
	if err != nil {
		t.Fatalf("the plugin refuses what is right: %v", err)
	}
	for _, test := range attacks {
		t.Run(test.name, func(t *testing.T) {
			f := folder{t, filepath.Join(t.TempDir(), "repository")}
			f.become(a.good)
			test.do(t, a, f)
			memory, project := map[string]string{"tuf": "", "verify": ""}, p.dir
			if !test.cold {
				project = warm
				for who, dir := range seen {
					memory[who] = t.TempDir()
					folder{t, memory[who]}.become(dir)
				}
			}
			refused(t, "go-tuf's client", a.install(t.Context(), f, memory["tuf"]), test.tuf)
			refused(t, "verify", a.check(t.Context(), f, memory["verify"]), test.verify)
			if p.composer != "" {
				dir, err := p.update(t, project, f.dir)
				if test.late && err == nil {
					_, err = p.update(t, dir, f.dir)
				}
				refused(t, "the plugin", err, test.plugin)
			}
		})
	}
	if p.composer == "" {
		t.Logf("the plugin was not tried: %s names no folder", pluginVariable)
	}
}

func refused(t *testing.T, who string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), want) {
		t.Errorf("%s says %v, want %q", who, err, want)
	}
}
