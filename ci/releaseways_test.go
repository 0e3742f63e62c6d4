package ci

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
)

// work makes a commit on a branch of the remote monorepo, whose tip it replaces, and
// gives it.
func (m *manager) work(branch, text string) string {
	m.t.Helper()
	w := git.NewWriter(git.Options{})
	url := "file://" + m.remote("monorepo")
	parent := m.refs("monorepo")["refs/heads/main"]
	made, err := w.Commit(m.t.Context(), git.Draft{
		URL: url, Parent: parent, Files: map[string][]byte{"README.md": []byte(text)}, Message: text,
		By: git.Identity{Name: "Ann", Email: "ann@example.org", When: m.now},
	})
	if err == nil {
		err = w.PushBranch(m.t.Context(), made, branch, m.refs("monorepo")["refs/heads/"+branch])
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return made.ID
}

// sources are the commits that a release was made of, by repository.
func (m *manager) sources(version string) map[string]string {
	from := map[string]string{}
	for _, p := range m.manifest(version).Plan.Repositories {
		from[p.Name] = p.Source
	}
	return from
}

// TestReleaseRef releases one repository from another branch than the line's, by a
// committer that the line names.
func TestReleaseRef(t *testing.T) {
	m := newManager(t)
	line, err := os.ReadFile(m.line)
	if err != nil {
		t.Fatal(err)
	}
	m.write(m.line, append(line, "committer: {name: Releases of Sample, email: releases@example.org}\n"...))
	patch := m.work("1.0-develop", "a patch")
	main := m.refs("monorepo")["refs/heads/main"]
	if code, said := m.release("1.1.0", "--upstream", "2.1.0-p1", "--ref", "nothing=1.0-develop"); code != exitConfig {
		t.Errorf("a repository that the line does not have: exit code %d\n%s", code, said)
	}
	m.released("1.1.0", "--upstream", "2.1.0-p1", "--ref", "monorepo=1.0-develop")
	if got := m.sources("1.1.0"); got["monorepo"] != patch || got["extras"] != m.refs("extras")["refs/heads/main"] {
		t.Errorf("released from %v; want the patch %s and main of extras", got, patch)
	}
	refs := m.refs("monorepo")
	if refs["refs/heads/main"] != main || refs["refs/heads/1.0-develop"] != patch {
		t.Errorf("the branches moved: %v", refs)
	}
	made, err := git.NewWriter(git.Options{}).Read(t.Context(), "file://"+m.remote("monorepo"), refs["refs/heads/release/1.1.0"])
	if err != nil || made.By.Name != "Releases of Sample" || made.By.Email != "releases@example.org" {
		t.Errorf("the release commit is by %+v, %v", made.By, err)
	}
}

// TestReleaseRestart begins a release, and again from what was repaired meanwhile.
func TestReleaseRestart(t *testing.T) {
	m := newManager(t)
	first := m.refs("monorepo")["refs/heads/main"]
	m.released("1.1.0", "--upstream", "2.1.0-p1", "--preview")
	begun := m.refs("monorepo")["refs/heads/release/1.1.0"]
	repaired := m.work("main", "repaired")
	m.released("1.1.0", "--upstream", "2.1.0-p1", "--dry-run")
	if got := m.refs("monorepo")["refs/heads/release/1.1.0"]; got != begun {
		t.Errorf("the release branch is at %s, was at %s", got, begun)
	}
	if err := os.RemoveAll(m.preview()); err != nil {
		t.Fatal(err)
	}
	m.released("1.1.0", "--upstream", "2.1.0-p1", "--restart")
	if got := m.sources("1.1.0")["monorepo"]; got != repaired {
		t.Errorf("released from %s; want %s, not %s, from which it was begun", got, repaired, first)
	}
	refs := m.refs("monorepo")
	if refs["refs/heads/release/1.1.0"] == begun || refs["refs/tags/1.1.0"] != refs["refs/heads/release/1.1.0"] {
		t.Errorf("after the restart the refs are %v; it was begun at %s", refs, begun)
	}
	// What is tagged stays, whoever restarts.
	m.work("main", "too late")
	if code, said := m.release("1.1.0", "--upstream", "2.1.0-p1", "--restart"); code == exitOK {
		t.Errorf("a release was made again:\n%s", said)
	}
	if after := m.refs("monorepo"); after["refs/tags/1.1.0"] != refs["refs/tags/1.1.0"] {
		t.Errorf("the tag moved: %v, was %v", after, refs)
	}
}

// TestReleasePublic publishes the release on GitHub, once.
func TestReleasePublic(t *testing.T) {
	m := newManager(t)
	if code, said := m.release("1.1.0", "--upstream", "2.1.0-p1", "--preview", "--public"); code != exitConfig {
		t.Errorf("--preview --public: exit code %d\n%s", code, said)
	}
	m.released("1.1.0", "--upstream", "2.1.0-p1")
	// What is a tag in git is one on GitHub.
	m.github.Repositories[sampleName].Tags["1.1.0"] = m.refs("monorepo")["refs/tags/1.1.0"]
	for range 2 {
		m.released("1.1.0", "--upstream", "2.1.0-p1", "--public")
		all := m.github.Repositories[sampleName].Releases
		if len(all) != 1 || all[0].Draft || all[0].Tag != "1.1.0" || all[0].Prerelease || all[0].Latest != "true" {
			t.Fatalf("releases on GitHub: %+v", all)
		}
	}
	// The minimal project is no shop that somebody ran, but it was resolved.
	report, err := os.ReadFile(filepath.Join(m.target(), "releases", "1.1.0", attest.InstallationFile))
	if err != nil {
		t.Fatal(err)
	}
	made, err := attest.ParseInstallation(report)
	if err != nil || !slices.Contains(made.Proven, stages.Proof{Step: "edition", Detail: "sample-os/project-minimal-edition 1.1.0 resolves, 12 packages"}) {
		t.Errorf("the installation proved %v, %v", made.Proven, err)
	}
	m.checkUpstream("1.1.0", map[string]string{"product-community-edition": "2.1.0-p1", "product-minimal-edition": "2.1.0-p1"})
}

// checkUpstream wants that the editions say for which version of upstream they stand.
func (m *manager) checkUpstream(version string, want map[string]string) {
	m.t.Helper()
	for edition, upstream := range want {
		dist := filepath.Join(m.target(), "dists", "sample-os", edition+"-"+version+".zip")
		f, err := os.Open(dist)
		if err != nil {
			m.t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			m.t.Fatal(err)
		}
		manifest, _, err := composer.ZipManifest(f, info.Size())
		if err != nil {
			m.t.Fatal(err)
		}
		var extra map[string]string
		raw, _ := manifest.Get("extra")
		if err := json.Unmarshal(raw, &extra); err != nil || len(extra) != 1 || extra["magento_version"] != upstream {
			m.t.Errorf("extra of %s is %s, %v; want magento_version %s alone", edition, raw, err, upstream)
		}
		if err := f.Close(); err != nil {
			m.t.Fatal(err)
		}
	}
}
