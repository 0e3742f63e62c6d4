package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// maxForeign bounds a file of a package or of the shop that is read whole, in bytes. The
// largest real one is composer.lock, with 1 MB.
const maxForeign = 64 << 20

// A repository is an entry of "repositories" in composer.json or Composer's
// configuration.
type repository struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// noPackagist is the entry that switches off Composer's default repository.
var noPackagist = map[string]any{"packagist.org": false}

// writeConfig writes Composer's configuration into its clean home. The
// repositories stand in the project alone: Composer reads one that is in both
// places twice.
func (s *shop) writeConfig() error {
	config, err := json.MarshalIndent(map[string]any{
		"repositories": []any{noPackagist},
		// For our own server on loopback; thirdParty and checkPackages refuse
		// plain HTTP from anywhere else.
		"config": map[string]any{"secure-http": false},
	}, "", "    ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir.path("home"), "config.json"), append(config, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir.path("php"), "nightly.ini"), []byte(s.settings()), 0o644)
}

// settings are PHP's: memory for every step, all that it complains of into one file, none
// of it into pages, and sessions that lie in the work folder.
func (s *shop) settings() string {
	return "memory_limit=2G\nerror_reporting=E_ALL\ndisplay_errors=stderr\nhtml_errors=0\nlog_errors=1\n" +
		"log_errors_max_len=0\nerror_log=\"" + s.phpLog() + "\"\nsession.save_path=\"" + s.dir.path("tmp") + "\"\ndate.timezone=UTC\nopcache.enable=1\n" +
		"realpath_cache_size=10M\nrealpath_cache_ttl=7200\n"
}

func (s *shop) phpLog() string { return s.dir.path(filepath.Join("logs", "php.log")) }

// thirdParty are the Composer repositories of the candidate.
func (s *shop) thirdParty() ([]repository, error) {
	var repositories []repository
	for _, r := range s.candidate.Composer {
		address := r.URL
		if _, embedded := releases.IsEmbedded(address); embedded {
			if s.options.Locate == nil {
				return nil, fmt.Errorf("third-party repository %s: there is nobody to say where it lies", address)
			}
			dir, err := s.options.Locate(address)
			if err != nil {
				return nil, fmt.Errorf("third-party repository %s: %w", address, err)
			}
			// As it is, without escapes: so Composer takes file:// URLs.
			address = "file://" + filepath.ToSlash(dir)
		}
		if plain(address) {
			return nil, fmt.Errorf("third-party repository %s: plain HTTP can be changed on its way; use https", address)
		}
		repositories = append(repositories, repository{Type: "composer", URL: address})
	}
	return repositories, nil
}

// plain reports whether a URL is read over HTTP without encryption from another
// machine.
func plain(address string) bool {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Scheme, "http") {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (s *shop) createProject(ctx context.Context) error {
	if err := s.creating("create-project", s.base, s.candidate.Snapshot.Version)(ctx); err != nil {
		return err
	}
	s.prove("create-project", "%s %s", s.candidate.Snapshot.Project, s.candidate.Snapshot.Version)
	return nil
}

// creating makes the project from a repository that is served at base.
func (s *shop) creating(name, base, number string) step {
	return func(ctx context.Context) error {
		version, err := composer.ParseVersion(number)
		if err != nil {
			return fmt.Errorf("version of the project %s: %w", s.candidate.Snapshot.Project, err)
		}
		from, err := json.Marshal(repository{Type: "composer", URL: base})
		if err != nil {
			return err
		}
		c := s.composer(name, "create-project", "--no-install", "--no-scripts", "--no-progress",
			"--stability="+version.Stability().String(), "--repository="+string(from),
			s.candidate.Snapshot.Project, s.project(), number)
		c.dir = s.dir.root
		_, err = s.run(ctx, c)
		return err
	}
}

func (s *shop) pointAtSnapshot(context.Context) error { return s.pointAt(s.base) }

// pointAt lets the project install from a snapshot that is served at base. It names the
// public repository, where the snapshot is not published yet.
func (s *shop) pointAt(base string) error {
	m, entries, err := s.readManifest()
	if err != nil {
		return err
	}
	found := false
	for _, entry := range entries {
		address, _ := entry["url"].(string)
		if entry["type"] == "composer" && sameURL(address, s.candidate.Snapshot.URL) {
			entry["url"], found = base, true
		}
	}
	if !found {
		return fmt.Errorf("%s %s does not name the repository %s, so nobody could install it; the project edition has to", s.candidate.Snapshot.Project, s.candidate.Snapshot.Version, s.candidate.Snapshot.URL)
	}
	others, err := s.thirdParty()
	if err != nil {
		return err
	}
	for _, r := range others {
		entries = append(entries, map[string]any{"type": r.Type, "url": r.URL})
	}
	s.hold(m)
	return writeManifest(s.project(), m, append(entries, noPackagist))
}

// hold lets a project conflict with all versions of packages but those that are held.
func (s *shop) hold(m *composer.Manifest) {
	links := m.Links(composer.Conflict)
	for _, name := range slices.Sorted(maps.Keys(s.candidate.Hold)) {
		links = append(links, composer.Link{Name: name, Constraint: "!=" + s.candidate.Hold[name]})
	}
	if len(s.candidate.Hold) > 0 {
		m.SetLinks(composer.Conflict, links)
	}
}

func sameURL(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

var (
	operations = regexp.MustCompile(`^Package operations: (\d+) installs?`)
	installing = regexp.MustCompile(`^  - Installing (\S+) `)
)

func (s *shop) installPackages(ctx context.Context) error {
	return s.packagesBy(ctx, "install", "install", "--prefer-dist")
}

// packagesBy runs a command of Composer that installs packages.
func (s *shop) packagesBy(ctx context.Context, step string, words ...string) error {
	var done, total int64
	c := s.composer(step, append(words, "--no-progress")...)
	c.line = func(line string) {
		if found := operations.FindStringSubmatch(line); found != nil {
			total, _ = strconv.ParseInt(found[1], 10, 64) // digits; 0 if there are too many
		}
		if found := installing.FindStringSubmatch(line); found != nil {
			done++
			s.progress(step, fmt.Sprintf("%d of %d packages: %s", done, total, found[1]))
		}
	}
	if _, err := s.run(ctx, c); err != nil {
		return errors.Join(s.reachable(err), errors.Join(s.unmapped()...))
	}
	return nil
}
