package images

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// SupportSource is where the table of supported services is brought up to date from.
const SupportSource = "https://github.com/mage-os/github-actions/tree/main/supported-version/src/versions"

// SupportURL is the same for programs.
const SupportURL = "https://raw.githubusercontent.com/mage-os/github-actions/main/supported-version/src/versions"

// SupportFiles are the files there, with the versions of a project by range.
var SupportFiles = []string{"mage-os/composite.json", "magento-open-source/composite.json"}

// A row is an entry of services.json; see releases.ParseServices.
type row struct {
	Source        []string `json:"source"`
	Release       string   `json:"release,omitempty"`
	EOL           string   `json:"eol,omitempty"`
	PHP           []string `json:"php"`
	Composer      string   `json:"composer,omitempty"`
	MySQL         []string `json:"mysql,omitempty"`
	MariaDB       []string `json:"mariadb,omitempty"`
	Elasticsearch []string `json:"elasticsearch,omitempty"`
	OpenSearch    []string `json:"opensearch,omitempty"`
	Redis         []string `json:"redis,omitempty"`
	Valkey        []string `json:"valkey,omitempty"`
	RabbitMQ      []string `json:"rabbitmq,omitempty"`
}

// MergeServices brings the services up to date, and gives their file, with files of SupportSource, which name one
// version of everything. It is added to versions of PHP and to databases, and is taken of the
// rest, but for a search of another product than the entry has. What runs with a PHP for which there is no recipe is left out.
func (t *Table) MergeServices(found ...[]byte) ([]byte, error) {
	ours := t.services
	var rows map[string]struct{ Source json.RawMessage }
	if err := json.Unmarshal(ours, &rows); err != nil {
		return nil, err
	}
	supports, err := supportsOf(ours)
	if err != nil {
		return nil, err
	}
	sources := map[string][]string{}
	for key, r := range rows {
		var list []string
		if json.Unmarshal(r.Source, &list) != nil {
			list = make([]string, 1)
			if err := json.Unmarshal(r.Source, &list[0]); err != nil {
				return nil, err
			}
		}
		sources[key] = list
	}
	for _, data := range found {
		theirs, err := supportsOf(data)
		if err != nil {
			return nil, err
		}
		for key, s := range theirs {
			if !t.provable(s) {
				continue
			}
			supports[key] = merge(supports[key], s)
			if !slices.Contains(sources[key], SupportSource) {
				sources[key] = append(sources[key], SupportSource)
			}
		}
	}
	var lines []string // an entry each
	for _, key := range slices.Sorted(maps.Keys(supports)) {
		line, err := pipeline.EncodeJSON(map[string]row{key: rowOf(supports[key], sources[key])}, "")
		if err != nil {
			return nil, err
		}
		lines = append(lines, "  "+strings.Trim(string(line), "{}\n")+"}")
	}
	t.services = []byte("{\n" + strings.Join(lines, ",\n") + "\n}\n")
	t.Services, err = releases.ParseServices(t.services)
	return t.services, err
}

// supportsOf reads a table, by the keys of its entries.
func supportsOf(data []byte) (map[string]releases.Support, error) {
	services, err := releases.ParseServices(data)
	all := map[string]releases.Support{}
	for project, list := range services {
		for _, s := range list {
			all[strings.TrimSuffix(project+":"+s.Versions, ":")] = s
		}
	}
	return all, err
}

// provable reports whether there is a recipe for its PHP.
func (t *Table) provable(s releases.Support) bool {
	return slices.ContainsFunc(s.PHP, func(version string) bool {
		_, ok := t.Recipe(version)
		return ok
	})
}

// merge gives theirs with what of ours stays beside it.
func merge(ours, theirs releases.Support) releases.Support {
	for i, image := range theirs.Search {
		if strings.HasPrefix(image, "opensearch:") { // an abbreviation, of no image that there is
			theirs.Search[i] = "opensearchproject/" + image
		}
	}
	if len(ours.Search) > 0 && !slices.ContainsFunc(ours.Search, func(image string) bool { return nameOf(image) == nameOf(theirs.Search[0]) }) {
		theirs.Search = ours.Search // another product
	}
	theirs.PHP = union(ours.PHP, theirs.PHP)
	theirs.Database = union(ours.Database, theirs.Database)
	return theirs
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, byVersion)
	return slices.Compact(all)
}

// byVersion orders versions, and images by their name and the version that they are tagged with.
func byVersion(a, b string) int {
	versionA, _ := composer.ParseVersion(a[len(nameOf(a)):]) // none is the oldest
	versionB, _ := composer.ParseVersion(b[len(nameOf(b)):])
	return cmp.Or(strings.Compare(nameOf(a), nameOf(b)), versionA.Compare(versionB))
}

// nameOf is an image's name, with the colon before its tag.
func nameOf(image string) string { return image[:strings.LastIndex(image, ":")+1] }

func rowOf(s releases.Support, source []string) row {
	r := row{Source: source, Release: s.Released, EOL: s.EndOfLife, PHP: s.PHP, Composer: s.Composer, RabbitMQ: s.Queue}
	r.MySQL, r.MariaDB = apart(s.Database, "mysql")
	r.Elasticsearch, r.OpenSearch = apart(s.Search, "elasticsearch")
	r.Redis, r.Valkey = apart(s.Cache, "redis")
	return r
}

// apart gives the images of a kind, and the others.
func apart(images []string, kind string) (those, others []string) {
	for _, image := range images {
		if strings.Contains(image, kind) {
			those = append(those, image)
		} else {
			others = append(others, image)
		}
	}
	return those, others
}

// A Resolver gives an image of a registry by digest.
type Resolver interface {
	Resolve(ctx context.Context, reference string) (string, error)
}

// maxDownload bounds a file that recipes fetch, in bytes.
const maxDownload = 64 << 20

// Update finds the digests of all images that are not published by us, and of all downloads. One
// that cannot be had stays as it is known; the error names all of those. What is named no longer
// is left out.
func (t *Table) Update(ctx context.Context, registries Resolver, web composer.Fetcher) error {
	found, errs := map[string]string{}, []error{}
	keep := func(name string, digest string, err error) {
		if err != nil {
			digest = t.Digests[name]
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		if digest != "" {
			found[name] = digest
		}
	}
	for _, reference := range t.References() {
		if strings.HasPrefix(reference, t.Published+":") {
			keep(reference, t.Digests[reference], nil)
			continue
		}
		resolved, err := registries.Resolve(ctx, reference)
		_, digest, _ := strings.Cut(resolved, "@")
		keep(reference, digest, err)
	}
	for _, url := range t.Downloads() {
		digest, err := download(ctx, web, url)
		keep(url, digest, err)
	}
	t.Digests = found
	return errors.Join(errs...)
}

// download gives the digest of what is at a URL.
func download(ctx context.Context, web composer.Fetcher, url string) (string, error) {
	body, err := web.Fetch(ctx, url)
	if err != nil {
		return "", err
	}
	data, err := files.ReadAll(body, url, maxDownload)
	if err := errors.Join(err, body.Close()); err != nil {
		return "", err
	}
	return "sha256:" + string(pipeline.DigestOf(data)), nil
}

// Record records references by digest.
func (t *Table) Record(references ...string) {
	for _, reference := range references {
		name, digest, _ := strings.Cut(reference, "@")
		t.Digests[name] = digest
	}
}
