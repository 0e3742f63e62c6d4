package ci

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/release"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/github/fake"
	"github.com/mage-os/nightly/releases/sample"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A manager releases the sample from git repositories of its own to a folder and a
// fake GitHub.
type manager struct {
	t      *testing.T
	dir    string
	line   string // its file
	github *fake.GitHub
	now    time.Time
}

// sampleName is the repository on GitHub that gets the releases.
const sampleName = "sample-os/monorepo"

func newManager(t *testing.T) *manager {
	t.Helper()
	needInstall(t)
	m := &manager{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)}
	text := "extends: sample-release\nkeep: 1\nrepositories:\n"
	for _, name := range []string{"monorepo", "extras"} {
		text += "  - {name: " + name + ", url: \"file://" + m.remote(name) + "\"}\n"
	}
	m.line = filepath.Join(m.dir, "line.yaml")
	m.write(m.line, []byte(text))
	m.begin()
	return m
}

func (m *manager) write(file string, data []byte) {
	m.t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *manager) remote(name string) string {
	return filepath.Join(m.dir, "remotes", "repositories", name)
}
func (m *manager) target() string  { return filepath.Join(m.dir, "repository") }
func (m *manager) preview() string { return filepath.Join(m.dir, "preview") }

// begin makes everything as it was before any release; the store stays.
func (m *manager) begin() {
	m.t.Helper()
	for _, name := range []string{"remotes", "repository", "preview", "store/plans"} {
		if err := os.RemoveAll(filepath.Join(m.dir, name)); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := git.Materialise(sample.Sources, filepath.Join(m.dir, "remotes", "repositories")); err != nil {
		m.t.Fatal(err)
	}
	m.github = fake.New()
	m.t.Cleanup(m.github.Close)
	m.github.Repositories[sampleName] = &fake.Repository{Owner: "sample-os", Name: "monorepo", DefaultBranch: "main", Tags: map[string]string{}, Branches: map[string]string{}}
}

func (m *manager) environment() map[string]string {
	return map[string]string{
		"NIGHTLY_STORE": filepath.Join(m.dir, "store"), "NIGHTLY_RUNNER": "process", "COMPOSER_ALLOW_SUPERUSER": "1",
		"GITHUB_API_URL": m.github.URL(), "GH_ENTERPRISE_TOKEN": "secret",
	}
}

// factory is what a run in this process takes from outside.
func (m *manager) factory(out io.Writer) *factory {
	environment := m.environment()
	return &factory{
		stdout: out, stderr: out, now: func() time.Time { return m.now }, wait: m.github.Wait,
		getenv: func(name string) string { return environment[name] },
		environ: func() []string {
			return append(os.Environ(), "COMPOSER_ALLOW_SUPERUSER=1")
		},
	}
}

// release runs mageos-nightly release in this process, and gives its exit code and all it says.
func (m *manager) release(args ...string) (code int, said string) {
	m.t.Helper()
	var out bytes.Buffer
	env := m.factory(&out)
	root := newRoot(env)
	root.SetArgs(append([]string{"release", "--line", m.line, "--to", m.target(), "--preview-to", m.preview(), "--github", sampleName}, args...))
	err := root.ExecuteContext(m.t.Context())
	if err != nil {
		out.WriteString("\nci: " + err.Error())
	}
	return exitCode(err), out.String()
}

func (m *manager) released(args ...string) string {
	m.t.Helper()
	code, said := m.release(args...)
	if code != exitOK {
		m.t.Fatalf("mageos-nightly release %s: exit code %d\n%s", strings.Join(args, " "), code, said)
	}
	return said
}

// refs are the refs of a repository that a release writes, with their commits.
func (m *manager) refs(name string) map[string]string {
	m.t.Helper()
	all, err := git.NewLister(git.Options{}).List(m.t.Context(), "file://"+m.remote(name))
	if err != nil {
		m.t.Fatal(err)
	}
	refs := map[string]string{}
	for _, ref := range all {
		refs[ref.Name] = ref.Commit
	}
	return refs
}

// files are the files of a folder, each with its SHA-256.
func (m *manager) files(dir string) map[string]string {
	m.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		sum := sha256.Sum256(data)
		found[filepath.ToSlash(rel)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		m.t.Fatal(err)
	}
	return found
}

// manifest is that of a published release.
func (m *manager) manifest(version string) *releases.Manifest {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join(m.target(), "releases", version, releases.ManifestName))
	if err != nil {
		m.t.Fatal(err)
	}
	manifest, err := releases.ParseManifest(data)
	if err != nil {
		m.t.Fatal(err)
	}
	return manifest
}

