package install

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/install/standin"
)

// A search is what the shop searches with.
type search struct {
	engine   engine
	address  string   // host:port; empty: there is none
	disabled []string // modules, where there is none
	standIn  *standin.Service
}

// An engine is a search as it describes itself.
type engine struct {
	name    string // opensearch or elasticsearch
	version string
}

// standInVersion is the stand-in as a tool of an installation. It has the number
// of what it answers, for a report; raised when it answers otherwise.
const standInVersion = "search stand-in 1 (proves no search quality), speaking opensearch " + standin.Version

// option is the value of setup:install's --search-engine.
func (e engine) option() string {
	if e.name == "opensearch" {
		return e.name
	}
	major, _, _ := strings.Cut(e.version, ".")
	return e.name + major
}

// arguments are setup:install's.
func (s *search) arguments() []string {
	if s.address == "" {
		if len(s.disabled) == 0 {
			return nil
		}
		return []string{"--disable-modules=" + strings.Join(s.disabled, ",")}
	}
	host, port, _ := net.SplitHostPort(s.address) // startSearch has made it of the two
	prefix := "--" + s.engine.name + "-"
	return []string{"--search-engine=" + s.engine.option(), prefix + "host=" + host, prefix + "port=" + port, prefix + "index-prefix=nightly_shop", prefix + "timeout=60"}
}

// startSearch uses the search that was given, starts the stand-in, or does
// without.
func (s *shop) startSearch(ctx context.Context) error {
	address := s.options.Services.Search
	standIn := s.candidate.Cell.Search == releases.StandInSearch
	if address == "" && !standIn {
		s.search = &search{disabled: s.searchModules()}
		s.skip("search", "there is no search (none): search results, category pages and the full-text index are not proven")
		return nil
	}
	s.search = &search{}
	if address == "" {
		s.search.standIn = &standin.Service{}
		stop, at, err := listenAndServe("the search stand-in", s.search.standIn)
		if err != nil {
			return err
		}
		s.atEnd(stop)
		address = "http://" + at
	}
	if standIn { // of ours, or in a container of its own
		s.skip("search quality", "the search is a stand-in of this program, which proves no search quality")
	}
	found, err := askSearch(ctx, address)
	if err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	s.search.engine, s.search.address = found, u.Host
	if u.Port() == "" {
		s.search.address = net.JoinHostPort(u.Hostname(), "9200")
	}
	s.prove("search", "%s", s.tool("search"))
	return nil
}

// searchModule matches the modules of search engines, as every version so far
// has named them.
var searchModule = regexp.MustCompile(`_(Elasticsearch\d*|OpenSearch|InventoryElasticsearch)$`)

// searchModules are those of the installed modules that a shop without a search
// cannot have.
func (s *shop) searchModules() []string {
	var names []string
	for _, m := range s.builtModules() {
		if searchModule.MatchString(m.name) {
			names = append(names, m.name)
		}
	}
	return names
}

// askSearch waits for a search and asks what it is.
func askSearch(ctx context.Context, address string) (engine, error) {
	return waitFor(ctx, "the search at "+address, withoutService+" (--search none)", func(ctx context.Context) (engine, error) { return searchAbout(ctx, address) })
}

func searchAbout(ctx context.Context, address string) (found engine, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(address, "/")+"/", nil)
	if err != nil {
		return engine{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return engine{}, err
	}
	defer func() { _ = response.Body.Close() }() // read only
	var about struct {
		Version struct{ Number, Distribution string }
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&about); err != nil || about.Version.Number == "" {
		return engine{}, fmt.Errorf("%s: what answers is no OpenSearch or Elasticsearch", response.Status)
	}
	found = engine{name: "elasticsearch", version: about.Version.Number}
	if about.Version.Distribution == "opensearch" {
		found.name = "opensearch"
	}
	return found, nil
}
