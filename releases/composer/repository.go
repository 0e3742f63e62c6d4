package composer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/remote"
)

// A Repository is somebody's Composer repository, opened for reading. It is safe for several goroutines when its
// Fetcher is.
type Repository struct {
	fetcher     Fetcher
	base        *url.URL
	metadataURL string // with %package%; "" when everything is in inline
	inline      map[string][]object
	available   map[string]bool // nil when the repository lists none
	patterns    []*regexp.Regexp
	listed      bool // available and patterns are the whole repository
}

// maxIncludes bounds the files that one packages.json may include.
const maxIncludes = 256

// OpenRepository reads a repository's packages.json, and the files that it includes when it is of the old kind without
// "metadata-url". address is the folder or the packages.json in it. Mirrors are ignored. A repository that serves
// only Composer 1's providers is refused.
func OpenRepository(ctx context.Context, address string, f Fetcher) (*Repository, error) {
	base, err := url.Parse(address)
	if err != nil || base.Scheme == "" {
		return nil, fmt.Errorf("open Composer repository %s: want a URL with https://, http:// or file://", remote.Redacted(address))
	}
	if !strings.HasSuffix(base.Path, ".json") {
		base = base.JoinPath("packages.json")
	}
	r := &Repository{fetcher: f, base: base, inline: map[string][]object{}}
	root, err := r.read(ctx, base)
	if err == nil {
		err = r.load(ctx, root)
	}
	if err != nil {
		return nil, fmt.Errorf("open Composer repository %s: %w", base.Redacted(), err)
	}
	return r, nil
}

func (r *Repository) load(ctx context.Context, root object) error {
	metadataURL, err := textAt(root, "metadata-url")
	if err != nil {
		return err
	}
	if metadataURL != "" && !strings.Contains(metadataURL, "%package%") {
		return fmt.Errorf(`"metadata-url" is %q, without %%package%%`, metadataURL)
	}
	r.metadataURL = metadataURL
	if metadataURL == "" {
		for _, key := range []string{"providers", "providers-url", "provider-includes", "providers-lazy-url"} {
			if root.get(key) != nil {
				return fmt.Errorf("it has %q but no \"metadata-url\": it speaks only the protocol of Composer 1", key)
			}
		}
		return r.loadAll(ctx, root)
	}
	if err := r.loadAvailable(root); err != nil {
		return err
	}
	return r.addPackages(root)
}

// loadAll takes the packages of packages.json and of all files that it includes.
func (r *Repository) loadAll(ctx context.Context, root object) error {
	if err := r.addPackages(root); err != nil {
		return err
	}
	queue := includes(root)
	seen := map[string]bool{}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		if len(seen) > maxIncludes {
			return fmt.Errorf("it includes more than %d files", maxIncludes)
		}
		address, err := r.resolve(name)
		if err != nil {
			return err
		}
		included, err := r.read(ctx, address)
		if err == nil {
			err = r.addPackages(included)
		}
		if err != nil {
			return fmt.Errorf("include %q: %w", name, err)
		}
		queue = append(queue, includes(included)...)
	}
	return nil
}

func includes(root object) []string {
	files, _ := objectOf(root.get("includes"))
	var names []string
	for _, f := range files {
		names = append(names, f.Key)
	}
	return names
}

// loadAvailable takes the lists that say what the repository has, where it gives them.
func (r *Repository) loadAvailable(root object) error {
	names, err := textsAt(root, "available-packages")
	if err != nil {
		return err
	}
	patterns, err := textsAt(root, "available-package-patterns")
	if err != nil {
		return err
	}
	r.listed = len(names)+len(patterns) > 0
	r.available = make(map[string]bool, len(names))
	for _, name := range names {
		r.available[strings.ToLower(name)] = true
	}
	for _, pattern := range patterns {
		// '*' stands for any text, the slash included.
		quoted := strings.ReplaceAll(regexp.QuoteMeta(strings.ToLower(pattern)), `\*`, `.*`)
		compiled, err := regexp.Compile("^" + quoted + "$")
		if err != nil {
			return fmt.Errorf("available-package-patterns: %q: %w", pattern, err)
		}
		r.patterns = append(r.patterns, compiled)
	}
	return nil
}

// Versions are all versions of a package, development ones included, newest first; fs.ErrNotExist when the repository
// has no such package. The manifests are without "dist" and "version_normalized". The caller owns them.
func (r *Repository) Versions(ctx context.Context, name Name) ([]PackageVersion, error) {
	entries, err := r.entries(ctx, name)
	if err == nil && len(entries) == 0 {
		err = noPackage{}
	}
	var versions []PackageVersion
	if err == nil {
		versions, err = packageVersions(name, entries)
	}
	if err != nil {
		return nil, fmt.Errorf("package %s of %s: %w", name, r.base.Redacted(), err)
	}
	return versions, nil
}

