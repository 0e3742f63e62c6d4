package sample

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/composer"
)

func TestWriteThirdParty(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "third party")
	if err := WriteThirdParty(dir); err != nil {
		t.Fatal(err)
	}
	first := contents(t, dir)
	if err := WriteThirdParty(dir); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	if diff := cmp.Diff(first, contents(t, dir)); diff != "" {
		t.Errorf("the second time changed files (-first +second):\n%s", diff)
	}
	r, err := composer.OpenRepository(t.Context(), "file://"+dir, composer.NewFetcher(remote.Client{}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []composer.Name{"acme/base-installer", "acme/clock", "acme/html", "acme/terminal", "acme/testing", "acme/text"} {
		versions, err := r.Versions(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			got[string(name)] = v.Manifest.Version()
			if _, err := os.Stat(strings.TrimPrefix(v.Dist.URL, "file://")); err != nil {
				t.Errorf("dist of %s: %v", name, err)
			}
		}
	}
	want := map[string]string{"acme/base-installer": "1.0.1", "acme/clock": "2.1.3", "acme/html": "3.0.2", "acme/terminal": "1.1.0", "acme/testing": "1.0.0", "acme/text": "1.2.0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

// The zips are the same wherever they are written; only packages.json names the
// folder.
func TestWriteThirdPartyElsewhere(t *testing.T) {
	var written []map[string]string
	for range 2 {
		dir := t.TempDir()
		if err := WriteThirdParty(dir); err != nil {
			t.Fatal(err)
		}
		files := contents(t, dir)
		files["packages.json"] = strings.ReplaceAll(files["packages.json"], dir, "DIR")
		written = append(written, files)
	}
	if diff := cmp.Diff(written[0], written[1]); diff != "" {
		t.Errorf("folders (-one +other):\n%s", diff)
	}
}

func TestZipFolder(t *testing.T) {
	data, err := zipFolder("repositories/monorepo/head/bin")
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	for _, f := range r.File {
		got[f.Name] = f.Mode()
	}
	if diff := cmp.Diff(map[string]fs.FileMode{"bin/sample": 0o755}, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

// contents is the text of all files below a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// parses reads PHP files as PHP does, without running them.
const parses = `foreach (array_slice($argv, 1) as $file) {
    try { token_get_all(file_get_contents($file), TOKEN_PARSE); }
    catch (ParseError $e) { echo $file, ':', $e->getLine(), ': ', $e->getMessage(), "\n"; }
}`

func TestSamplePHPParses(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skipf("needs php: %v", err)
	}
	var files []string
	for name, text := range contents(t, ".") {
		if path.Ext(name) != ".go" && (strings.Contains(text, "<?php") || strings.Contains(text, "<?=")) {
			files = append(files, name)
		}
	}
	if len(files) < 50 {
		t.Errorf("found only %d PHP files", len(files))
	}
	out, err := exec.Command(php, append([]string{"-r", parses, "--"}, files...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("php: %v\n%s", err, out)
	}
}

// The lock file of the sample has to lock what its root composer.json requires,
// in the versions that the sample carries. Those of other vendors are for its
// release.
func TestSampleLock(t *testing.T) {
	sources := contents(t, ".")
	lock, err := composer.ParseLock([]byte(sources["repositories/monorepo/head/composer.lock"]))
	if err != nil {
		t.Fatal(err)
	}
	locked, carried := map[string]string{}, map[string]string{}
	for _, p := range append(lock.Packages, lock.PackagesDev...) {
		locked[string(p.Name)] = p.Version
	}
	for name, text := range sources {
		if strings.HasPrefix(name, "third-party/acme/") && strings.HasSuffix(name, "/composer.json") {
			m, err := composer.ParseManifest([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			carried[m.Name()] = m.Version()
		}
	}
	if diff := cmp.Diff(carried, locked); diff != "" {
		t.Errorf("locked packages (-carried +locked):\n%s", diff)
	}
	root, err := composer.ParseManifest([]byte(sources["repositories/monorepo/head/composer.json"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range append(root.Links(composer.Require), root.Links(composer.RequireDev)...) {
		if _, ok := locked[l.Name]; !ok && !composer.IsPlatform(l.Name) {
			t.Errorf("the lock file lacks %s", l.Name)
		}
	}
}
