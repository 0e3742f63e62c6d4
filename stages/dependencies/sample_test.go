package dependencies

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/releases/sample"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/php"
	"github.com/mage-os/nightly/stages/dependencies/scan"
)

// sampleAnalysis is the analysis of the line that the program carries in itself.
func sampleAnalysis(t *testing.T, s *store.Store) stages.Analysis {
	t.Helper()
	line, err := lines.Load("sample")
	if err != nil {
		t.Fatal(err)
	}
	in := stages.Analysis{Lock: line.Lock, Vendors: []string{"sample", "sample-os"}, Repositories: line.Repositories, Editions: line.Editions}
	for _, r := range line.Repositories {
		tree := files{}
		head, err := fs.Sub(sample.Sources, path.Join("repositories", r.Name, "head"))
		if err != nil {
			t.Fatal(err)
		}
		err = fs.WalkDir(head, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(head, name)
			tree[name] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		in.Sources.Repositories = append(in.Sources.Repositories, stages.Source{Name: r.Name, Head: save(t, s, tree)})
	}
	return in
}

// TestSample: the sample shows evidence in each form of file.
func TestSample(t *testing.T) {
	s := openStore(t)
	out, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: s, Log: testLog(t)}), sampleAnalysis(t, s))
	if err != nil {
		t.Fatal(err)
	}
	want := []releases.Requirement{
		{Name: "php", Constraint: ">=8.1", Evidence: carriedOver},
		{Name: "acme/clock", Constraint: "^2.0", Evidence: "app/etc/di.xml:3"},
		{Name: "acme/html", Constraint: "^3.0", Evidence: "pub/errors/page.phtml:9"},
		{Name: "acme/terminal", Constraint: "^1.0", Evidence: "bin/sample:11"},
		{Name: "acme/text", Constraint: "^1.0", Evidence: "pub/index.php:24"},
	}
	at := slices.IndexFunc(out.Packages, func(p stages.Package) bool { return p.Kind == stages.Base })
	if diff := cmp.Diff(want, out.Packages[at].Requires); diff != "" {
		t.Errorf("requires of the base package differ (-want +got):\n%s", diff)
	}
}

// TestSampleKinds: the base package of the sample refers to other packages'
// classes in every way that counts.
func TestSampleKinds(t *testing.T) {
	s := openStore(t)
	in := sampleAnalysis(t, s)
	head, err := s.Files(t.Context(), in.Sources.Repositories[0].Head)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(in.Repositories[0].Packages, func(p releases.Package) bool { return p.Base != nil })
	entry := in.Repositories[0].Packages[at]
	head = slices.DeleteFunc(head, func(f pipeline.File) bool { return pipeline.Within(entry.Exclude, f.Path) || !productionFile(f.Path) })
	found, err := scan.Files(t.Context(), s, head)
	if err != nil {
		t.Fatal(err)
	}
	missing := map[php.Kind]bool{
		scan.XML: true, php.New: true, php.Static: true, php.InstanceOf: true, php.Extends: true, php.Implements: true,
		php.Trait: true, php.Type: true, php.Catch: true, php.Attribute: true,
	}
	for _, f := range found {
		for _, ref := range f.References {
			if strings.HasPrefix(ref.Name, "Acme\\") {
				delete(missing, ref.Kind)
			}
		}
	}
	for k := range maps.Keys(missing) {
		t.Errorf("no reference of the kind %q", k)
	}
}
