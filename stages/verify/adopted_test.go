package verify

import (
	"crypto/sha1"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
)

// adoptAcme lays out a repository as satis does, and adopts it, signed.
func adoptAcme(t *testing.T) (folder, []byte) {
	t.Helper()
	f := folder{t, filepath.Join(t.TempDir(), "repository")}
	tool := func(version string) map[string]any {
		data := zipOf(t, entry{name: "acme-tool-0a1b/composer.json", text: "{}"}, entry{name: "bin/tool", text: version, mode: os.ModeSymlink})
		sum, at := sha1.Sum(data), "packages/acme/tool/tool-"+version+".zip"
		f.write(at, string(data))
		return map[string]any{"name": "acme/tool", "version": version, "source": map[string]string{"type": "git", "url": "https://git.example.org/tool", "reference": "a1"},
			"dist": map[string]string{"type": "zip", "url": base + "/" + at, "shasum": hex.EncodeToString(sum[:])}}
	}
	elsewhere := map[string]any{"name": "acme/tool", "version": "3.0.0", "dist": map[string]string{"type": "zip", "url": "https://api.example.org/zipball", "shasum": ""}}
	f.write("packages.json", string(encodeJSON(t, map[string]any{"packages": map[string]any{
		"acme/tool": map[string]any{"1.0.0": tool("1.0.0"), "2.0.0": tool("2.0.0"), "3.0.0": elsewhere},
	}})))
	f.write("index.html", "<h1>satis")
	f.write("include/all$0a1b.json", "{}")
	key, root := keys(t)
	o := publish.Options{Owner: "test", Now: at(t, "2026-11-24"), Trust: key}
	if _, err := o.Adopt(t.Context(), publish.Adoption{To: f.dir, URL: base, Title: "Acme"}); err != nil {
		t.Fatal(err)
	}
	clean(t, f.options(root))
	sample{name: "2026-11-25", change: func(m *releases.Manifest) { m.Plan.Line.FormerDists = "packages" }}.publish(t, f.dir, key)
	return f, root
}

func TestAdopted(t *testing.T) {
	f, root := adoptAcme(t)
	if report := clean(t, f.options(root)); report.Adopted != 3 || report.Snapshots != 2 {
		t.Errorf("%d versions were adopted, of %d snapshots", report.Adopted, report.Snapshots)
	}
	const adopted, zip = "adopted/2026-11-24/", "packages/acme/tool/tool-1.0.0.zip"
	for _, test := range []struct {
		name string
		do   func(folder)
		file string
		what string
	}{
		{"a zip changed", func(f folder) { f.write(zip, "x"+f.read(zip)[1:]) }, zip, "has SHA-256"},
		{"a zip taken away", func(f folder) { f.remove(zip) }, zip, "is missing"},
		{"another zip", func(f folder) { f.write("packages/acme/tool/tool-9.zip", "x") }, "packages/acme/tool/tool-9.zip", "is no part of the repository"},
		{"a zip of a night changed under its former name", func(f folder) { f.write("packages/acme/language-1.0.0.zip", "x") }, "packages/acme/language-1.0.0.zip", "has SHA-256"},
		{"old metadata changed", func(f folder) { f.write("include/all$0a1b.json", "[]") }, "include/all$0a1b.json", "has SHA-256"},
		{"the packages.json of before taken away", func(f folder) { f.remove(adopted + "before/packages.json") }, adopted + "before/packages.json", "is missing"},
		{"another place of a zip", func(f folder) { f.replace(adopted+"p2/acme/tool.json", "tool-1.0.0.zip", "tool-2.0.0.zip") }, adopted + "p2/acme/tool.json", "Composer would get the dist"},
		{"another host", func(f folder) {
			f.replace(adopted+"p2/acme/tool.json", "https://api.example.org/zipball", base+"packages/evil.zip")
		}, adopted + "p2/acme/tool.json", "and nightly.json says none"},
		{"another checksum", func(f folder) { f.replace(adopted+"p2/acme/tool.json", `"shasum":"`, `"shasum":"0`) }, adopted + "p2/acme/tool.json", "the dist's SHA-1 is"},
		{"another manifest", func(f folder) { f.replace(adopted+"nightly.json", "acme/tool/tool-1", "acme/tool/tool-7") }, adopted + "nightly.json", "was signed"},
		{"an index without the place of a zip", func(f folder) { f.replace(f.meta()+"/index.json", zip, "packages/other.zip"); f.renamed() }, "", "it says of acme/tool 1.0.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			copied := folder{t, filepath.Join(t.TempDir(), "repository")}
			if err := os.CopyFS(copied.dir, os.DirFS(f.dir)); err != nil {
				t.Fatal(err)
			}
			test.do(copied)
			report, err := Repository(t.Context(), copied.options(root))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(report.Problems, func(p Problem) bool {
				return (p.File == test.file || test.file == "" && strings.HasPrefix(p.File, "meta/")) && strings.Contains(p.What, test.what)
			}) {
				t.Errorf("no problem of %s that says %q:\n%s", test.file, test.what, told(report))
			}
		})
	}
}
