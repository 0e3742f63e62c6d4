// Package images says in which images shops are proven: the recipes of those with PHP, and the
// digests of all of them as far as they are known.
package images

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/goccy/go-yaml"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
)

// A Table says how images are made, and which they are.
type Table struct {
	// Published is where built images are, with a version of PHP as tag.
	Published string `yaml:"published"`
	// Extensions and Packages are what an image has, as names of Debian's packages; Extensions
	// without the prefix of PHP.
	Extensions []string `yaml:"extensions"`
	Packages   []string `yaml:"packages"`
	// Composer is the URL of Composer's program, with %s for its version.
	Composer string  `yaml:"composer"`
	Archive  Archive `yaml:"archive"`
	PHP      []PHP   `yaml:"php"`
	// Services are with what versions of a project run.
	Services releases.Services `yaml:"-"`
	// Digests are sha256:… of images by their reference, and of downloads by their URL.
	Digests map[string]string `yaml:"-"`

	services []byte // as they stand in their file
}

// An Archive has the packages of versions of PHP that Debian has not.
type Archive struct {
	URL string `yaml:"url"`
	Key string `yaml:"key"` // URL of the key that signs it
}

// A PHP is the recipe of an image with a version of PHP.
type PHP struct {
	Version string `yaml:"version"` // of two parts
	Base    string `yaml:"base"`    // reference of the image that it is made of
	Archive bool   `yaml:"archive"` // it is not in Debian
}

var (
	//go:embed images.yaml
	table []byte
	//go:embed digests.json
	digests []byte
	//go:embed Dockerfile.tmpl
	dockerfile string
)

// The files of a table, from the folder releases of a checkout.
const (
	ServicesFile = "services.json"
	DigestsFile  = "images/digests.json"
	tableFile    = "images/images.yaml"
)

// Carried is the table that the program carries.
func Carried() (*Table, error) { return parse(table, digests, releases.ServicesJSON()) }

// Load reads the table of a checkout, of its folder releases.
func Load(dir string) (*Table, error) {
	var parts [][]byte
	for _, name := range []string{tableFile, DigestsFile, ServicesFile} {
		data, err := files.Read(filepath.Join(dir, name), files.Small)
		if err != nil {
			return nil, err
		}
		parts = append(parts, data)
	}
	return parse(parts[0], parts[1], parts[2])
}

func parse(table, digests, services []byte) (*Table, error) {
	t := &Table{Digests: map[string]string{}, services: services}
	if err := yaml.UnmarshalWithOptions(table, t, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", tableFile, err)
	}
	if err := json.Unmarshal(digests, &t.Digests); err != nil {
		return nil, fmt.Errorf("%s: %w", DigestsFile, err)
	}
	var err error
	t.Services, err = releases.ParseServices(services)
	return t, err
}

// Pin gives an image's reference with the digest that is known of it; false: none is, nor does
// it have one.
func (t *Table) Pin(reference string) (string, bool) {
	if strings.Contains(reference, "@") {
		return reference, true
	}
	digest := t.Digests[reference]
	if digest == "" {
		return reference, false
	}
	return reference + "@" + digest, true
}

// Special reports whether a version of Composer is one that published images have not, and can be had.
func (t *Table) Special(composer string) bool {
	return composer != "" && composer != t.Services.Composer() && t.Digests[t.composer(composer)] != ""
}

// Knows reports whether an image is one of the table's, whoever names it: by digest, of a
// repository that it has, or made by its own recipe of such a one.
func (t *Table) Knows(image string) bool {
	if !releases.IsRecipe(image) {
		return pinned(image) && slices.ContainsFunc(t.References(), func(r string) bool { return repository(r) == repository(image) })
	}
	_, rest, _ := strings.Cut(image, "\nFROM ")
	base, _, _ := strings.Cut(rest, "\n")
	name, _, _ := strings.Cut(base, "@")
	for _, p := range t.PHP {
		for _, composer := range t.composers() {
			text, err := t.Dockerfile(p, base, composer)
			if err == nil && text == image && pinned(base) && short(name) == p.Base {
				return true
			}
		}
	}
	return false
}

// pinned reports whether an image is one of a registry, by digest.
func pinned(image string) bool {
	return releases.IsImageReference(image) && strings.Contains(image, "@") && !strings.Contains(image, "://")
}

// short is a reference without the registry that is meant where none is named.
func short(reference string) string {
	return strings.TrimPrefix(strings.TrimPrefix(reference, "docker.io/"), "library/")
}

// repository is that of a reference, without tag and digest.
func repository(reference string) string {
	name, _, _ := strings.Cut(short(reference), "@")
	if tag := strings.LastIndex(name, ":"); tag > strings.LastIndex(name, "/") {
		name = name[:tag]
	}
	return name
}

// PublishedPHP is the reference under which the image with a version of PHP is published.
func (t *Table) PublishedPHP(version string) string { return t.Published + ":" + version }

// Recipe is that of a version of PHP; false: there is none.
func (t *Table) Recipe(version string) (PHP, bool) {
	at := slices.IndexFunc(t.PHP, func(p PHP) bool { return p.Version == version })
	if at < 0 {
		return PHP{}, false
	}
	return t.PHP[at], true
}

// Versions are the versions of PHP that there are recipes for.
func (t *Table) Versions() []string {
	var versions []string
	for _, p := range t.PHP {
		versions = append(versions, p.Version)
	}
	return versions
}

// References are those of all images that can be pinned, in their order.
func (t *Table) References() []string {
	var all []string
	for _, p := range t.PHP {
		all = append(all, p.Base, t.PublishedPHP(p.Version))
	}
	for _, project := range t.Services {
		for _, s := range project {
			all = slices.Concat(all, s.Database, s.Search, s.Cache, s.Queue)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Downloads are the URLs of the files that recipes fetch, in their order.
func (t *Table) Downloads() []string {
	all := []string{t.Archive.Key}
	for _, version := range t.composers() {
		all = append(all, t.composer(version))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// composers are the versions of Composer that something runs with.
func (t *Table) composers() []string {
	var all []string
	for _, project := range t.Services {
		for _, s := range project {
			if s.Composer != "" {
				all = append(all, s.Composer)
			}
		}
	}
	return all
}

func (t *Table) composer(version string) string { return fmt.Sprintf(t.Composer, version) }

var recipe = template.Must(template.New("Dockerfile").Funcs(template.FuncMap{"join": strings.Join}).Parse(dockerfile))

// Dockerfile is a recipe in Docker's words. base is the image that it is made of, by digest
// where that is known. It has the version of Composer, or as long as that has no checksum the
// distribution's.
func (t *Table) Dockerfile(p PHP, base, composer string) (string, error) {
	in := struct {
		Version, Base, Archive, Key, KeySum, Composer, ComposerSum string
		Packages                                                   []string
	}{Version: p.Version, Base: base, Composer: t.composer(composer), ComposerSum: t.Digests[t.composer(composer)], Packages: slices.Clone(t.Packages)}
	if p.Archive {
		in.Archive, in.Key, in.KeySum = t.Archive.URL, t.Archive.Key, t.Digests[t.Archive.Key]
	}
	for _, extension := range t.Extensions {
		in.Packages = append(in.Packages, "php"+p.Version+"-"+extension)
	}
	if in.ComposerSum == "" {
		in.Packages = append(in.Packages, "composer")
	}
	var b strings.Builder
	err := recipe.Execute(&b, in)
	return b.String(), err
}
