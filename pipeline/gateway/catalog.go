package gateway

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
)

// A catalog is what may be asked for: what the repositories are known to name.
type catalog struct {
	repositories []*repository
	dists        map[string]dist // by URL
}

// A repository is a Composer repository on the web.
type repository struct {
	base     *url.URL         // of its packages.json
	metadata []*regexp.Regexp // URLs of metadata
	mirrors  []*regexp.Regexp // URLs of dists
	advisers []*regexp.Regexp // URLs that are asked for security advisories
}

// maxLocal bounds a metadata file of a repository of this machine, in bytes.
const maxLocal = 64 << 20

// open adds a repository. Composer reads one of this machine itself, but for dists that lie
// elsewhere.
func (c *catalog) open(address string) error {
	base, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("read Composer repository %s: not a URL", remote.Redacted(address))
	}
	if base.Scheme != "file" {
		if base.Host == "packagist.org" {
			base.Host = "repo.packagist.org" // as in Composer
		}
		if !strings.HasSuffix(base.Path, ".json") {
			base = base.JoinPath("packages.json")
		}
		root, err := template(normal(base))
		if err != nil {
			return fmt.Errorf("read Composer repository %s: %w", remote.Redacted(address), err)
		}
		c.repositories = append(c.repositories, &repository{base: base, metadata: []*regexp.Regexp{root}})
		return nil
	}
	return filepath.WalkDir(filepath.FromSlash(base.Path), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		data, err := files.Read(path, maxLocal)
		if err == nil {
			c.learn(&repository{base: &url.URL{Scheme: "file", Path: filepath.ToSlash(path)}}, data)
		}
		return err
	})
}

// dist is what is known of the dist at a URL.
func (c *catalog) dist(address string) (dist, bool) {
	d, ok := c.dists[address]
	for _, r := range c.repositories {
		ok = ok || matches(r.mirrors, address)
	}
	return d, ok
}

// advises says that a repository's security advisories are asked for at a URL.
func (c *catalog) advises(address string) bool {
	for _, r := range c.repositories {
		if matches(r.advisers, address) {
			return true
		}
	}
	return false
}

// repository is the one whose metadata lies at a URL; nil: none's.
func (c *catalog) repository(address string) *repository {
	for _, r := range c.repositories {
		if matches(r.metadata, address) {
			return r
		}
	}
	return nil
}

func matches(patterns []*regexp.Regexp, address string) bool {
	for _, p := range patterns {
		if p.MatchString(address) {
			return true
		}
	}
	return false
}

// entry is what a packages.json, or a file that it includes, says of where metadata and dists
// lie: https://getcomposer.org/doc/05-repositories.md#packages
type entry struct {
	MetadataURL      string                     `json:"metadata-url"`
	ProvidersURL     string                     `json:"providers-url"`
	ProvidersLazyURL string                     `json:"providers-lazy-url"`
	ProvidersAPI     string                     `json:"providers-api"`
	List             string                     `json:"list"`
	Search           string                     `json:"search"`
	Includes         map[string]json.RawMessage `json:"includes"`
	ProviderIncludes map[string]json.RawMessage `json:"provider-includes"`
	Mirrors          []struct {
		DistURL string `json:"dist-url"`
	} `json:"mirrors"`
	SecurityAdvisories struct {
		APIURL string `json:"api-url"`
	} `json:"security-advisories"`
}

// learn takes in what a repository says. What it cannot read, Composer tells of.
func (c *catalog) learn(r *repository, data []byte) {
	var all struct {
		Packages any `json:"packages"`
	}
	var e entry
	if json.Unmarshal(data, &all) != nil {
		return
	}
	c.addDists(r, all.Packages)
	_ = json.Unmarshal(data, &e) // PHP writes [] for an empty object: what can be read counts
	for _, reference := range []string{e.MetadataURL, e.ProvidersURL, e.ProvidersLazyURL, e.ProvidersAPI, e.List, e.Search} {
		r.add(&r.metadata, reference, false)
	}
	for _, included := range []map[string]json.RawMessage{e.Includes, e.ProviderIncludes} {
		for reference := range included {
			r.add(&r.metadata, reference, false)
		}
	}
	r.add(&r.advisers, e.SecurityAdvisories.APIURL, true)
	for _, m := range e.Mirrors {
		r.add(&r.mirrors, m.DistURL, true)
	}
}

// addDists takes in the dists of all versions of packages. What else their metadata hold, as
// "extra", is the packages' own: no repository says it.
func (c *catalog) addDists(r *repository, packages any) {
	for _, versions := range elements(packages) {
		for _, version := range elements(versions) {
			fields, _ := version.(map[string]any)
			if d, ok := fields["dist"].(map[string]any); ok {
				c.addDist(r, d)
			}
		}
	}
}

