package build

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

// layoutOf is the layout of paths.
func layoutOf(empty []string, paths ...string) *layout {
	var files []pipeline.File
	for _, p := range paths {
		files = append(files, pipeline.File{Path: p})
	}
	return newLayout(files, empty)
}

func sourcesOf(pairs [][2]string) []string {
	sources := []string{}
	for _, p := range pairs {
		sources = append(sources, p[0])
	}
	return sources
}

func TestMapping(t *testing.T) {
	tests := []struct {
		name  string
		empty []string
		paths []string
		rules []releases.MapRule
		want  []string
	}{
		{name: "nothing", want: []string{}},
		{name: "files of the root, but not README.md", paths: []string{"index.php", ".htaccess", "README.md", "Setup.md"}, want: []string{".htaccess", "Setup.md", "index.php"}},
		{name: "directories whole, and those that a shop shares entry by entry",
			paths: []string{"setup/src/a.php", "setup/b.php", "pub/errors/default/404.php", "pub/index.php", "pub/media/customer/.htaccess", "pub/media/sitemap/.htaccess"},
			want:  []string{"pub/errors", "pub/index.php", "pub/media/customer/.htaccess", "pub/media/sitemap", "setup"}},
		{name: "what is new", paths: []string{"newdir/x", "lib/web/hugerte/a.js", "pub/new/x", "dev/tests/new/x"},
			want: []string{"dev/tests/new", "lib/web/hugerte", "newdir", "pub/new"}},
		{name: "empty directories, but not those of packages of their own",
			empty: []string{"app/code/Magento", "app/design/frontend/Magento", "app/i18n/Magento", "lib/internal/Acme"},
			want:  []string{"app/design/frontend/Magento"}},
		{name: "a place of packages of their own that has a file", paths: []string{"app/i18n/.gitkeep"}, want: []string{}},
		{name: "a file where a directory is shared", paths: []string{"bin", "var/.htaccess"}, want: []string{"bin", "var/.htaccess"}},
		{name: "what a line rules", paths: []string{".gitignore", "dev/tests/functional/lib/a.php", "dev/tests/functional/b.php", "pub/index.php"},
			rules: []releases.MapRule{{Path: ".gitignore", Deploy: releases.DeployNever}, {Path: "dev/tests/functional/", Deploy: releases.DeployWhole}},
			want:  []string{"dev/tests/functional", "pub/index.php"}},
		{name: "byte order", paths: []string{"b/x", "a.txt", "a/x", "A"}, want: []string{"A", "a", "a.txt", "b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := layoutOf(test.empty, test.paths...).mapping(test.rules...)
			if diff := cmp.Diff(test.want, sourcesOf(got)); diff != "" {
				t.Errorf("map differs (-want +got):\n%s", diff)
			}
			for _, pair := range got {
				if pair[0] != pair[1] {
					t.Errorf("%s is deployed to %s", pair[0], pair[1])
				}
			}
		})
	}
}

func TestEmptyDirectories(t *testing.T) {
	for name, test := range map[string]struct{ add, files, want []string }{
		"once, and none that is there": {[]string{"app/code/Acme/", "lib/web", "app/code/Acme"}, []string{"lib/web/a.js"}, []string{"app/code/Acme"}},
		"beside a file":                {[]string{"app/design/frontend/Acme"}, []string{"app/design/frontend/readme.txt"}, []string{"app/design/frontend/Acme"}},
		"below a file":                 {[]string{"app/design/frontend/Acme"}, []string{"app/design"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, layoutOf(test.add, test.files...).empty); diff != "" {
				t.Errorf("empty directories differ (-want +got):\n%s", diff)
			}
		})
	}
}

