package releases

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// A Support says with what some versions of a project run.
type Support struct {
	// Versions are those that it speaks of; "" for all that no other entry does, and Next for
	// nights of what comes after the newest ones.
	Versions string
	// Released and EndOfLife are the days between which they are supported; empty: not told.
	Released  string
	EndOfLife string
	// PHP are versions of two parts, oldest first.
	PHP []string
	// Database, Search, Cache and Queue are images.
	Database []string
	Search   []string
	Cache    []string
	Queue    []string
	// Composer is a version of it; empty: none is named.
	Composer string
}

// Next is the name in a table for versions that are not released yet.
const Next = "next"

// Services are the supported services of projects, by the project's name.
type Services map[string][]Support

//go:embed services.json
var supported []byte

// ServicesJSON is the table that the program carries, for ParseServices. Its facts are those of
// the pages that it names.
func ServicesJSON() []byte { return slices.Clone(supported) }

// The keys of an entry that name images.
var (
	databaseKeys = []string{"mysql", "mariadb"}
	searchKeys   = []string{"elasticsearch", "opensearch"}
	cacheKeys    = []string{"redis", "valkey"}
	queueKeys    = []string{"rabbitmq"}
)

// ParseServices reads a table in the shape of the action "supported-version" of
// mage-os/github-actions: "vendor/project:versions" → php, composer, mysql or mariadb,
// elasticsearch or opensearch, redis or valkey, rabbitmq. Each is one value or, here, a
// list; other keys say nothing to us. There, "mysql" can name an image of MariaDB.
func ParseServices(data []byte) (Services, error) {
	var entries map[string]map[string]json.RawMessage
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, fmt.Errorf("table of supported services: %w", err)
	}
	all := Services{}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		project, support, err := parseSupport(key, entries[key])
		if err != nil {
			errs = append(errs, fmt.Errorf("table of supported services: %s: %w", key, err))
			continue
		}
		all[project] = append(all[project], support)
	}
	return all, errors.Join(errs...)
}

func parseSupport(key string, entry map[string]json.RawMessage) (project string, s Support, err error) {
	project, s.Versions, _ = strings.Cut(key, ":")
	if _, err := composer.ParseName(project); err != nil {
		return "", Support{}, err
	}
	var composers, released, end []string
	for _, of := range []struct {
		into *[]string
		keys []string
	}{{&s.PHP, []string{"php"}}, {&s.Database, databaseKeys}, {&s.Search, searchKeys}, {&s.Cache, cacheKeys}, {&s.Queue, queueKeys}, {&composers, []string{"composer"}}, {&released, []string{"release"}}, {&end, []string{"eol"}}} {
		if *of.into, err = wordsOf(entry, of.keys...); err != nil {
			return "", Support{}, err
		}
	}
	if len(composers) > 0 {
		s.Composer = composers[len(composers)-1]
	}
	s.Released, s.EndOfLife = day(released), day(end)
	return project, s, nil
}

// day is the day of a time, as 2026-08-11T00:00:00+0000; there is at most one.
func day(times []string) string {
	date, _, _ := strings.Cut(strings.Join(times, ""), "T")
	return date
}

// Composer is the newest version of Composer that any of them runs with.
func (s Services) Composer() string {
	var newest composer.Version
	for _, project := range s {
		for _, support := range project {
			if v, err := composer.ParseVersion(support.Composer); err == nil && (newest.String() == "" || v.Compare(newest) > 0) {
				newest = v
			}
		}
	}
	return newest.String()
}

// A word is a text or a number as it stands there: 8.0 is not 8.
type word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *word) UnmarshalJSON(data []byte) error {
	var number json.Number
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(w))
	}
	if err := json.Unmarshal(data, &number); err != nil {
		return err
	}
	*w = word(number.String())
	return nil
}

