package integrity

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/diff"
)

// A pkg is a package of a test: its composer.json and other files.
type pkg struct {
	manifest string
	files    map[string]string
}

func (p pkg) zip(t *testing.T, folder string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name, content string) {
		w, err := z.Create(folder + name)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("composer.json", p.manifest)
	for name, content := range p.files {
		add(name, content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

var (
	one = pkg{`{"name":"acme/one","version":"1.0.0","require":{"php":"^8","acme/two":"1.*"}}`, map[string]string{"a.php": "a", "b.php": "b"}}
	// The same version as another mirror has it.
	oneElsewhere = pkg{`{"require":{"php":"^8","acme/two":"2.*"},"name":"acme/one","version":"1.0.0.0"}`, map[string]string{"a.php": "other", "c.php": "c"}}
	two          = pkg{`{"name":"acme/two","version":"1.0.0"}`, map[string]string{"x": "x"}}
	three        = pkg{`{"name":"other/three","version":"3.0"}`, nil}
)

// folderOf is a folder of zips; each lies in a folder within its zip.
func folderOf(t *testing.T, packages ...pkg) string {
	dir := t.TempDir()
	for i, p := range packages {
		write(t, filepath.Join(dir, "sub", string(rune('a'+i))+".zip"), p.zip(t, "acme-x-1/"))
	}
	return dir
}

// serverOf is a Composer repository on the web.
func serverOf(t *testing.T, packages ...pkg) string {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	all := map[string][]any{}
	for i, p := range packages {
		var m map[string]any
		if err := json.Unmarshal([]byte(p.manifest), &m); err != nil {
			t.Fatal(err)
		}
		data := p.zip(t, "")
		sum := sha1.Sum(data)
		path := "/dists/" + string(rune('a'+i)) + ".zip"
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
		m["dist"] = map[string]string{"type": "zip", "url": server.URL + path, "shasum": hex.EncodeToString(sum[:])}
		name, _ := m["name"].(string)
		all[name] = append(all[name], m)
	}
	root, err := json.Marshal(map[string]any{"packages": all})
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/packages.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(root) })
	return server.URL
}

// shopOf is what Composer 2 leaves in a shop.
func shopOf(t *testing.T, packages ...pkg) string {
	return shop(t, func(list []json.RawMessage) any { return map[string]any{"packages": list} }, packages)
}

// oldShopOf is what Composer 1 leaves: a list, and no word about where packages lie.
func oldShopOf(t *testing.T, packages ...pkg) string {
	return shop(t, func(list []json.RawMessage) any { return list }, packages)
}

func shop(t *testing.T, installed func([]json.RawMessage) any, packages []pkg) string {
	dir := t.TempDir()
	var list []json.RawMessage
	_, old := installed(nil).([]json.RawMessage)
	for _, p := range packages {
		m, err := composer.ParseManifest([]byte(p.manifest))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "vendor", m.Name(), "composer.json"), []byte(p.manifest))
		for name, content := range p.files {
			write(t, filepath.Join(dir, "vendor", m.Name(), name), []byte(content))
		}
		if !old {
			if err := m.Set("install-path", "../"+m.Name()); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := m.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, raw)
	}
	data, err := json.Marshal(installed(list))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "vendor", "composer", "installed.json"), data)
	return dir
}

func TestCompare(t *testing.T) {
	ref := Ref{"acme/one", "1.0.0"}
	links := []LinkDifference{{ref, composer.Require, "acme/two", "1.*", "2.*"}}
	files := []FileDifference{
		{ref, diff.Difference{Path: "a.php", What: diff.Content}},
		{ref, diff.Difference{Path: "b.php", What: diff.OnlyOurs}},
		{ref, diff.Difference{Path: "c.php", What: diff.OnlyTheirs}},
	}
	for _, c := range []struct {
		name         string
		ours, theirs string
		o            Options
		want         Report
	}{
		{"the same, in three forms", serverOf(t, one, two), folderOf(t, two, one), Options{}, Report{Compared: 2}},
		{"a shop has some of it", folderOf(t, one, two), shopOf(t, two), Options{Vendors: []string{"acme"}}, Report{Compared: 1}},
		{"a shop of Composer 1", folderOf(t, one, two), oldShopOf(t, oneElsewhere, two), Options{Vendors: []string{"acme"}},
			Report{Compared: 2, Links: links, Files: files}},
		{"a shop has more", folderOf(t, two), shopOf(t, one, two, three), Options{Vendors: []string{"acme"}},
			Report{Compared: 1, Missing: []Ref{ref}}},
		{"another one", folderOf(t, one, two), serverOf(t, oneElsewhere, three), Options{},
			Report{Compared: 1, Missing: []Ref{{"other/three", "3.0"}}, Extra: []Ref{{"acme/two", "1.0.0"}}, Links: links, Files: files}},
		{"what both have", folderOf(t, one, two), serverOf(t, oneElsewhere, three), Options{Common: true}, Report{Compared: 1, Links: links, Files: files}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fetcher := composer.NewFetcher(remote.Client{})
			ours, err := Open(t.Context(), c.ours, fetcher)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := Open(t.Context(), c.theirs, fetcher)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Compare(t.Context(), ours, theirs, c.o)
			if err != nil {
				t.Fatal(err)
			}
			want := *newReport(ours, theirs)
			want.Compared = c.want.Compared
			want.Missing = append(want.Missing, c.want.Missing...)
			want.Extra = append(want.Extra, c.want.Extra...)
			want.Links = append(want.Links, c.want.Links...)
			want.Files = append(want.Files, c.want.Files...)
			if d := cmp.Diff(&want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestReport(t *testing.T) {
	r := Report{
		Ours: "html", Theirs: "https://mirror.example.org/", Compared: 2, Missing: []Ref{{"a/a", "1"}}, Extra: []Ref{{"a/b", "2"}},
		Links: []LinkDifference{{Ref{"a/c", "3"}, composer.Require, "php", "", "^8 || ^9"}},
		Files: []FileDifference{{Ref{"a/c", "3"}, diff.Difference{Path: "x.php", What: diff.Content}}},
	}
	const text = `ours    html
theirs  https://mirror.example.org/
2 packages compared; 1 missing, 1 extra, 1 links and 1 files differ

PACKAGE  VERSION  WHAT         OURS           THEIRS
a/a      1        package      -              there
a/b      2        package      there          -
a/c      3        require php  -              ^8 || ^9
a/c      3        x.php        other content  other content
`
	if d := cmp.Diff(text, string(r.Text())); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	if got := string(r.Markdown()); !strings.Contains(got, "| a/c | 3 | `require php` | - | ^8 \\|\\| ^9 |\n") {
		t.Errorf("markdown:\n%s", got)
	}
	if r.Differences() != 4 {
		t.Errorf("%d differences, want 4", r.Differences())
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open(context.Background(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "holds no zip") {
		t.Errorf("an empty folder: %v", err)
	}
}
