package standin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// bulk answers _bulk: lines of an action, each but a deletion followed by a
// document.
func (s *Service) bulk(at string, body []byte) (int, object) {
	type target struct {
		Index string `json:"_index"`
		ID    any    `json:"_id"`
	}
	var items []any
	lines := json.NewDecoder(bytes.NewReader(body))
	lines.UseNumber()
	for lines.More() {
		var action map[string]target
		if err := lines.Decode(&action); err != nil {
			return http.StatusBadRequest, failure("parsing_exception", err.Error())
		}
		for verb, t := range action {
			x := s.written(cmp.Or(t.Index, at))
			id := fmt.Sprint(t.ID)
			if verb == "delete" {
				delete(x.documents, id)
			} else if err := s.write(x, id, lines); err != nil {
				return http.StatusBadRequest, failure("parsing_exception", err.Error())
			}
			items = append(items, object{verb: object{"_index": t.Index, "_id": id, "status": http.StatusOK}})
		}
	}
	return http.StatusOK, object{"took": 0, "errors": false, "items": items}
}

// written is the index that a name or alias means; it is made if it is missing,
// as OpenSearch does.
func (s *Service) written(name string) *index {
	if names := s.named(name); len(names) > 0 {
		return s.indexes[names[0]]
	}
	x := &index{mappings: object{}, documents: map[string]object{}}
	s.indexes[name] = x
	return x
}

func (s *Service) write(x *index, id string, lines *json.Decoder) error {
	var document object
	if err := lines.Decode(&document); err != nil {
		return err
	}
	if inner, ok := document["doc"].(object); ok { // an update
		document = inner
		if before := x.documents[id]; before != nil {
			document = maps.Clone(before)
			maps.Copy(document, inner)
		}
	}
	x.documents[id] = document
	return nil
}

// search answers _search: the documents that match, in the order of their ids.
func (s *Service) search(at string, asked object) (int, object) {
	names := s.named(at)
	if at == "_search" {
		names = slices.Sorted(maps.Keys(s.indexes))
	} else if len(names) == 0 {
		return missing(at)
	}
	hits := []any{}
	for _, n := range names {
		for _, id := range slices.SortedFunc(maps.Keys(s.indexes[n].documents), byNumber) {
			if document := s.indexes[n].documents[id]; matches(asked["query"], id, document) {
				hits = append(hits, object{"_index": n, "_id": id, "_score": 1.0, "_source": document, "fields": object{"_id": []string{id}}, "sort": []any{1}})
			}
		}
	}
	total := len(hits)
	from, size := whole(asked["from"], 0), whole(asked["size"], 10)
	hits = hits[min(from, total):min(from+size, total)]
	found := object{
		"took": 0, "timed_out": false, "_shards": object{"total": 1, "successful": 1, "skipped": 0, "failed": 0},
		"hits": object{"total": object{"value": total, "relation": "eq"}, "max_score": 1.0, "hits": hits},
	}
	if aggregations, _ := firstOf(asked, "aggregations", "aggs").(object); len(aggregations) > 0 {
		found["aggregations"] = empty(aggregations)
	}
	return http.StatusOK, found
}

// empty answers aggregations as if nothing had been found.
func empty(aggregations map[string]any) object {
	all := object{}
	for name := range aggregations {
		all[name] = object{
			"buckets": []any{}, "doc_count": 0, "doc_count_error_upper_bound": 0, "sum_other_doc_count": 0,
			"count": 0, "min": 0, "max": 0, "avg": 0, "sum": 0, "value": 0, "std_deviation": 0,
		}
	}
	return all
}

func hitsOf(found object) []any {
	hits, _ := found["hits"].(object)
	list, _ := hits["hits"].([]any)
	return list
}

func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

// whole reads a number that may be text, as PHP sends it.
func whole(value any, absent int) int {
	n, err := strconv.Atoi(strings.TrimSuffix(fmt.Sprint(value), ".0"))
	if err != nil || n < 0 {
		return absent
	}
	return n
}
