package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
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

// settings are PHP's: memory for every step, and all that it complains of into
// one file, none of it into pages.
func (s *shop) settings() string {
	return "memory_limit=2G\nerror_reporting=E_ALL\ndisplay_errors=stderr\nhtml_errors=0\nlog_errors=1\n" +
		"log_errors_max_len=0\nerror_log=\"" + s.phpLog() + "\"\ndate.timezone=UTC\nopcache.enable=1\n" +
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
	if err := s.create(ctx, "create-project", s.base, s.candidate.Snapshot.Version); err != nil {
		return err
	}
	s.prove("create-project", "%s %s", s.candidate.Snapshot.Project, s.candidate.Snapshot.Version)
	return nil
}

// create makes the project from a repository that is served at base.
func (s *shop) create(ctx context.Context, step, base, number string) error {
	version, err := composer.ParseVersion(number)
	if err != nil {
		return fmt.Errorf("version of the project %s: %w", s.candidate.Snapshot.Project, err)
	}
	from, err := json.Marshal(repository{Type: "composer", URL: base})
	if err != nil {
		return err
	}
	args := slices.Concat(s.programs.composer, []string{"create-project",
		"--no-install", "--no-scripts", "--no-interaction", "--no-ansi", "--no-progress",
		"--stability=" + version.Stability().String(), "--repository=" + string(from),
		s.candidate.Snapshot.Project, s.project(), number})
	_, err = s.run(ctx, command{step: step, dir: s.dir.root, args: args, served: true})
	return err
}

// pointAtNight lets the copy of the project install from the served night: it
// names the public repository, where this night is not published yet.
func (s *shop) pointAtSnapshot(context.Context) error { return s.pointAt(s.base) }

// pointAt is pointAtNight for a night that is served at base.
func (s *shop) pointAt(base string) error {
	file := filepath.Join(s.project(), "composer.json")
	data, err := files.ReadPlain(file, maxForeign)
	if err != nil {
		return fmt.Errorf("the created project: %w", err)
	}
	m, err := composer.ParseManifest(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var entries []map[string]any
	if raw, ok := m.Get("repositories"); ok {
		if err := json.Unmarshal(raw, &entries); err != nil {
			return fmt.Errorf("%s: repositories: %w; the project edition has to list them", file, err)
		}
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
	if entries, err = s.withThirdParty(entries); err != nil {
		return err
	}
	if err := m.Set("repositories", entries); err != nil {
		return err
	}
	return os.WriteFile(file, m.Encode(), 0o644)
}

// withThirdParty adds the candidate's repositories to those of a project.
func (s *shop) withThirdParty(entries []map[string]any) ([]map[string]any, error) {
	others, err := s.thirdParty()
	if err != nil {
		return nil, err
	}
	for _, r := range others {
		entries = append(entries, map[string]any{"type": r.Type, "url": r.URL})
	}
	return append(entries, noPackagist), nil
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
	args := slices.Concat(s.programs.composer, words, []string{"--no-interaction", "--no-ansi", "--no-progress"})
	_, err := s.run(ctx, command{step: step, dir: s.project(), args: args, served: true, line: func(line string) {
		if found := operations.FindStringSubmatch(line); found != nil {
			total, _ = strconv.ParseInt(found[1], 10, 64) // digits; 0 if there are too many
		}
		if found := installing.FindStringSubmatch(line); found != nil {
			done++
			s.progress(pipeline.Step{Item: found[1], Done: done, Total: total, Unit: "packages"})
		}
	}})
	if err != nil {
		return errors.Join(s.reachable(err), errors.Join(s.unmapped()...))
	}
	return nil
}
