package build

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// What sources say of archives counts only where the line says so.
func TestArchive(t *testing.T) {
	attributes := "tests export-ignore\n*.md export-ignore\nversion.php export-subst\n"
	all := []string{".gitattributes", "README.md", "docs/a.md", "docs/b.txt", "src/Plugin.php", "version.php"}
	const commit = "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"
	for _, c := range []struct {
		archive, subst string
		want           []string
	}{
		{"", "$Format:%h$", all},
		{releases.ExportIgnore, "$Format:%h$", []string{".gitattributes", "docs/b.txt", "src/Plugin.php", "version.php"}},
		{releases.ArchiveExclude, "$Format:%h$", []string{".gitattributes", "README.md", "docs/a.md", "src/Plugin.php", "version.php"}},
		{releases.ExportSubst, "of " + commit[:7] + " 100%", all},
	} {
		t.Run(c.archive, func(t *testing.T) {
			f := newFixture(t)
			for _, name := range all {
				if name != "src/Plugin.php" {
					f.files["extras/plugin/"+name] = "text"
				}
			}
			f.files["extras/plugin/.gitattributes"], f.files["extras/plugin/version.php"] = attributes, "of $Format:%h 100%%$"
			f.replace(t, "extras/plugin/composer.json", `"require"`, `"archive": {"exclude": ["/docs", "!*.md"]}, "require"`)
			in := f.input(t)
			if c.archive != "" {
				in.Plan.Line.Archive = []string{c.archive}
			}
			trees, err := in.Sources.Trees(t.Context(), f.store)
			if err != nil {
				t.Fatal(err)
			}
			packages, err := compose(t.Context(), f.store, in, trees)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, file := range packages[slices.IndexFunc(packages, func(p composed) bool { return p.Name == "acme/plugin" })].files {
				got = append(got, file.Path)
				if file.Path == "version.php" && c.archive == releases.ExportSubst {
					content, err := f.store.Open(t.Context(), file.Digest)
					if err != nil {
						t.Fatal(err)
					}
					if text, err := io.ReadAll(content); string(text) != c.subst || err != nil || file.Size != int64(len(text)) {
						t.Errorf("expanded to %q (%v), want %q", text, err, c.subst)
					}
					_ = content.Close()
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("files differ (-want +got):\n%s", diff)
			}
		})
	}
	f := newFixture(t)
	f.files["extras/plugin/.gitattributes"], f.files["extras/plugin/version.php"] = attributes, "$Format:%ci$"
	in := f.input(t)
	in.Plan.Line.Archive = []string{releases.ExportSubst}
	trees, err := in.Sources.Trees(t.Context(), f.store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = compose(t.Context(), f.store, in, trees); err == nil || !strings.Contains(err.Error(), "extras:plugin/version.php: $Format:%ci$") {
		t.Errorf("a placeholder that is not known: %v", err)
	}
}

// What archive.exclude keeps out is what Composer keeps out.
func TestArchiveExclude(t *testing.T) {
	program, err := exec.LookPath("composer")
	if err != nil {
		t.Skip("composer is not installed")
	}
	paths := []string{"a", "b/a", "b/c/a", ".env", "b/.env", "docs/x.md", "docs/y/z.md", "src/docs/x.md", "x.md", ".x.md", "b/x.txt", "src/a/b/c", "vendor-bin/x"}
	for _, rules := range [][]string{
		{"a"}, {"/*", "!/src"}, {"/*.md"}, {"docs/*.md"}, {"/docs/", "b/c"}, {"**/a"}, {"*.md", "!docs/x.md"}, {"b", "!b/c"}, {"?.md"}, {"*"}, {"x.*", "/b/*"},
	} {
		dir, out := t.TempDir(), t.TempDir()
		for _, p := range paths {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, p)), 0o777), os.WriteFile(filepath.Join(dir, p), nil, 0o666)); err != nil {
				t.Fatal(err)
			}
		}
		manifest, err := json.Marshal(map[string]any{"name": "acme/a", "archive": map[string]any{"exclude": rules}})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "composer.json"), manifest, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, "archive", "--quiet", "--format=tar", "--dir="+out, "--file=a")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "COMPOSER_ALLOW_SUPERUSER=1", "COMPOSER_HOME="+t.TempDir())
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		data, err := os.ReadFile(filepath.Join(out, "a.tar"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for r := tar.NewReader(bytes.NewReader(data)); ; {
			h, err := r.Next()
			if err != nil {
				break
			}
			if h.Typeflag == tar.TypeReg && h.Name != "composer.json" {
				want = append(want, h.Name)
			}
		}
		m, err := composer.ParseManifest(manifest)
		if err != nil {
			t.Fatal(err)
		}
		read, err := archiveExclude(m)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(slices.Clone(paths), read.exclude)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-Composer +ours):\n%s", rules, diff)
		}
	}
}