// wordsOf are the values of some keys: texts or numbers, one or a list of them.
func wordsOf(entry map[string]json.RawMessage, keys ...string) ([]string, error) {
	var words []string
	for _, key := range keys {
		raw, ok := entry[key]
		if !ok {
			continue
		}
		var list []word
		if json.Unmarshal(raw, &list) != nil {
			list = make([]word, 1)
			if err := json.Unmarshal(raw, &list[0]); err != nil {
				return nil, fmt.Errorf("%s: want a text, a number or a list of them", key)
			}
		}
		for _, w := range list {
			words = append(words, string(w))
		}
	}
	return words, nil
}

// All gives the versions of a project, as For takes them.
func (s Services) All(project string) (all Support) {
	for _, support := range s.of(project) {
		all.PHP = append(all.PHP, support.PHP...)
		all.Database = append(all.Database, support.Database...)
		all.Search = append(all.Search, support.Search...)
	}
	return all
}

// of gives the entries of a project; one that is not in the table is taken for Magento's of
// that name.
func (s Services) of(project string) []Support {
	if entries, known := s[project]; known {
		return entries
	}
	_, name, _ := strings.Cut(project, "/")
	return s["magento/"+name]
}

// For gives what is said of a version of a project, or of the project's other
// versions; a project that is not in the table is taken for Magento's of that
// name. A night of the newest versions is one of Next, where that is told of the project itself.
// It is false if nothing is known.
func (s Services) For(project, version string, night bool) (Support, bool) {
	v, err := composer.ParseVersion(version)
	if err != nil {
		return Support{}, false
	}
	entries := s.of(project)
	found := slices.IndexFunc(entries, func(e Support) bool {
		c, err := composer.ParseConstraint(e.Versions)
		return e.Versions != "" && err == nil && c.Matches(v)
	})
	if next := indexOf(s[project], Next); night && next >= 0 && (found < 0 || found == newest(entries)) {
		found = next
	}
	if found < 0 {
		found = indexOf(entries, "")
	}
	if found < 0 {
		return Support{}, false
	}
	return entries[found], true
}

func indexOf(entries []Support, versions string) int {
	return slices.IndexFunc(entries, func(e Support) bool { return e.Versions == versions })
}

// From is the first of the versions that it speaks of, as 3.4 of ">=3.4 <3.5"; the zero Version if
// it names none.
func (s Support) From() composer.Version {
	first, _, _ := strings.Cut(strings.TrimPrefix(s.Versions, ">="), " ")
	v, _ := composer.ParseVersion(first)
	return v
}

// newest is the entry whose versions begin highest.
func newest(entries []Support) (at int) {
	for i, e := range entries {
		if e.From().Compare(entries[at].From()) > 0 {
			at = i
		}
	}
	return at
}

// Cells are the cells of a matrix: what the line says, and for what it leaves
// out, what is supported. PHP versions have to be within the constraint of the
// root composer.json; an empty one takes all.
func (m Matrix) Cells(s Support, php string) ([]Cell, error) {
	versions := m.PHP
	if len(versions) == 0 {
		var err error
		if versions, err = withinPHP(s.PHP, php); err != nil {
			return nil, err
		}
	}
	databases, searches := m.Database, m.Search
	if len(databases) == 0 {
		databases = s.Database
	}
	if len(searches) == 0 {
		searches = s.Search
	}
	var cells []Cell
	for _, version := range versions {
		for _, database := range databases {
			for _, search := range searches {
				cells = append(cells, Cell{PHP: version, Database: database, Search: search})
			}
		}
	}
	return cells, nil
}

// newestPHP is the last patch number that a version of PHP can have here: a
// constraint such as ~8.2.0 or >=8.2.5 then speaks of the version as a whole.
const newestPHP = ".9999"

func withinPHP(versions []string, constraint string) ([]string, error) {
	if constraint == "" {
		return versions, nil
	}
	c, err := composer.ParseConstraint(constraint)
	if err != nil {
		return nil, fmt.Errorf("php constraint of the root composer.json: %w", err)
	}
	var all []string
	for _, version := range versions {
		v, err := composer.ParseVersion(version + newestPHP)
		if err != nil {
			return nil, err
		}
		if c.Matches(v) {
			all = append(all, version)
		}
	}
	return all, nil
}
