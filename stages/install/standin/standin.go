// Package standin is a search stand-in: a small HTTP service that speaks as much
// of OpenSearch as a shop's installation and pages ask for, and keeps what is
// indexed in memory.
//
// It is for machines where no search engine can be had. It proves that a shop
// talks to a search; it proves no search quality: a query matches or does not,
// nothing is analysed and nothing is scored.
package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Version is what the stand-in calls itself where a version is wanted: that of an
// OpenSearch that shops support.
const Version = "2.19.1"

// maxBody bounds a request, in bytes; shops send batches of 500 products.
const maxBody = 64 << 20

// A Service is a search stand-in with its indexes. The zero value is ready.
type Service struct {
	mutex   sync.Mutex
	indexes map[string]*index
	aliases map[string][]string // the indexes of an alias
}

// An index holds documents by id.
type index struct {
	mappings  map[string]any
	documents map[string]map[string]any
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.indexes == nil {
		s.indexes, s.aliases = map[string]*index{}, map[string][]string{}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, http.StatusBadRequest, failure("parsing_exception", err.Error()))
		return
	}
	status, value := s.route(r.Method, strings.Split(strings.Trim(r.URL.Path, "/"), "/"), body)
	answer(w, status, value)
}

type object = map[string]any

func answer(w http.ResponseWriter, status int, value object) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client is gone
}

func failure(kind, reason string) object {
	return object{"error": object{"type": kind, "reason": reason}, "status": http.StatusBadRequest}
}

var acknowledged = object{"acknowledged": true}

// missing is the answer where there is no index of a name.
func missing(name string) (int, object) {
	return http.StatusNotFound, failure("index_not_found_exception", "no such index ["+name+"]")
}

// route answers a request by the parts of its path.
func (s *Service) route(method string, path []string, body []byte) (int, object) {
	last := path[len(path)-1]
	if last == "_bulk" {
		return s.bulk(path[0], body)
	}
	var given object // nothing of an empty body
	if len(body) > 0 {
		if err := json.Unmarshal(body, &given); err != nil {
			return http.StatusBadRequest, failure("parsing_exception", err.Error())
		}
	}
	switch {
	case path[0] == "":
		return http.StatusOK, about()
	case last == "_search":
		return s.search(path[0], given)
	case last == "_count":
		status, found := s.search(path[0], given)
		return status, object{"count": len(hitsOf(found))}
	case path[0] == "_aliases":
		return s.changeAliases(given)
	case slices.Contains(path, "_alias"):
		return s.alias(path)
	case slices.Contains([]string{"_refresh", "_flush", "_settings", "_forcemerge"}, last):
		return http.StatusOK, object{"acknowledged": true, "_shards": object{"total": 1, "successful": 1, "failed": 0}}
	case strings.HasPrefix(last, "_mapping"):
		return s.mapping(method, path[0], given)
	case path[0] == "_cluster":
		return http.StatusOK, object{"cluster_name": "stand-in", "status": "green", "number_of_nodes": 1}
	case len(path) == 1 && path[0][0] != '_':
		return s.index(method, path[0], given)
	}
	return http.StatusBadRequest, failure("illegal_argument_exception", "the search stand-in does not know "+method+" /"+strings.Join(path, "/"))
}

func about() object {
	return object{
		"name": "search-stand-in", "cluster_name": "stand-in", "cluster_uuid": "stand-in",
		"version": object{
			"number": Version, "distribution": "opensearch", "build_type": "stand-in",
			"minimum_wire_compatibility_version": "7.10.0", "minimum_index_compatibility_version": "7.0.0",
		},
		"tagline": "A search stand-in: it proves no search quality",
	}
}

// index makes, shows or removes one.
func (s *Service) index(method, name string, given object) (int, object) {
	found := s.named(name)
	switch method {
	case http.MethodPut:
		if s.indexes[name] != nil {
			return http.StatusBadRequest, failure("resource_already_exists_exception", "index "+name+" exists")
		}
		mappings, _ := given["mappings"].(object)
		s.indexes[name] = &index{mappings: mappings, documents: map[string]object{}}
		return http.StatusOK, object{"acknowledged": true, "shards_acknowledged": true, "index": name}
	case http.MethodDelete:
		for _, n := range found {
			delete(s.indexes, n)
			for alias, names := range s.aliases {
				s.aliases[alias] = slices.DeleteFunc(names, func(of string) bool { return of == n })
			}
		}
	}
	if len(found) == 0 {
		return missing(name)
	}
	return http.StatusOK, acknowledged
}

// named are the indexes that a name, an alias, a list or a pattern means.
func (s *Service) named(name string) []string {
	var names []string
	for _, part := range strings.Split(name, ",") {
		prefix, wild := strings.CutSuffix(part, "*")
		for n := range s.indexes {
			if n == part || wild && strings.HasPrefix(n, prefix) || slices.Contains(s.aliases[part], n) || part == "_all" {
				names = append(names, n)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Service) mapping(method, name string, given object) (int, object) {
	names := s.named(name)
	if len(names) == 0 {
		return missing(name)
	}
	if method == http.MethodGet {
		all := object{}
		for _, n := range names {
			all[n] = object{"mappings": s.indexes[n].mappings}
		}
		return http.StatusOK, all
	}
	for _, n := range names {
		s.indexes[n].mappings = given
	}
	return http.StatusOK, acknowledged
}

// changeAliases answers POST /_aliases.
func (s *Service) changeAliases(given object) (int, object) {
	for _, action := range list(given["actions"]) {
		verbs, _ := action.(object)
		for verb, change := range verbs {
			c, _ := change.(object)
			alias, of := fmt.Sprint(c["alias"]), fmt.Sprint(c["index"])
			names := slices.DeleteFunc(s.aliases[alias], func(n string) bool { return n == of })
			if verb == "add" {
				names = append(names, of)
			}
			s.aliases[alias] = names
		}
	}
	return http.StatusOK, acknowledged
}

// alias answers /_alias/NAME and /INDEX/_alias and /INDEX/_alias/NAME.
func (s *Service) alias(path []string) (int, object) {
	at := slices.Index(path, "_alias")
	all := object{}
	for alias, names := range s.aliases {
		for _, n := range names {
			asked := at+1 == len(path) || path[at+1] == alias
			if asked && (at == 0 || slices.Contains(s.named(path[0]), n)) {
				all[n] = object{"aliases": object{alias: object{}}}
			}
		}
	}
	if len(all) == 0 {
		return http.StatusNotFound, object{"error": fmt.Sprintf("alias of %s missing", strings.Join(path, "/")), "status": http.StatusNotFound}
	}
	return http.StatusOK, all
}