// publishedMaps reads the maps of published base packages, by version.
func publishedMaps(t *testing.T) map[string][]string {
	t.Helper()
	file := os.Getenv("NIGHTLY_BASE_LISTS")
	if file == "" {
		t.Skip("NIGHTLY_BASE_LISTS is not set: it names a JSON file with the maps of published base packages")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var published map[string]struct{ Map []string }
	if err := json.Unmarshal(data, &published); err != nil {
		t.Fatal(err)
	}
	maps := map[string][]string{}
	for version, lists := range published {
		maps[version] = lists.Map
	}
	return maps
}

// TestSplitMeasured makes sure that every published map could be made with the
// table: all that lies above an entry is split, and no entry is.
func TestSplitMeasured(t *testing.T) {
	// JsTestDriver was split until 2.2.3, in directories that are whole today.
	// 2.3.6-p1 alone has dev/tests/functional as a whole.
	known := []string{"dev/tests/js", "dev/tests/js/JsTestDriver", "dev/tests/js/JsTestDriver/testsuite"}
	for version, entries := range publishedMaps(t) {
		for _, entry := range entries {
			if slices.Contains(undeployed, entry) || slices.Contains(split, entry) && (version != "2.3.6-p1" || entry != "dev/tests/functional") {
				t.Errorf("%s: %s is mapped, but would not be", version, entry)
			}
			for dir := path.Dir(entry); dir != "."; dir = path.Dir(dir) {
				if !slices.Contains(split, dir) && !slices.Contains(known, dir) {
					t.Errorf("%s: %s is split, but would be whole", version, dir)
				}
			}
		}
	}
}

// TestMappingMeasured compares the generated map with the published one of the
// version that NIGHTLY_SOURCES/magento2 is tagged with.
func TestMappingMeasured(t *testing.T) {
	folder := os.Getenv("NIGHTLY_SOURCES")
	if folder == "" {
		t.Skip("NIGHTLY_SOURCES is not set: it names a folder of git repositories, magento2 among them")
	}
	maps := publishedMaps(t)
	dir := filepath.Join(folder, "magento2")
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.Trim(string(out), "\x00\n")
	}
	want, ok := maps[git("tag")]
	if !ok {
		t.Skipf("no published map of %s", git("tag"))
	}
	var entry releases.Package
	line, err := lines.Load("upstream-nightly")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range line.Repositories {
		for _, p := range r.Packages {
			if p.Base != nil {
				entry = p
			}
		}
	}
	var files []pipeline.File
	for _, p := range strings.Split(git("ls-tree", "-r", "-z", "--name-only", "HEAD"), "\x00") {
		if !pipeline.Within(entry.Exclude, p) && p != "composer.json" {
			files = append(files, pipeline.File{Path: p})
		}
	}
	got := sourcesOf(newLayout(files, entry.Base.EmptyDirectories).mapping())
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("map differs (-published +generated):\n%s", diff)
	}
}

// FuzzMapping makes sure that a map names only what is there, nothing twice, and
// leaves out nothing but what is never deployed.
func FuzzMapping(f *testing.F) {
	f.Add("index.php\napp/code/A.php\npub/media/customer/.htaccess", "app/design/frontend/Acme\napp/i18n/Acme")
	f.Add("app", "app/0") // a directory to add below a file
	f.Add("README.md\nvar/.htaccess\nlib/web/jquery.js\nlib/web/css/a.css", "lib/internal/Acme\npub")
	f.Fuzz(func(t *testing.T, files, empty string) {
		l, kept := fuzzedLayout(files, empty)
		var last string
		mapped := map[string]bool{}
		for _, pair := range l.mapping() {
			if !l.paths[path.Clean(pair[0])] {
				t.Errorf("%q is mapped and not there", pair[0])
			}
			if pair[0] <= last && last != "" {
				t.Errorf("%q stands behind %q", pair[0], last)
			}
			last = pair[0]
			mapped[pair[0]] = true
		}
		for _, file := range kept {
			n := 0
			for p := file; p != "."; p = path.Dir(p) {
				if mapped[p] {
					n++
				}
			}
			if want := 1; n != want && !pipeline.Within(undeployed, file) {
				t.Errorf("%q is deployed %d times", file, n)
			}
		}
	})
}

// fuzzedLayout is that of lines that are paths, and gives its files.
func fuzzedLayout(files, empty string) (*layout, []string) {
	paths := func(text string) []string {
		var out []string
		for _, p := range strings.Split(text, "\n") {
			if pipeline.ValidPath(p) == nil {
				out = append(out, p)
			}
		}
		return out
	}
	// A tree has no file that is a directory too.
	all := paths(files)
	kept := slices.DeleteFunc(slices.Clone(all), func(p string) bool {
		return slices.ContainsFunc(all, func(q string) bool { return strings.HasPrefix(q, p+"/") })
	})
	slices.Sort(kept)
	kept = slices.Compact(kept)
	return layoutOf(paths(empty), kept...), kept
}
