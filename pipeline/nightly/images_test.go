package nightly

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/images"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

func TestImages(t *testing.T) {
	line := &releases.Line{Install: releases.Install{Images: map[string]string{
		"php:8.3": "registry.example.org/php:8.3", "mariadb:10.6": "file:///srv/mariadb.tar",
	}}}
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		any   string
		pairs []string
		php   map[string]string // version: image
		of    map[string]string // service: image
	}{
		"the line's": {
			php: map[string]string{"8.3": "registry.example.org/php:8.3", "8.2": ""},
			of:  map[string]string{"mariadb:10.6": "file:///srv/mariadb.tar", "mariadb:10.6" + digest: "file:///srv/mariadb.tar", "mysql:8.0": "mysql:8.0"},
		},
		"of flags": {
			any:   "file:///any.tar",
			pairs: []string{"mysql:8.0=mysql:8.0" + digest, "opensearchproject/opensearch:2.12.0=stand-in"},
			php:   map[string]string{"8.3": "registry.example.org/php:8.3", "8.2": "file:///any.tar"},
			of:    map[string]string{"mysql:8.0": "mysql:8.0" + digest, "opensearchproject/opensearch:2.12.0": "stand-in"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ImagesOf(line, test.any, test.pairs)
			if err != nil {
				t.Fatal(err)
			}
			php, of := map[string]string{}, map[string]string{}
			for version := range test.php {
				php[version], _ = m.php(version)
			}
			for service := range test.of {
				of[service] = m.of(service)
			}
			if diff := cmp.Diff([]map[string]string{test.php, test.of}, []map[string]string{php, of}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, pair := range []string{"php", "=x", "php=with space", "php=file://relative.tar"} {
		if _, err := ImagesOf(line, "", []string{pair}); !isConfig(err) {
			t.Errorf("--image %q: %v; want a *config.Error", pair, err)
		}
	}
}

func TestUnusedImages(t *testing.T) {
	cells := []releases.Cell{{PHP: "8.4", Database: "mariadb:11.4@" + aDigest, Search: "none"}}
	ofLine := map[string]string{"php:8.2": "a"}
	if err := (Images{"php:8.4": "b", "php": "b", "php:8.2": "a", "mariadb:11.4": "b", "cache": "none"}).unused(ofLine, cells); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"php:8.2", "mariadb:10.6", "none-such"} {
		if err := (Images{name: "b"}).unused(ofLine, cells); !isConfig(err) || !strings.Contains(err.Error(), "cache, mariadb:11.4, mariadb:11.4@"+aDigest+", php, php:8.4, queue") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const aDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// A registry resolves every tag to aDigest, and counts how often it is asked.
type registry int

func (r *registry) Resolve(_ context.Context, reference string) (string, error) {
	*r++
	return "docker.io/library/" + reference + "@" + aDigest, nil
}

func TestPin(t *testing.T) {
	table := &images.Table{Digests: map[string]string{"mariadb:11.4": aDigest}}
	for name, test := range map[string]struct {
		reference string
		want      stages.Image
		asked     registry
	}{
		"known":     {"mariadb:11.4", stages.Image{Reference: "mariadb:11.4@" + aDigest}, 0},
		"by digest": {"mysql:8.4@" + aDigest, stages.Image{Reference: "mysql:8.4@" + aDigest}, 0},
		"a tag":     {"mysql:8.4", stages.Image{Reference: "docker.io/library/mysql:8.4@" + aDigest, Unpinned: true}, 1},
		"a file":    {"file:///mysql.tar", stages.Image{Reference: "file:///mysql.tar", Unpinned: true}, 0},
		"a recipe":  {"# PHP\nFROM x@sha256:0\n", stages.Image{Reference: "# PHP\nFROM x@sha256:0\n", Unpinned: true}, 0},
		"no image":  {"stand-in", stages.Image{Reference: "stand-in"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var asked registry
			got, err := pin(t.Context(), &asked, table, "x", test.reference)
			test.want.Name = "x"
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil || asked != test.asked {
				t.Errorf("asked %d times, %v (-want +got):\n%s", asked, err, diff)
			}
		})
	}
}

// A file that has changed is another image, whose proof is another one.
func TestPinFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "php.tar")
	seen := map[stages.Image]bool{}
	for _, text := range []string{"one", "another"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		image, err := pin(t.Context(), new(registry), &images.Table{}, "php:8.4", "file://"+file)
		if err != nil || image.File == "" || seen[image] {
			t.Errorf("%+v, %v", image, err)
		}
		seen[image] = true
	}
}

func TestPHPImage(t *testing.T) {
	table, err := images.Carried()
	if err != nil {
		t.Fatal(err)
	}
	older := "https://getcomposer.org/download/2.2.28/composer.phar"
	table.Digests = map[string]string{table.PublishedPHP("8.3"): aDigest, older: aDigest}
	for name, test := range map[string]struct{ version, composer, want string }{
		"published":           {"8.3", table.Services.Composer(), table.PublishedPHP("8.3") + "@" + aDigest},
		"published, unknown":  {"8.3", "", table.PublishedPHP("8.3") + "@" + aDigest},
		"of another Composer": {"8.3", "2.2.28", "--checksum=" + aDigest + " " + older},
		"by recipe":           {"8.4", table.Services.Composer(), "FROM docker.io/library/debian:trixie-slim@" + aDigest + "\n"},
		"none":                {"5.6", "", ""},
	} {
		got, err := phpImage(t.Context(), new(registry), table, test.version, test.composer)
		if err != nil || !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
}

func TestBeside(t *testing.T) {
	supported := []string{"redis:7.2", "valkey/valkey:8"}
	for name, test := range map[string]struct {
		images    Images
		supported []string
		want      string
	}{
		"the newest":        {nil, supported, "valkey/valkey:8"},
		"a named one":       {Images{"cache": "redis:6"}, supported, "redis:6"},
		"a named one alone": {Images{"cache": "redis:6"}, nil, "redis:6"},
		"none is wanted":    {Images{"cache": "none"}, supported, ""},
		"none is supported": {},
	} {
		if got := test.images.beside("cache", test.supported); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestNewest(t *testing.T) {
	cells := []releases.Cell{
		{PHP: "8.4", Database: "mysql:8.4", Search: "a"}, {PHP: "8.4", Database: "mariadb:11.4", Search: "a"}, {PHP: "8.4", Database: "mariadb:11.4", Search: "b"},
		{PHP: "8.10", Database: "mysql:8.4"}, {PHP: "8.10", Database: "mariadb:11.4"},
		{PHP: "8.3", Database: "mysql:8.4"}, {PHP: "8.3", Database: "mariadb:11.4"},
	}
	opened, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	supported := releases.Services{"sample/project": {{PHP: []string{"8.3", "8.4"}}}}
	for name, test := range map[string]struct {
		images    Images
		supported releases.Services
		want      string
	}{
		"of all":       {nil, nil, "php8.10-mariadb11.4"},
		"of supported": {nil, supported, "php8.4-mariadb11.4-a"},
		"of named":     {Images{"php:8.3": "x"}, supported, "php8.3-mariadb11.4"},
		"of no image":  {Images{"mariadb:11.4": "x"}, nil, "php8.10-mariadb11.4"},
	} {
		var skipped []string
		p := &proving{Runner: &runner.Runner{Store: opened, Report: func(r pipeline.Report) { skipped = append(skipped, r.Stage) }}, options: ProveOptions{Images: test.images, Table: &images.Table{Services: test.supported}}}
		p.snapshot = stages.Snapshot{Project: "sample/project", Version: "1.0.0"}
		if got := p.alone(cells).Name(); got != test.want || len(skipped) != len(cells)-1 {
			t.Errorf("%s: %s, want %s; skipped %q", name, got, test.want, skipped)
		}
	}
}

// TestReadyCells: the cells whose images are fetched beside the build are those that will be
// proven.
func TestReadyCells(t *testing.T) {
	plan := &releases.Plan{Line: releases.Line{Install: releases.Install{Level: releases.Shop, Matrix: releases.Matrix{
		PHP: []string{"8.3", "8.4"}, Database: []string{"mariadb:11.4"}, Search: []string{"opensearch:2", "opensearch:3"},
	}}}}
	const none, address = releases.NoSearch, "http://127.0.0.1:9200"
	for name, test := range map[string]struct {
		options ProveOptions
		want    []string
	}{
		"the newest":  {ProveOptions{}, []string{"php8.4-mariadb11.4-opensearch2"}},
		"a named one": {ProveOptions{Cell: "php8.3-mariadb11.4-opensearch3"}, []string{"php8.3-mariadb11.4-opensearch3"}},
		"another search, by the name of the matrix":  {ProveOptions{Cell: "php8.3-mariadb11.4-opensearch3", Search: none}, []string{"php8.3-mariadb11.4-none"}},
		"another search, by the name of the reports": {ProveOptions{Cell: "php8.3-mariadb11.4-none", Search: none}, []string{"php8.3-mariadb11.4-none"}},
		"a search that is there":                     {ProveOptions{Cell: "php8.3-mariadb11.4-opensearch3", Search: address, Services: install.Services{Search: address}}, []string{"php8.3-mariadb11.4-opensearch3"}},
		"all, with one search":                       {ProveOptions{AllCells: true, Search: none}, []string{"php8.3-mariadb11.4-none", "php8.4-mariadb11.4-none"}},
	} {
		test.options.Table = new(images.Table)
		p := &proving{Runner: &runner.Runner{Engines: make([]*container.Engine, 1)}, plan: plan, options: test.options}
		cells, err := p.ready(t.Context())
		var got []string
		for _, c := range cells {
			got = append(got, c.Name())
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
}

// What another night was proven with is what is asked for, and nothing beside it: of images that
// are the table's, or that are named here too.
func TestLike(t *testing.T) {
	table, err := images.Carried()
	if err != nil {
		t.Fatal(err)
	}
	with := func(images ...stages.Image) *stages.Installation {
		return &stages.Installation{Level: releases.Shop, Cell: releases.Cell{PHP: "8.4", Database: "mariadb:11.4", Search: "stand-in"}, Images: images}
	}
	text, err := recipeOf(t.Context(), new(registry), table, "8.4", table.Services.Composer())
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(text, aDigest, "sha256:"+strings.Repeat("f", 64), 2)
	o := ProveOptions{Table: table, Images: Images{"queue": "registry.example.org/rabbit:4", "search": "file:///srv/search.tar"}}
	found := []stages.Image{
		{Name: "php:8.4", Reference: other, Unpinned: true}, {Name: "mariadb:11.4", Reference: "docker.io/library/mariadb:11.5@" + aDigest},
		{Name: "cache", Reference: "valkey/valkey:8@" + aDigest}, {Name: "queue", Reference: "registry.example.org/rabbit:4@" + aDigest},
		{Name: "search", Reference: "file:///srv/search.tar"},
	}
	if err := o.Like(with(found...)); err != nil {
		t.Fatal(err)
	}
	want := ProveOptions{Level: releases.Shop, Cell: "php8.4-mariadb11.4-stand-in", Search: "stand-in", Images: Images{}, Table: table}
	for _, image := range found {
		want.Images[image.Name] = image.Reference
	}
	if diff := cmp.Diff(want, o, cmpopts.IgnoreUnexported(images.Table{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, bad := range map[string]stages.Image{
		"no image":                   {Reference: "two words"},
		"another's":                  {Reference: "evil.example.org/library/mariadb:11.4@" + aDigest},
		"another's at the same host": {Reference: "docker.io/evil/mariadb:11.4@" + aDigest},
		"a tag":                      {Reference: "docker.io/library/mariadb:11.4"},
		"a file":                     {Reference: "file:///etc"},
		"a recipe":                   {Reference: "# PHP\nFROM x\nRUN evil\n"},
		"a line more":                {Reference: text + "RUN evil\n"},
		"of another base":            {Reference: strings.ReplaceAll(text, "docker.io/library/debian", "docker.io/evil/debian")},
		"of a base by tag":           {Reference: strings.ReplaceAll(text, "@"+aDigest, "")},
		"of a PHP's other image":     {Name: "php:8.3", Reference: "registry.example.org/php@" + aDigest},
	} {
		o := ProveOptions{Table: table, Images: Images{"php:8.4": "registry.example.org/php@" + aDigest}}
		if bad.Name == "" {
			bad.Name = "mariadb:11.4"
		}
		if err := o.Like(with(bad)); !isConfig(err) || !strings.Contains(err.Error(), bad.Title()) && !strings.Contains(err.Error(), bad.Reference) {
			t.Errorf("%s: %v; want a *config.Error that names it", name, err)
		}
	}
	if err := o.Like(with()); !isConfig(err) {
		t.Errorf("none: %v", err)
	}
}
