package dependencies

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// files maps the paths of a made-up tree to their contents; "-> path" is a
// symbolic link.
type files map[string]string

func save(t testing.TB, s pipeline.Store, tree files) pipeline.Tree {
	t.Helper()
	var entries []pipeline.File
	for name, content := range tree {
		mode := pipeline.Regular
		content, isLink := strings.CutPrefix(content, "-> ")
		if isLink {
			mode = pipeline.Symlink
		}
		digest, size, err := s.Add(t.Context(), strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, pipeline.File{Path: name, Mode: mode, Size: size, Digest: digest})
	}
	saved, err := s.Save(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// source is a repository of a test.
type source struct {
	name, tag    string
	head, tagged files
	layout       []releases.Package
}

func analyse(t *testing.T, in stages.Analysis, sources ...source) (stages.Dependencies, error) {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if in.Vendors == nil {
		in.Vendors = []string{"acme"}
	}
	for _, src := range sources {
		in.Repositories = append(in.Repositories, releases.Repository{Name: src.name, Packages: src.layout})
		in.Sources.Repositories = append(in.Sources.Repositories, stages.Source{
			Name: src.name, Tag: src.tag, Head: save(t, s, src.head), Tagged: save(t, s, src.tagged),
		})
	}
	return pipeline.Run(context.Background(), &pipeline.Session{}, Stage(Options{Store: s}), in)
}

func named(name string) string { return `{"name": "` + name + `"}` }

func versioned(name, version string) string {
	return `{"name": "` + name + `", "version": "` + version + `"}`
}

func TestDiscover(t *testing.T) {
	type found struct {
		Directory string
		Kind      stages.Kind
		Name      string
		Exclude   []string
	}
	tests := []struct {
		name   string
		head   files
		layout []releases.Package
		want   []found
	}{
		{
			name: "every visible subdirectory with a composer.json",
			head: files{
				"app/B/composer.json": named("acme/b"), "app/A/composer.json": named("acme/a"), "app/A/Test/composer.json": named("acme/inner"),
				"app/.hidden/composer.json": named("acme/hidden"), "app/Empty/README.md": "", "app/composer.json": named("acme/above"),
			},
			layout: []releases.Package{{Each: "app"}},
			want:   []found{{"app/A", stages.Plain, "acme/a", nil}, {"app/B", stages.Plain, "acme/b", nil}},
		},
		{
			name: "subdirectories of the root, some excluded whole and one in part",
			head: files{
				"a/composer.json": named("acme/a"), "dev/composer.json": named("acme/dev"), "_metapackage/composer.json": named("acme/all"),
				"developer/composer.json": named("acme/developer"),
			},
			layout: []releases.Package{{Each: ".", Exclude: []string{"dev/", "_metapackage", "a/tests"}}, {Metapackage: "_metapackage"}},
			want: []found{
				{"a", stages.Plain, "acme/a", []string{"tests"}}, {"developer", stages.Plain, "acme/developer", nil},
				{"_metapackage", stages.Metapackage, "acme/all", nil},
			},
		},
		{
			name:   "the root and a directory",
			head:   files{"composer.json": named("acme/root"), "src/Plugin/composer.json": named("acme/plugin")},
			layout: []releases.Package{{Directory: ".", Exclude: []string{"src"}}, {Directory: "src/Plugin/"}},
			want:   []found{{".", stages.Plain, "acme/root", []string{"src"}}, {"src/Plugin", stages.Plain, "acme/plugin", nil}},
		},
		{
			name:   "what is optional may be missing",
			head:   files{"composer.json": named("acme/root")},
			layout: []releases.Package{{Directory: "."}, {Directory: "Stomp", Optional: true}, {Metapackage: "meta", Optional: true}, {Each: "i18n", Optional: true}},
			want:   []found{{".", stages.Plain, "acme/root", nil}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := analyse(t, stages.Analysis{}, source{name: "acme", head: test.head, layout: test.layout})
			if err != nil {
				t.Fatal(err)
			}
			var got []found
			for _, p := range out.Packages {
				got = append(got, found{p.Directory, p.Kind, p.Name, p.Exclude})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("packages differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	root := []releases.Package{{Directory: "."}}
	tests := []struct {
		name     string
		sources  []source
		editions []releases.Edition
		want     []string // each in the error
	}{
		{
			name: "all of them together",
			sources: []source{
				{name: "empty", layout: []releases.Package{{Each: "app"}}},
				{name: "gone", layout: root},
				{name: "broken", head: files{"a/composer.json": "{", "b/composer.json": named("No Name")}, layout: []releases.Package{{Each: "."}}},
			},
			want: []string{
				`empty:app: no subdirectory has a composer.json; correct "each" of repository empty`,
				"gone:composer.json: file does not exist; correct the packages of repository gone",
				"broken:a/composer.json: read composer.json: 1:2",
				`broken:b/composer.json: package name "No Name"`,
			},
		},
		{
			name: "a directory that is one in another place",
			sources: []source{{name: "linked", head: files{"a/composer.json": "-> ../b/composer.json", "b/composer.json": named("acme/b")},
				layout: []releases.Package{{Each: "."}}}},
			want: []string{"linked:a/composer.json: it is a symbolic link"},
		},
		{
			name: "one name in two repositories",
			sources: []source{
				{name: "one", head: files{"composer.json": named("acme/log")}, layout: root},
				{name: "two", head: files{"lib/composer.json": named("acme/log")}, layout: []releases.Package{{Each: "."}}},
			},
			want: []string{"package acme/log is twice: in one:. and in two:lib"},
		},
		{
			name:    "editions that cannot be computed",
			sources: []source{{name: "shop", head: files{"composer.json": named("acme/shop")}, layout: root}},
			editions: []releases.Edition{
				{Name: "product", Type: "product", Repository: "shop", Base: "base"},
				{Name: "project", Type: "project", Repository: "shop", Product: "nothing"},
				{Name: "tagged", Type: "product", Repository: "shop", Require: []releases.Require{{Package: "acme/x", LatestTag: "https://git.example/x"}}},
				{Name: "odd", Type: "bundle", Repository: "shop"},
			},
			want: []string{
				`edition product: its base package "base" is not among the packages`,
				`edition project: its product "nothing" is no edition`,
				"edition tagged: require acme/x: the plan has no latest tag of https://git.example/x",
				`edition odd: type "bundle" is not known`,
			},
		},
		{
			name: "a base package without what it is made of",
			sources: []source{
				{name: "one", layout: []releases.Package{{Directory: ".", Base: &releases.Base{Manifest: composer.NewManifest(), Require: releases.OfficialRequire}}}},
				{name: "two", head: files{"composer.json": named("acme/shop")}, layout: []releases.Package{{Directory: ".", Base: &releases.Base{Manifest: composer.NewManifest(), Require: releases.OfficialRequire}}}},
				{name: "three", head: files{"composer.json": named("acme/shop")}, layout: []releases.Package{{Directory: ".", Base: baseOf(t, "guess")}}},
			},
			want: []string{
				"the base package's requires come from there: one:composer.json: file does not exist",
				"repository two: the base package's manifest in the release line: package name",
				`repository three: base package: require "guess" is not known; it can be "official", "nightly" or "scan"`,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := analyse(t, stages.Analysis{Editions: test.editions}, test.sources...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not hold %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestBaseVersion(t *testing.T) {
	tests := []struct {
		name   string
		tag    string
		tagged files
		want   string
	}{
		{name: "the field at the tag", tag: "2.4.8", tagged: files{"src/composer.json": versioned("acme/log", "103.0.8-p3")}, want: "103.0.8-p3"},
		{name: "the tag where the field is missing", tag: "2.4.8", tagged: files{"src/composer.json": named("acme/log")}, want: "2.4.8"},
		{name: "from where it was before", tag: "2.0.0",
			tagged: files{"old/composer.json": versioned("acme/log", "1.2.3"), "old/Test/_files/composer.json": versioned("acme/log", "9.9.9"), "x/composer.json": "{broken"}, want: "1.2.3"},
		{name: "under its built name, as a release leaves it", tag: "2.0.0", tagged: files{"src/composer.json": versioned("fork/log", "2.0.0-p1")}, want: "2.0.0-p1"},
		{name: "under its built name elsewhere", tag: "2.0.0", tagged: files{"old/composer.json": named("fork/log")}, want: "2.0.0"},
		{name: "a stranger of the same project name", tag: "2.0.0", tagged: files{"src/composer.json": named("stranger/log")}, want: ""},
		{name: "another package was in its place", tag: "2.0.0", tagged: files{"src/composer.json": versioned("acme/other", "7.0.0")}, want: ""},
		{name: "new since the tag", tag: "2.0.0", tagged: files{"composer.json": named("acme/shop")}, want: ""},
		{name: "no tag", tag: "", want: ""},
		{name: "no number", tag: "develop", tagged: files{"src/composer.json": named("acme/log")}, want: ""},
		{name: "a branch for a version", tag: "1.0.0", tagged: files{"src/composer.json": versioned("acme/log", "dev-main")}, want: ""},
		{name: "one number", tag: "v40", tagged: files{"src/composer.json": named("acme/log")}, want: "v40"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := analyse(t, stages.Analysis{Vendors: []string{"acme", "fork"}}, source{
				name: "acme", tag: test.tag, tagged: test.tagged,
				head: files{"src/composer.json": named("acme/log")}, layout: []releases.Package{{Directory: "src"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := out.Packages[0].BaseVersion; got != test.want {
				t.Errorf("base version %q, want %q", got, test.want)
			}
		})
	}
}

// baseOf is the base package acme/shop-base with its requires found in that way.
func baseOf(tb testing.TB, require string) *releases.Base {
	tb.Helper()
	manifest, err := composer.ParseManifest([]byte(named("acme/shop-base")))
	if err != nil {
		tb.Fatal(err)
	}
	return &releases.Base{Manifest: manifest, Require: require}
}

// shop is a small distribution of one repository and a plug-in in another.
func shop(t *testing.T) (stages.Analysis, []source) {
	t.Helper()
	base, err := composer.ParseManifest([]byte(versioned("acme/shop-base", "0")))
	if err != nil {
		t.Fatal(err)
	}
	root := `{
		"name": "fork/shop", "version": "2.0.0",
		"require": {"php": "~8.3.0", "symfony/console": "^6.4", "acme/plugin": "^1"},
		"replace": {"acme/module-log": "*", "fork/module-new": "*", "components/jquery": "1.11.0"}
	}`
	analysis := stages.Analysis{
		Vendors:    []string{"acme", "fork"},
		LatestTags: map[string]string{"https://git.example/extra": "v3.1"},
		Editions: []releases.Edition{
			{Name: "product", Type: "product", Repository: "shop", Base: "shop-base", Require: []releases.Require{
				{Package: "acme/plugin", Constraint: "^2"}, {Package: "acme/extra", LatestTag: "https://git.example/extra"}}},
			{Name: "project", Type: "project", Repository: "shop", Product: "product", Require: []releases.Require{{Package: "acme/updater", Constraint: "~1.0"}}},
		},
	}
	return analysis, []source{
		{
			name: "shop", tag: "2.0.0", tagged: files{"composer.json": root},
			head: files{"composer.json": root, "app/Log/composer.json": `{"name": "acme/module-log", "require": {"php": "*", "acme/plugin": "self.version"}}`},
			layout: []releases.Package{
				{Each: "app"}, {Directory: ".", Exclude: []string{"app"}, Base: &releases.Base{Manifest: base, Require: releases.OfficialRequire}},
			},
		},
		{name: "plugin", head: files{"composer.json": named("acme/plugin")}, layout: []releases.Package{{Directory: "."}}},
	}
}

func TestRequires(t *testing.T) {
	analysis, sources := shop(t)
	out, err := analyse(t, analysis, sources...)
	if err != nil {
		t.Fatal(err)
	}
	declared := func(name, constraint string) releases.Requirement {
		return releases.Requirement{Name: name, Constraint: constraint, Evidence: "declared"}
	}
	carried := func(name, constraint string) releases.Requirement {
		return releases.Requirement{Name: name, Constraint: constraint, Evidence: "carried over, no reference"}
	}
	want := []stages.Package{
		{Repository: "shop", Directory: "app/Log", Kind: stages.Plain, Name: "acme/module-log",
			Requires: []releases.Requirement{declared("php", "*"), declared("acme/plugin", "self.version")}},
		{Repository: "shop", Directory: ".", Kind: stages.Base, Name: "acme/shop-base", Exclude: []string{"app"}, BaseVersion: "2.0.0",
			Requires: []releases.Requirement{carried("php", "~8.3.0"), carried("symfony/console", "^6.4")}},
		{Repository: "plugin", Directory: ".", Kind: stages.Plain, Name: "acme/plugin", Requires: []releases.Requirement{}},
		{Repository: "shop", Directory: ".", Kind: stages.Product, Name: "fork/product", Edition: "product", BaseVersion: "2.0.0",
			Requires: []releases.Requirement{
				declared("php", "~8.3.0"), declared("symfony/console", "^6.4"), declared("acme/plugin", "^2"),
				declared("acme/module-log", "*"), declared("fork/module-new", "*"), declared("acme/extra", "v3.1"), declared("acme/shop-base", "*"),
			}},
		{Repository: "shop", Directory: ".", Kind: stages.Project, Name: "fork/project", Edition: "project", BaseVersion: "2.0.0",
			Requires: []releases.Requirement{declared("fork/product", "*"), declared("acme/updater", "~1.0")}},
	}
	if diff := cmp.Diff(want, out.Packages); diff != "" {
		t.Errorf("packages differ (-want +got):\n%s", diff)
	}
}

// TestOrder makes sure that nothing of the order of maps shows in the result.
func TestOrder(t *testing.T) {
	analysis, sources := shop(t)
	var exclude []string
	for i := range 20 {
		name := string(rune('a' + i))
		sources[1].head[name+"/composer.json"] = named("acme/" + name)
		exclude = append(exclude, name)
	}
	sources[1].layout = []releases.Package{{Each: "."}, {Directory: ".", Exclude: exclude}}
	first, err := analyse(t, analysis, slices.Clone(sources)...)
	if err != nil {
		t.Fatal(err)
	}
	second, err := analyse(t, analysis, slices.Clone(sources)...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

// What was a package at the latest tag does not vanish without a word, nor does one that
// lies within another.
func TestLost(t *testing.T) {
	each := []releases.Package{{Each: "app", Exclude: []string{"Old/"}}}
	at := files{"app/A/composer.json": named("acme/a"), "app/A/a.php": "", "app/B/composer.json": named("acme/b"), "app/Old/composer.json": named("acme/old"), "app/Broken/composer.json": "{"}
	framework := files{"lib/composer.json": named("acme/lib"), "lib/Amqp/composer.json": named("acme/amqp")}
	for _, c := range []struct {
		name         string
		head, tagged files
		layout       []releases.Package
		err, note    string
	}{
		{"as it was", at, at, []releases.Package{{Each: "app", Exclude: []string{"Old/", "Broken/"}}}, "", ""},
		{"its composer.json was deleted", files{"app/A/a.php": "", "app/B/composer.json": named("acme/b")}, at, each,
			"acme:app/A: package acme/a of the latest tag 1.0.0 has no composer.json any more, but other files; put it back, remove those, or write exclude: [A/]", ""},
		{"all of it was deleted", files{"app/B/composer.json": named("acme/b")}, at, each, "", "package acme/a, in acme:app/A at the latest tag 1.0.0, is gone"},
		{"it was moved", files{"app/C/composer.json": named("acme/a"), "app/A/a.php": "", "app/B/composer.json": named("acme/b")}, at, each, "", ""},
		{"it was renamed", files{"app/A/composer.json": named("acme/new"), "app/B/composer.json": named("acme/b")}, at, each, "", ""},
		{"nested since", framework, files{"lib/composer.json": named("acme/lib")}, []releases.Package{{Directory: "lib"}}, "acme:lib: package acme/lib holds package acme/amqp in Amqp; write exclude: [Amqp/]", ""},
		{"nested before", framework, framework, []releases.Package{{Directory: "lib"}}, "", "package acme/lib holds package acme/amqp in Amqp"},
		{"nested and built", framework, framework, []releases.Package{{Directory: "lib"}, {Directory: "lib/Amqp"}}, "holds package acme/amqp in Amqp", ""},
		{"nested and excluded", framework, framework, []releases.Package{{Directory: "lib", Exclude: []string{"Amqp/"}}, {Directory: "lib/Amqp"}}, "", ""},
		{"a fixture", files{"composer.json": named("acme/lib"), "Test/Mftf/composer.json": named("acme/fixture"), "dev/composer.json": named("other/dev")}, nil, []releases.Package{{Directory: "."}}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := analyse(t, stages.Analysis{}, source{name: "acme", tag: "1.0.0", head: c.head, tagged: c.tagged, layout: c.layout})
			if c.err == "" && err != nil && !strings.Contains(err.Error(), "Broken") || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%v; want %q", err, c.err)
			}
			if notes := strings.Join(out.Notes, "\n"); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes are %q; want %q", notes, c.note)
			}
		})
	}
}