// onGitHub are the releases of the fake, each asset with its digest.
func (m *manager) onGitHub() []fake.Release {
	var all []fake.Release
	for _, r := range m.github.Repositories[sampleName].Releases {
		made := fake.Release{Tag: r.Tag, Target: r.Target, Name: r.Name, Draft: r.Draft, Prerelease: r.Prerelease}
		for _, a := range r.Assets {
			made.Assets = append(made.Assets, &fake.Asset{Name: a.Name, State: a.State, Digest: a.Digest})
		}
		all = append(all, made)
	}
	return all
}

func versionOf(m *releases.Manifest, name string) string {
	i := slices.IndexFunc(m.Packages, func(p releases.ManifestPackage) bool { return p.Name == name })
	if i < 0 {
		return ""
	}
	return m.Packages[i].Version
}

// requiresOf are the names that a package requires.
func requiresOf(m *releases.Manifest, name string) []string {
	var names []string
	for _, p := range m.Packages {
		for _, r := range p.Requires {
			if p.Name == name {
				names = append(names, r.Name)
			}
		}
	}
	return names
}

// TestRelease releases the sample, from a version to a draft on GitHub, and again
// in a patch of it.
func TestRelease(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	m.released("1.1.0", "--upstream", "2.1.0-p1")
	first := m.manifest("1.1.0")
	for _, name := range []string{"monorepo", "extras"} {
		planned, _ := first.Plan.Repository(name)
		refs := m.refs(name)
		if refs["refs/tags/1.1.0"] != planned.Commit || refs["refs/heads/release/1.1.0"] != planned.Commit {
			t.Errorf("%s: built from %s, refs are %v", name, planned.Commit, refs)
		}
		if refs["refs/heads/main"] != planned.Source {
			t.Errorf("%s: main is at %s; the release commit was made of %s", name, refs["refs/heads/main"], planned.Source)
		}
	}
	for _, name := range []string{"sample-os/framework", "sample-os/module-wishlist", "sample-os/sample2-base", "sample-os/product-minimal-edition"} {
		if got := versionOf(first, name); got != "1.1.0" {
			t.Errorf("%s has version %q", name, got)
		}
	}
	if got := versionOf(first, "sample-os/module-badge"); got != "" {
		t.Errorf("the independent package is built in version %s", got)
	}
	small := []string{"acme/base-installer", "acme/html", "acme/text", "ext-json", "php",
		"sample-os/framework", "sample-os/module-badge", "sample-os/module-greeting", "sample-os/module-store", "sample-os/sample2-base"}
	if diff := cmp.Diff(small, requiresOf(first, "sample-os/product-minimal-edition")); diff != "" {
		t.Errorf("requires of the minimal edition (-want +got):\n%s", diff)
	}
	if got := requiresOf(first, "sample/framework"); versionOf(first, "sample/framework") != "103.0.1-p1" || !slices.Equal(got, []string{"sample-os/framework"}) {
		t.Errorf("the alias sample/framework %s requires %v", versionOf(first, "sample/framework"), got)
	}
	checkDraft(t, m, first)
	var said bytes.Buffer
	if err := runReproduce(t.Context(), m.factory(&said), filepath.Join(m.target(), "releases", "1.1.0"), reproduceFlags{}); err != nil {
		t.Errorf("build the release again from its manifest: %v\n%s", err, said.String())
	}
	m.patches()
}

// checkDraft wants one draft on GitHub, with everything attached.
func checkDraft(t *testing.T, m *manager, manifest *releases.Manifest) {
	t.Helper()
	main, _ := manifest.Plan.Repository("monorepo")
	all := m.github.Repositories[sampleName].Releases
	if len(all) != 1 || !all[0].Draft || all[0].Tag != "1.1.0" || all[0].Target != main.Commit || all[0].Name != "Sample distribution 1.1.0" {
		t.Fatalf("releases on GitHub: %+v", all)
	}
	var sums string
	names := map[string]bool{}
	for _, a := range all[0].Assets {
		names[a.Name] = true
		if a.Name == release.ChecksumsFile {
			sums = string(a.Content)
		}
	}
	for _, name := range append(attest.SnapshotFiles(), release.ChecksumsFile, release.NotesFile, releases.ManifestName) {
		if !names[name] {
			t.Errorf("the draft has no %s: %v", name, names)
		}
	}
	for _, p := range manifest.Packages {
		if !strings.Contains(sums, string(p.Dist.SHA256)+"  "+p.Dist.Path+"\n") {
			t.Errorf("%s lacks %s", release.ChecksumsFile, p.Dist.Path)
		}
	}
	if !strings.Contains(all[0].Body, "There is no release before it") {
		t.Errorf("notes:\n%s", all[0].Body)
	}
}