// Entries are all that the repository says of the versions of a package, as Composer expands it, in the order in which it
// says it; none when the repository has no such package. What is wrong with one is for the caller to find.
func (r *Repository) Entries(ctx context.Context, name Name) ([]Fields, error) {
	entries, err := r.entries(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("package %s of %s: %w", name, r.base.Redacted(), err)
	}
	all := make([]Fields, len(entries))
	for i, entry := range entries {
		all[i] = slices.SortedFunc(slices.Values(entry), byKey)
	}
	return all, nil
}

// noPackage is the fs.ErrNotExist of a package that a repository does not have.
type noPackage struct{}

func (noPackage) Error() string { return "the repository has no such package" }

func (noPackage) Unwrap() error { return fs.ErrNotExist }

func (r *Repository) entries(ctx context.Context, name Name) ([]object, error) {
	if _, err := ParseName(string(name)); err != nil {
		return nil, err
	}
	// As in Composer, what packages.json itself says about a package is all there is about it.
	if entries, ok := r.inline[string(name)]; ok || r.metadataURL == "" || !r.mayHave(name) {
		return entries, nil
	}
	var all []object
	for _, suffix := range []string{"", "~dev"} {
		address, err := r.resolve(strings.ReplaceAll(r.metadataURL, "%package%", string(name)+suffix))
		if err != nil {
			return nil, err
		}
		root, err := r.read(ctx, address)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries, err := metadataEntries(root, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address.Redacted(), err)
		}
		all = append(all, entries...)
	}
	return all, nil
}

func (r *Repository) mayHave(name Name) bool {
	return !r.listed || r.available[string(name)] ||
		slices.ContainsFunc(r.patterns, func(pattern *regexp.Regexp) bool { return pattern.MatchString(string(name)) })
}

// resolve makes an address in the repository's files absolute. A repository from the network cannot point at files of
// this machine, nor anywhere that a redirect could not lead.
func (r *Repository) resolve(reference string) (*url.URL, error) {
	address, err := r.base.Parse(reference)
	if err != nil {
		return nil, fmt.Errorf("address %q: not a URL", reference)
	}
	fromWeb := r.base.Scheme == "http" || r.base.Scheme == "https"
	toWeb := address.Scheme == "http" || address.Scheme == "https"
	if toWeb && r.base.Scheme == "file" {
		return nil, fmt.Errorf("address %q: a repository at file:// may not point there; serve its folder, as with mageos-nightly serve, and give the URL that it is served at", reference)
	}
	if fromWeb != toWeb || !toWeb && address.Scheme != r.base.Scheme {
		return nil, fmt.Errorf("address %q: a repository at %s:// may not point there", reference, r.base.Scheme)
	}
	if fromWeb {
		err = remote.CheckReference(r.base, address, false)
	}
	return address, err
}

func (r *Repository) read(ctx context.Context, address *url.URL) (object, error) {
	body, err := r.fetcher.Fetch(ctx, address.String())
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxRepository+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address.Redacted(), err)
	}
	root, err := decodeObject(data, maxRepository, nil)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address.Redacted(), err)
	}
	return root, nil
}

// Names are the packages that the repository lists, in byte order. One that lists none, or only patterns, is an error:
// what it has can be asked for by name alone.
func (r *Repository) Names() ([]Name, error) {
	if len(r.available) == 0 && len(r.inline) == 0 || len(r.patterns) > 0 {
		return nil, fmt.Errorf("read the list of packages of %s: it has no \"available-packages\"", r.base.Redacted())
	}
	all := maps.Clone(r.available)
	if all == nil {
		all = map[string]bool{}
	}
	for name := range r.inline {
		all[name] = true
	}
	names := make([]Name, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		names = append(names, Name(name))
	}
	return names, nil
}

// DistURL is the absolute URL of a dist of the repository, which may be on another host.
func (r *Repository) DistURL(d *Dist) (string, error) {
	address, err := r.base.Parse(d.URL)
	if err != nil || address.Scheme == "" {
		return "", fmt.Errorf("dist %q: not a URL", d.URL)
	}
	if err := remote.CheckReference(r.base, address, true); err != nil {
		return "", fmt.Errorf("dist %q: %w", d.URL, err)
	}
	return address.String(), nil
}
