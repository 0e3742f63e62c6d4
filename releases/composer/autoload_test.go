package composer

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parseAutoload reads an "autoload" section by itself; an empty one is absent.
func parseAutoload(section []byte) (Autoload, error) {
	if len(section) == 0 {
		return NewManifest().Autoload()
	}
	m, err := ParseManifest([]byte(`{"autoload":` + string(section) + `}`))
	if err != nil {
		return Autoload{}, err
	}
	return m.Autoload()
}

func TestParseAutoload(t *testing.T) {
	tests := []struct {
		name, text string
		want       Autoload
	}{
		{"absent", ``, Autoload{}},
		{"null", `null`, Autoload{}},
		{"empty", `{}`, Autoload{}},
		{"empty as PHP writes it", `[]`, Autoload{}},
		{"empty sections as PHP writes them", `{"psr-4":[],"psr-0":null,"classmap":{},"files":[]}`, Autoload{}},
		{"unknown key", `{"target-dir":1}`, Autoload{}},
		{"one path", `{"psr-4":{"Magento\\Framework\\":""}}`, Autoload{PSR4: []NamespacePaths{{Prefix: `Magento\Framework\`, Paths: []string{""}}}}},
		{"several paths", `{"psr-0":{"OAuth":["src","tests"]}}`, Autoload{PSR0: []NamespacePaths{{Prefix: "OAuth", Paths: []string{"src", "tests"}}}}},
		{"empty prefix and order", `{"psr-0":{"Z":"z/","":["app/code/","generated/code/"],"A":"a/"}}`, Autoload{PSR0: []NamespacePaths{
			{Prefix: "Z", Paths: []string{"z/"}}, {Prefix: "", Paths: []string{"app/code/", "generated/code/"}}, {Prefix: "A", Paths: []string{"a/"}},
		}}},
		{"leading backslash", `{"psr-4":{"\\A\\":"src"}}`, Autoload{PSR4: []NamespacePaths{{Prefix: `A\`, Paths: []string{"src"}}}}},
		{"lists", `{"classmap":["a","b.php"],"files":["c.php"],"exclude-from-classmap":["/Tests/"]}`,
			Autoload{Classmap: []string{"a", "b.php"}, Files: []string{"c.php"}, ExcludeFromClassmap: []string{"/Tests/"}}},
		{"one path for a list, list with keys", `{"classmap":"a","files":{"1":"c.php","3":"d.php"}}`,
			Autoload{Classmap: []string{"a"}, Files: []string{"c.php", "d.php"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseAutoload([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if want := len(test.want.PSR4)+len(test.want.PSR0)+len(test.want.Classmap)+len(test.want.Files) == 0; got.Empty() != want {
				t.Errorf("Empty is %v", got.Empty())
			}
		})
	}
}

func TestParseAutoloadRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"no object", `"src"`, []string{"it is text, want an object"}},
		{"a list", `["src"]`, []string{"it is a list"}},
		{"broken", `{"psr-4":`, []string{"read composer.json:"}},
		{"all at once", `{"psr-4":{"A\\":1,"B\\":[true]},"psr-0":"src","classmap":5,"files":[["x"]]}`, []string{
			`"psr-4": "A\\": it is a number, want a path`, `"B\\": path is true or false, want text`,
			`"psr-0": it is text, want an object of namespaces`, `"classmap": it is a number`, `"files": path is a list, want text`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseAutoload([]byte(test.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want in it %q", err, want)
				}
			}
		})
	}
}

func TestManifestAutoload(t *testing.T) {
	m := parse(t, `{"name":"a/b","autoload":{"files":["registration.php"]},"autoload-dev":{"psr-4":{"A\\Test\\":"test"}}}`)
	got, err := m.Autoload()
	gotDev, errDev := m.AutoloadDev()
	if err := errorsOf(err, errDev); err != nil {
		t.Fatal(err)
	}
	want := []Autoload{
		{Files: []string{"registration.php"}},
		{PSR4: []NamespacePaths{{Prefix: `A\Test\`, Paths: []string{"test"}}}},
	}
	if diff := cmp.Diff(want, []Autoload{got, gotDev}); diff != "" {
		t.Error(diff)
	}
	if _, err := parse(t, `{"autoload-dev":3}`).AutoloadDev(); err == nil || !strings.Contains(err.Error(), `"autoload-dev" of composer.json: it is a number`) {
		t.Errorf("error %v", err)
	}
}

func FuzzParseAutoload(f *testing.F) {
	f.Add([]byte(`{"psr-4":{"A\\":["src","lib"],"":""},"psr-0":{"B_":"b"},"classmap":"c","files":{"0":"d"},"exclude-from-classmap":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 0 && !json.Valid(data) {
			t.Skip("more than the section, or less")
		}
		a, err := parseAutoload(data)
		if err != nil {
			if !cmp.Equal(a, Autoload{}) {
				t.Errorf("an error, and %+v", a)
			}
			return
		}
		if len(data) == 0 {
			return
		}
		m := NewManifest()
		if err := m.Set("autoload", json.RawMessage(data)); err != nil {
			t.Fatal(err)
		}
		again, err := m.Autoload()
		if err != nil || !cmp.Equal(a, again) {
			t.Errorf("by itself %+v, in a manifest %+v, %v", a, again, err)
		}
	})
}

// What Composer's own autoloader cannot find is missing, and nothing else.
func TestMissingAutoload(t *testing.T) {
	paths := []string{"composer.json", "a.php", "src/b.php", "src/deep/er/c.php", "empty/"}
	tests := []struct{ name, rest, missing string }{
		{"nothing to load", `"name":"a/b"`, ``},
		{"all there", `"autoload":{"files":["a.php","./src/b.php","src//b.php"],"classmap":["","src","src/","a.php","empty","s*/","src/*/er"]}`, ``},
		{"below vendor", `"target-dir":"","autoload":{"files":["/a.php"]}`, ``},
		{"a file is missing", `"autoload":{"files":["a.php","src/gone.php"]}`, `autoload.files "src/gone.php"`},
		{"a folder is no file", `"autoload":{"files":["src"]}`, `autoload.files "src"`},
		{"above the package", `"autoload":{"files":["../a.php"],"classmap":["../src"]}`, `autoload.files "../a.php", autoload.classmap "../src"`},
		{"another case", `"autoload":{"files":["A.php"]}`, `autoload.files "A.php"`},
		{"classmap", `"autoload":{"classmap":["src/","gone","x*","src/b*"]}`, `autoload.classmap "gone", autoload.classmap "x*", autoload.classmap "src/b*"`},
		{"folders of namespaces", `"autoload":{"psr-4":{"A\\":"gone"},"psr-0":{"B":"gone"},"exclude-from-classmap":["gone"]}`, ``},
		{"target-dir", `"target-dir":"A/B","autoload":{"files":["A/B/a.php","a.php","B/a.php"]}`, `autoload.files "B/a.php"`},
		{"metapackage", `"type":"metapackage","autoload":{"files":["gone.php"]}`, ``},
		{"project", `"type":"project","autoload":{"files":["gone.php"]}`, ``},
		{"for its development", `"autoload-dev":{"files":["gone.php"]}`, ``},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := ParseManifest([]byte("{" + test.rest + "}"))
			if err != nil {
				t.Fatal(err)
			}
			missing, err := m.MissingAutoload(paths)
			if got := strings.Join(missing, ", "); got != test.missing || err != nil {
				t.Errorf("missing %s (%v), want %s", got, err, test.missing)
			}
			if _, err := exec.LookPath("composer"); err != nil || m.Type() != "library" || strings.Contains(test.rest, "target-dir") {
				return // Composer has other rules for a root package
			}
			dir := filepath.Join(t.TempDir(), "package")
			for _, p := range paths {
				if err := os.MkdirAll(filepath.Join(dir, p[:strings.LastIndex("/"+p, "/")]), 0o777); err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(p, "/") {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, p), []byte("<?php\n"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "composer.json"), []byte("{"+test.rest+"}"), 0o666); err != nil {
				t.Fatal(err)
			}
			load := exec.Command("sh", "-c", "composer dump-autoload -q && php -r 'set_error_handler(fn() => exit(9)); require \"vendor/autoload.php\";'")
			load.Dir, load.Env = dir, append(os.Environ(), "COMPOSER_ALLOW_SUPERUSER=1", "COMPOSER_HOME="+t.TempDir())
			if out, err := load.CombinedOutput(); (err != nil) != (test.missing != "") {
				t.Errorf("Composer ends with %v, and missing is %q\n%s", err, test.missing, out)
			}
		})
	}
}