// patches releases twice more into a repository that keeps one night: releases stay
// for ever, as they were.
func (m *manager) patches() {
	t := m.t
	before := m.files(m.target())
	m.now = m.now.Add(24 * time.Hour)
	m.released("1.1.1-rc1", "--upstream", "2.1.0-p1")
	m.released("1.1.1", "--upstream", "2.1.0-p1")
	after := m.files(m.target())
	for name, sum := range before {
		if strings.HasPrefix(name, "dists/") || strings.HasPrefix(name, "releases/") {
			if after[name] != sum {
				t.Errorf("%s of the first release is %q, was %s", name, after[name], sum)
			}
		}
	}
	r := mustOpen(t, m.target())
	snapshots, err := publish.Read(r).Snapshots(t.Context())
	if diff := cmp.Diff([]releases.SnapshotName{"1.1.1", "1.1.1-rc1", "1.1.0"}, snapshots); err != nil || diff != "" {
		t.Errorf("releases that the repository resolves (%v):\n%s", err, diff)
	}
	for _, version := range []string{"1.1.1-rc1", "1.1.1"} {
		if got := versionOf(m.manifest(version), "sample/framework"); got != "" {
			t.Errorf("release %s has the alias of %s again, which 1.1.0 has published", version, got)
		}
	}
	all := m.github.Repositories[sampleName].Releases
	if len(all) != 3 || !all[1].Prerelease || all[2].Prerelease || !strings.Contains(all[2].Body, "1.1.0") {
		t.Errorf("releases on GitHub: %+v", all)
	}
	m.released("1.0.1", "--upstream", "2.1.0-p1", "--dry-run") // a patch of an older line
	if code, said := m.release("1.1.0-rc3", "--upstream", "2.1.0-p1"); code != exitConfig || !strings.Contains(said, "is not above 1.1.1") {
		t.Errorf("a version below the last: exit code %d\n%s", code, said)
	}
}

func mustOpen(t *testing.T, dir string) target.Target {
	t.Helper()
	opened, err := target.Open(t.Context(), dir, target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// TestPromote: what was previewed is what is released, byte for byte, by a machine
// that has built nothing.
func TestPromote(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	m.released("1.1.0", "--upstream", "2.1.0-p1", "--preview", "--preview-url", "https://preview.example.org/")
	previewed := m.files(m.preview())
	if refs := m.refs("monorepo"); refs["refs/tags/1.1.0"] != "" || refs["refs/heads/release/1.1.0"] == "" {
		t.Errorf("after the preview the refs are %v", refs)
	}
	if all := m.onGitHub(); len(all) > 0 {
		t.Errorf("after the preview there are releases on GitHub: %v", all)
	}
	if len(m.files(m.target())) > 0 {
		t.Error("the preview published the release")
	}
	if err := os.RemoveAll(filepath.Join(m.dir, "store")); err != nil {
		t.Fatal(err)
	}
	m.now = m.now.Add(72 * time.Hour)
	said := m.released("1.1.0", "--promote")
	if strings.Contains(said, "\nbuild ") || strings.Contains(said, "\ncheckout ") {
		t.Errorf("something was built:\n%s", said)
	}
	promoted := m.files(m.target())
	for name, sum := range previewed {
		same := strings.HasPrefix(name, "dists/") || strings.HasSuffix(name, "/"+releases.ManifestName)
		if same && promoted[name] != sum {
			t.Errorf("%s is %q, was %s in the preview", name, promoted[name], sum)
		}
	}
	checkDraft(t, m, m.manifest("1.1.0"))
	if diff := cmp.Diff(previewed, m.files(m.preview())); diff != "" {
		t.Errorf("promotion changed the preview:\n%s", diff)
	}
	again := m.onGitHub()
	m.released("1.1.0", "--promote")
	if diff := cmp.Diff(promoted, m.files(m.target())); diff != "" {
		t.Errorf("a second promotion changed the repository:\n%s", diff)
	}
	if diff := cmp.Diff(again, m.onGitHub()); diff != "" {
		t.Errorf("a second promotion changed GitHub:\n%s", diff)
	}
}

// TestReleaseRefused: what is there and differs is an error before anything is
// written.
func TestReleaseRefused(t *testing.T) {
	for _, c := range []struct{ name, ref, says string }{
		{"a tag elsewhere", "refs/tags/1.1.0", "tag 1.1.0 stands for"},
		{"a branch elsewhere", "refs/heads/release/1.1.0", "begin again with --restart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newManager(t)
			file := filepath.Join(m.remote("extras"), filepath.FromSlash(c.ref))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			m.write(file, []byte(m.refs("extras")["refs/heads/main"]+"\n"))
			code, said := m.release("1.1.0", "--upstream", "2.1.0-p1")
			if code != exitRelease || !strings.Contains(said, c.says) || !strings.Contains(said, "repository extras") {
				t.Errorf("exit code %d\n%s", code, said)
			}
			if refs := m.refs("monorepo"); refs["refs/heads/release/1.1.0"] != "" {
				t.Errorf("the other repository was written to: %v", refs)
			}
			if len(m.files(m.target())) > 0 || len(m.onGitHub()) > 0 {
				t.Error("something was published")
			}
		})
	}
}
