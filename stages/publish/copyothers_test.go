package publish

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// What was adopted is copied with it, under its old URLs, and new dists under those, too.
func TestCopyAdopted(t *testing.T) {
	t.Parallel()
	for name, signed := range map[string]bool{"signed": true, "not signed": false} {
		t.Run(name, func(t *testing.T) {
			w := startWeb(t, signed)
			lay(t, folderTarget(w.dir), satisOf(t, "minified"))
			o := options(t, nil, "2026-11-23")
			o.Trust = w.by
			if _, err := o.Adopt(t.Context(), Adoption{To: w.dir, URL: testURL, Title: "Acme", LeaveOut: true}); err != nil {
				t.Fatal(err)
			}
			w.former = "packages"
			w.publish(t, "2026-11-24")
			c := w.copy(t)
			w.forget()
			if _, err := copied(t, c, dayOf("2026-11-24").Add(4*time.Hour)); err != nil {
				t.Fatal(err)
			}
			lacks := slices.DeleteFunc(notOf(t, w.dir, c.To), func(name string) bool { return strings.HasPrefix(name, "meta") }) // which was superseded
			if diff := cmp.Diff([]string{}, append(notOf(t, c.To, w.dir), lacks...)); diff != "" {
				t.Errorf("not the same:\n%s", diff)
			}
			zips := slices.DeleteFunc(w.forget(), func(name string) bool { return !strings.HasSuffix(name, ".zip") })
			if slices.Sort(zips); len(slices.Compact(slices.Clone(zips))) != len(zips) || slices.ContainsFunc(zips, func(name string) bool { return strings.HasPrefix(name, "packages/acme/module") }) {
				t.Errorf("asked for twice: %q", zips)
			}
			p, err := copied(t, c, dayOf("2026-11-24").Add(5*time.Hour))
			if again := w.forget(); err != nil || len(again) > 8 || p.Added > 0 {
				t.Errorf("the second asks for %q, and writes %d files: %v", again, p.Added, err)
			}
		})
	}
}

// An origin that is not signed names what it likes: nothing is written outside of the target, or in the place of what
// belongs there.
func TestCopyStaysInside(t *testing.T) {
	for name, test := range map[string]struct{ file, old, evil string }{
		"a package":                    {releases.ManifestName, `acme/language`, `../../../../evil`},
		"a version":                    {releases.ManifestName, `"version": "1.0.0"`, `"version": "1/../../../../evil"`},
		"metadata":                     {releases.ManifestName, `"path": "p2/acme/language.json"`, `"path": "p2/../../../packages.json"`},
		"another file":                 {releases.ManifestName, `"path": "p2/acme/language.json"`, `"path": "index.php"`},
		"the former folder":            {stages.PackagesFile, `"withdrawn": []`, `"withdrawn": [], "former-dists": "../../evil"`},
		"a former folder that is ours": {stages.PackagesFile, `"withdrawn": []`, `"withdrawn": [], "former-dists": "metadata"`},
		"a file of metadata":           {releases.IndexName, `"name":"acme/language"`, `"name":"../../../../evil"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWeb(t, false)
			w.publish(t, "2026-11-24")
			s, err := switchOf(w.dir)
			if err != nil {
				t.Fatal(err)
			}
			read := func(name string) []byte {
				data, err := os.ReadFile(filepath.Join(w.dir, name))
				if err != nil {
					t.Fatal(err)
				}
				return data
			}
			change := func(data []byte, from, to string) []byte {
				if !bytes.Contains(data, []byte(from)) {
					t.Fatalf("there is no %s in %s", from, data)
				}
				return bytes.ReplaceAll(data, []byte(from), []byte(to))
			}
			manifest, index := read("nights/2026-11-24/nightly.json"), read(filepath.Join(metaDir, s.folder(), releases.IndexName))
			sum := string(pipeline.DigestOf(manifest))
			switch test.file {
			case releases.ManifestName:
				manifest = change(manifest, test.old, test.evil)
			case releases.IndexName:
				index = change(index, test.old, test.evil)
			}
			index = change(index, sum, string(pipeline.DigestOf(manifest)))
			folder := string(pipeline.DigestOf(index))
			w.before = func(name string, _ int) []byte {
				switch {
				case name == stages.PackagesFile:
					data := change(read(name), s.folder(), folder)
					if test.file == name {
						data = change(data, test.old, test.evil)
					}
					return data
				case name == "nights/2026-11-24/nightly.json":
					return manifest
				case strings.HasSuffix(name, folder+"/"+releases.IndexName):
					return index
				case strings.HasPrefix(name, metaDir+"/"+folder):
					return read(strings.Replace(name, folder, s.folder(), 1))
				case strings.Contains(name, "evil"):
					return []byte("evil")
				}
				return nil
			}
			parent := t.TempDir()
			_, err = copied(t, w.copyTo(t, filepath.Join(parent, "a", "b", "copy")), dayOf("2026-11-25"))
			if err == nil {
				t.Error("no error")
			}
			t.Log(err)
			for name := range readFolder(t, parent) {
				if !strings.HasPrefix(name, "a/b/copy/dists/") && name != "a/b/copy/"+lockFile {
					t.Errorf("%s was written", name)
				}
			}
		})
	}
}
