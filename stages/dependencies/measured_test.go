package dependencies

import (
	"archive/tar"
	"context"
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

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages"
)

// published are the requires of published base packages and of their roots, by
// version.
type published map[string]struct{ Root, Base [][2]string }

func baseLists(tb testing.TB) published {
	tb.Helper()
	file := os.Getenv("NIGHTLY_BASE_LISTS")
	if file == "" {
		tb.Skip("NIGHTLY_BASE_LISTS is not set: it names a JSON file with the requires of published base packages and of their roots")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var lists published
	if err := json.Unmarshal(data, &lists); err != nil {
		tb.Fatal(err)
	}
	return lists
}

// measuredExtras are what the code of a version uses beside its official list,
// each looked at by hand.
var measuredExtras = map[string][]string{
	"2.3.7":    {"colinmollenhour/credis", "colinmollenhour/php-redis-session-abstract"},
	"2.4.0":    {"colinmollenhour/credis", "colinmollenhour/php-redis-session-abstract", "elasticsearch/elasticsearch"},
	"2.4.2":    {"colinmollenhour/credis", "colinmollenhour/php-redis-session-abstract", "elasticsearch/elasticsearch"},
	"2.4.3":    {"colinmollenhour/credis", "colinmollenhour/php-redis-session-abstract", "elasticsearch/elasticsearch"},
	"2.4.4":    {"colinmollenhour/credis", "colinmollenhour/php-redis-session-abstract", "elasticsearch/elasticsearch"},
	"2.4.7-p3": {"colinmollenhour/credis", "colinmollenhour/php-redis-session-abstract", "elasticsearch/elasticsearch", "magento/zend-db", "psr/log"},
}

// TestNightlyMeasured compares the nightly list of NIGHTLY_SOURCES/magento2 with
// the published one of the version that the repository is tagged with.
func TestNightlyMeasured(t *testing.T) {
	lists := baseLists(t)
	s := openStore(t)
	in, version := magento2(t, s)
	for mode, extras := range map[string][]string{releases.OfficialRequire: nil, releases.NightlyRequire: measuredExtras[version]} {
		t.Run(mode, func(t *testing.T) {
			if _, ok := lists[version]; !ok || mode == releases.NightlyRequire && extras == nil {
				t.Skipf("nothing is known of version %s", version)
			}
			want := map[string]string{}
			for _, l := range lists[version].Base {
				want[l[0]] = l[1]
			}
			for _, l := range lists[version].Root {
				if slices.Contains(extras, l[0]) {
					want[l[0]] = l[1]
				}
			}
			got := map[string]string{}
			for _, r := range baseRequires(t, s, in, mode) {
				got[r.Name] = r.Constraint
				t.Logf("%s %s: %s", r.Name, r.Constraint, r.Evidence)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("requires differ (-published and extras +computed):\n%s", diff)
			}
		})
	}
}

// TestScanMeasured compares what a scan gives of NIGHTLY_SOURCES/magento2 with
// what the generator that Mage-OS had before gives: NIGHTLY_SCAN_LISTS names a
// JSON file with the names of packages by version, without polyfills.
func TestScanMeasured(t *testing.T) {
	file := os.Getenv("NIGHTLY_SCAN_LISTS")
	if file == "" {
		t.Skip("NIGHTLY_SCAN_LISTS is not set: it names a JSON file with the packages that another generator found, by version")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lists map[string][]string
	if err := json.Unmarshal(data, &lists); err != nil {
		t.Fatal(err)
	}
	s := openStore(t)
	in, version := magento2(t, s)
	want, ok := lists[version]
	if !ok {
		t.Skipf("nothing is known of version %s", version)
	}
	slices.Sort(want)
	var got []string
	for _, r := range baseRequires(t, s, in, releases.ScanRequire) {
		got = append(got, r.Name)
		t.Logf("%s %s: %s", r.Name, r.Constraint, r.Evidence)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages differ (-other generator +scan):\n%s", diff)
	}
}

func openStore(tb testing.TB) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// magento2 is the analysis of NIGHTLY_SOURCES/magento2 by the layout that the
// upstream line has, and the tag of that repository.
func magento2(tb testing.TB, s *store.Store) (stages.Analysis, string) {
	tb.Helper()
	folder := os.Getenv("NIGHTLY_SOURCES")
	if folder == "" {
		tb.Skip("NIGHTLY_SOURCES is not set: it names a folder of git repositories, magento2 among them")
	}
	dir := filepath.Join(folder, "magento2")
	tag, err := exec.Command("git", "-C", dir, "tag").Output()
	if err != nil {
		tb.Fatalf("git tag in %s: %v", dir, err)
	}
	line, err := lines.Load("upstream-nightly")
	if err != nil {
		tb.Fatal(err)
	}
	r, ok := line.Repository("magento2")
	if !ok {
		tb.Fatal("the line has no repository magento2")
	}
	return stages.Analysis{
		Lock: r.Name, Vendors: []string{"magento"}, Repositories: []releases.Repository{r},
		Sources: stages.Sources{Repositories: []stages.Source{{Name: r.Name, Head: archive(tb, s, dir)}}},
	}, strings.TrimSpace(string(tag))
}

// archive saves the tree of a repository's HEAD.
func archive(tb testing.TB, s *store.Store, dir string) pipeline.Tree {
	tb.Helper()
	cmd := exec.Command("git", "-C", dir, "archive", "HEAD")
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	var files []pipeline.File
	for tree := tar.NewReader(out); ; {
		header, err := tree.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			tb.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		digest, size, err := s.Add(tb.Context(), tree)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, pipeline.File{Path: header.Name, Mode: pipeline.Regular, Size: size, Digest: digest})
	}
	if err := cmd.Wait(); err != nil {
		tb.Fatalf("git archive HEAD in %s: %v", dir, err)
	}
	tree, err := s.Save(tb.Context(), files)
	if err != nil {
		tb.Fatal(err)
	}
	return tree
}

// baseRequires runs the stage and gives the requires of the base package.
func baseRequires(tb testing.TB, s pipeline.Store, in stages.Analysis, mode string) []releases.Requirement {
	tb.Helper()
	in.Repositories = slices.Clone(in.Repositories)
	for i, r := range in.Repositories {
		in.Repositories[i].Packages = slices.Clone(r.Packages)
		for j, p := range r.Packages {
			if p.Base != nil {
				b := *p.Base
				b.Require = mode
				in.Repositories[i].Packages[j].Base = &b
			}
		}
	}
	out, err := Stage(Options{Store: s, Log: testLog(tb)}).Run(context.Background(), in)
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range out.Packages {
		if p.Kind == stages.Base {
			return p.Requires
		}
	}
	tb.Fatal("no base package")
	return nil
}

// BenchmarkBase finds the nightly list of a base package: of NIGHTLY_SOURCES/magento2,
// and of a generated tree of similar size.
func BenchmarkBase(b *testing.B) {
	for name, make := range map[string]func(*store.Store) stages.Analysis{
		"generated": func(s *store.Store) stages.Analysis { return generated(b, s, 2_500) },
		"sources": func(s *store.Store) stages.Analysis {
			in, _ := magento2(b, s)
			return in
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := openStore(b)
			in := make(s)
			for b.Loop() {
				baseRequires(b, s, in, releases.NightlyRequire)
			}
		})
	}
}