// elements are those of an array or an object: both are seen.
func elements(value any) []any {
	switch v := value.(type) {
	case []any:
		return v
	case map[string]any:
		return slices.Collect(maps.Values(v))
	}
	return nil
}

func (c *catalog) addDist(r *repository, fields map[string]any) {
	text := func(key string) string { s, _ := fields[key].(string); return s }
	at, err := r.base.Parse(text("url"))
	if err != nil || remote.CheckReference(r.base, at, true) != nil || at.Scheme == "file" {
		return // Composer fetches it from its own folder, or not at all
	}
	if c.dists == nil {
		c.dists = map[string]dist{}
	}
	d := dist{Reference: text("reference"), Shasum: text("shasum")}
	c.dists[normal(at)] = d
	if at, err := url.Parse(asked(at.String(), d.Reference)); err == nil {
		c.dists[normal(at)] = d
	}
}

// archives are the hosts that Composer asks for an archive of a commit, whatever archive the
// metadata name: https://github.com/composer/composer/blob/main/src/Composer/Util/Url.php
var archives = []struct {
	named *regexp.Regexp
	asked string // REFERENCE stands for the commit
}{
	{regexp.MustCompile(`(?i)^https?://(?:www\.)?github\.com/([^/]+)/([^/]+)/(zip|tar)ball/.+$`), "https://api.github.com/repos/$1/$2/${3}ball/REFERENCE"},
	{regexp.MustCompile(`(?i)^https?://(?:www\.)?github\.com/([^/]+)/([^/]+)/archive/.+\.(zip|tar)(?:\.gz)?$`), "https://api.github.com/repos/$1/$2/${3}ball/REFERENCE"},
	{regexp.MustCompile(`(?i)^https?://api\.github\.com/repos/([^/]+)/([^/]+)/(zip|tar)ball(?:/.+)?$`), "https://api.github.com/repos/$1/$2/${3}ball/REFERENCE"},
	{regexp.MustCompile(`(?i)^https?://(?:www\.)?bitbucket\.org/([^/]+)/([^/]+)/get/.+\.(zip|tar\.gz|tar\.bz2)$`), "https://bitbucket.org/$1/$2/get/REFERENCE.$3"},
	{regexp.MustCompile(`(?i)^https?://(?:www\.)?gitlab\.com/api/v[34]/projects/([^/]+)/repository/archive\.(zip|tar\.gz|tar\.bz2|tar)\?sha=.+$`), "https://gitlab.com/api/v4/projects/$1/repository/archive.$2?sha=REFERENCE"},
}

// isReference matches what names a commit, and leads nowhere else in a URL.
var isReference = regexp.MustCompile(`^\w[\w.-]*$`)

// asked is the URL that Composer asks for a dist.
func asked(address, reference string) string {
	if !isReference.MatchString(reference) {
		return address
	}
	for _, a := range archives {
		if a.named.MatchString(address) {
			return strings.Replace(a.named.ReplaceAllString(address, a.asked), "REFERENCE", reference, 1)
		}
	}
	return address
}

// maxPatterns bounds what one repository may teach, and maxPattern each URL, in bytes.
const maxPatterns, maxPattern = 256, 4096

// add takes in a URL with places for a package and the like.
func (r *repository) add(to *[]*regexp.Regexp, reference string, anyHost bool) {
	if reference == "" || len(reference) > maxPattern || len(r.metadata)+len(r.mirrors)+len(r.advisers) >= maxPatterns {
		return
	}
	// A % sign that begins no escape is no URL: the places are put in afterwards.
	marked := place.ReplaceAllString(strings.ReplaceAll(reference, "%package%", "PLACE/PACKAGE"), "PLACE/ANY")
	at, err := r.base.Parse(marked)
	if err != nil || remote.CheckReference(r.base, at, anyHost) != nil {
		return
	}
	pattern, err := template(normal(at))
	if err == nil && !slices.ContainsFunc(*to, func(known *regexp.Regexp) bool { return known.String() == pattern.String() }) {
		*to = append(*to, pattern)
	}
}

var place = regexp.MustCompile(`%[A-Za-z]+%`)

// places are what Composer puts into a URL: never a segment that leads elsewhere (.., an
// escaped slash), whatever stands beside it.
var places = strings.NewReplacer(
	"PLACE/PACKAGE", `[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.~-]*`,
	"PLACE/ANY", `[^/?#%&.][^/?#%&]*`,
)

// template matches the URLs that Composer makes of one with places.
func template(address string) (*regexp.Regexp, error) {
	return regexp.Compile("^" + places.Replace(regexp.QuoteMeta(address)) + "$")
}
