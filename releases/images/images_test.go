package images

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

func carried(t *testing.T) *Table {
	t.Helper()
	table, err := Carried()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// Every PHP with which something runs has a recipe, every image a name that a registry takes,
// and every digest is one of something that is named.
func TestCarried(t *testing.T) {
	table := carried(t)
	for project, list := range table.Services {
		for _, s := range list {
			for _, version := range s.PHP {
				if _, ok := table.Recipe(version); !ok {
					t.Errorf("%s %s: no recipe for PHP %s", project, s.Versions, version)
				}
			}
			if len(s.Cache) == 0 || len(s.Queue) == 0 || s.Composer == "" {
				t.Errorf("%s %s: %+v has no cache, queue or Composer", project, s.Versions, s)
			}
		}
	}
	named := table.References()
	for _, reference := range named {
		if !releases.IsImageReference(reference) {
			t.Errorf("%s is no reference of an image", reference)
		}
	}
	for name, digest := range table.Digests {
		if !slices.Contains(named, name) && !slices.Contains(table.Downloads(), name) || !strings.HasPrefix(digest, "sha256:") {
			t.Errorf("digests.json has %s of %s, which is named nowhere else: mageos-nightly images update writes it anew", digest, name)
		}
	}
	if _, err := composer.ParseVersion(table.Services.Composer()); err != nil {
		t.Error(err)
	}
}

// The page in docs is that of the table.
func TestSupported(t *testing.T) {
	page, err := os.ReadFile("../../docs/supported.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(carried(t).Supported(), string(page)); diff != "" {
		t.Errorf("write it anew: mageos-nightly images supported --output docs/supported.md (-table +page):\n%s", diff)
	}
}

const sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestPin(t *testing.T) {
	table := &Table{Digests: map[string]string{"mariadb:11.4": sum}}
	for reference, want := range map[string]string{"mariadb:11.4": "mariadb:11.4@" + sum, "mysql:8.4": "", "mysql:8.4@" + sum: "mysql:8.4@" + sum} {
		if got, pinned := table.Pin(reference); pinned != (want != "") || pinned && got != want {
			t.Errorf("%s: %s, %v", reference, got, pinned)
		}
	}
}

func TestDockerfile(t *testing.T) {
	table := carried(t)
	table.Extensions, table.Packages, table.Digests = []string{"cli", "bcmath"}, []string{"git"}, nil
	of := func(version string) string {
		p, ok := table.Recipe(version)
		if !ok {
			t.Fatalf("no recipe for %s", version)
		}
		text, err := table.Dockerfile(p, p.Base+"@"+sum, "2.10.2")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	want := `# PHP 8.4 of Debian's packages, on debian:trixie-slim@` + sum + `
FROM debian:trixie-slim@` + sum + `
ARG FRESH
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update \
 && apt-get install --yes --no-install-recommends git php8.4-cli php8.4-bcmath composer \
 && update-alternatives --set php /usr/bin/php8.4 \
 && rm -rf /var/lib/apt/lists/*
`
	if diff := cmp.Diff(want, of("8.4")); diff != "" {
		t.Errorf("of Debian (-want +got):\n%s", diff)
	}
	const phar = "https://getcomposer.org/download/2.10.2/composer.phar"
	table.Digests = map[string]string{table.Archive.Key: sum, phar: sum}
	if table.Special("2.10.2") || table.Special("2.2.28") || table.Special("") {
		t.Error("published images have the newest Composer, and of another nothing is known")
	}
	want = `# PHP 8.3 of Debian's packages and those of https://packages.sury.org/php/, on debian:trixie-slim@` + sum + `
FROM debian:trixie-slim@` + sum + `
ADD --chmod=0644 --checksum=` + sum + ` https://packages.sury.org/php/apt.gpg /usr/share/keyrings/php.gpg
ADD --chmod=0755 --checksum=` + sum + ` ` + phar + ` /usr/local/bin/composer
ARG FRESH
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && . /etc/os-release \
 && echo "deb [signed-by=/usr/share/keyrings/php.gpg] https://packages.sury.org/php/ $VERSION_CODENAME main" > /etc/apt/sources.list.d/php.list \
 && apt-get update \
 && apt-get install --yes --no-install-recommends git php8.3-cli php8.3-bcmath \
 && update-alternatives --set php /usr/bin/php8.3 \
 && rm -rf /var/lib/apt/lists/*
`
	if diff := cmp.Diff(want, of("8.3")); diff != "" {
		t.Errorf("of another archive (-want +got):\n%s", diff)
	}
	table.Digests["https://getcomposer.org/download/2.2.28/composer.phar"] = sum
	if !slices.Contains(table.Downloads(), "https://getcomposer.org/download/2.2.28/composer.phar") || !table.Special("2.2.28") {
		t.Errorf("an older Composer is not to be had: %q", table.Downloads())
	}
}

func TestMergeServices(t *testing.T) {
	const ours = `{
		"magento/project:>=2.4.7 <2.4.8": {"source": "https://example.org/", "php": [8.2, 8.3], "mysql": "mysql:8.0", "opensearch": "opensearchproject/opensearch:2.12.0"},
		"magento/project:>=2.4.8 <2.4.9": {"source": ["https://example.org/"], "php": [8.3], "mariadb": "mariadb:11.4", "opensearch": "opensearchproject/opensearch:2.19.1"}
	}`
	const theirs = `{
		"magento/project:>=2.3 <2.4": {"php": 7.4, "mysql": "mysql:5.7", "elasticsearch": "elasticsearch:7.6.2"},
		"magento/project:>=2.4.7 <2.4.8": {"php": 8.3, "composer": "2.10.2", "mariadb": "mariadb:10.6", "elasticsearch": "elasticsearch:8.11.4", "rabbitmq": "rabbitmq:3.12", "redis": "redis:7.2"},
		"magento/project:>=2.4.8 <2.4.9": {"php": 8.4, "composer": "2.10.2", "mariadb": "mariadb:11.8", "elasticsearch": "opensearch:3", "rabbitmq": "rabbitmq:4.1", "valkey": "valkey/valkey:8"},
		"magento/project:next": {"php": 8.4, "eol": "2029-05-12T00:00:00+0000"}
	}`
	const want = `{
  "magento/project:>=2.4.7 <2.4.8":{"source":["https://example.org/","` + SupportSource + `"],"php":["8.2","8.3"],"composer":"2.10.2","mysql":["mysql:8.0"],"mariadb":["mariadb:10.6"],"opensearch":["opensearchproject/opensearch:2.12.0"],"redis":["redis:7.2"],"rabbitmq":["rabbitmq:3.12"]},
  "magento/project:>=2.4.8 <2.4.9":{"source":["https://example.org/","` + SupportSource + `"],"php":["8.3","8.4"],"composer":"2.10.2","mariadb":["mariadb:11.4","mariadb:11.8"],"opensearch":["opensearchproject/opensearch:3"],"valkey":["valkey/valkey:8"],"rabbitmq":["rabbitmq:4.1"]},
  "magento/project:next":{"source":["` + SupportSource + `"],"eol":"2029-05-12","php":["8.4"]}
}
`
	for name, from := range map[string]string{"from ours": ours, "again": want} {
		table := carried(t)
		table.services = []byte(from)
		got, err := table.MergeServices([]byte(theirs))
		if err != nil {
			t.Fatal(err)
		}
		if table.Services.Composer() != "2.10.2" {
			t.Error("the table does not know it")
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := carried(t).MergeServices([]byte("404")); err == nil {
		t.Error("what is no table was taken")
	}
}

// A world has images and downloads, by their names; what it has not cannot be had.
type world map[string]string

func (w world) Resolve(_ context.Context, reference string) (string, error) {
	if w[reference] == "" {
		return "", errors.New("not found")
	}
	return "docker.io/library/" + reference + "@" + w[reference], nil
}

func (w world) Fetch(_ context.Context, url string) (io.ReadCloser, error) {
	if w[url] == "" {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(w[url])), nil
}

// What is found is written, what is not stays, what is ours is left alone, and what is named no
// longer goes.
func TestUpdate(t *testing.T) {
	table := carried(t)
	published := table.PublishedPHP("8.4")
	table.Digests = map[string]string{"debian:trixie-slim": "sha256:old", "mariadb:11.4": "sha256:stays", published: "sha256:ours", "gone:1": "sha256:gone"}
	has := world{"debian:trixie-slim": "sha256:new", "valkey/valkey:8": "sha256:valkey", published: "sha256:theirs", table.Archive.Key: "a key"}
	err := table.Update(t.Context(), has, has)
	if err == nil || !strings.Contains(err.Error(), "mariadb:11.4: not found") || !strings.Contains(err.Error(), "composer.phar") || strings.Contains(err.Error(), "trixie") {
		t.Errorf("what cannot be had: %v", err)
	}
	want := map[string]string{
		"debian:trixie-slim": "sha256:new", "mariadb:11.4": "sha256:stays", "valkey/valkey:8": "sha256:valkey", published: "sha256:ours",
		table.Archive.Key: "sha256:" + string(pipeline.DigestOf([]byte("a key"))),
	}
	if diff := cmp.Diff(want, table.Digests); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	table.Record(published + "@sha256:next")
	if table.Digests[published] != "sha256:next" {
		t.Error("what was published is not recorded")
	}
}
