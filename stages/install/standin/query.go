package standin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// matches reports whether a document matches a query. A kind of query
// that is not known matches all: a shop's page must not become empty by it.
func matches(query any, id string, document object) bool {
	q, _ := query.(object)
	for kind, value := range q {
		if !matchesKind(kind, value, id, document) {
			return false
		}
	}
	return true
}

func matchesKind(kind string, value any, id string, document object) bool {
	clause, _ := value.(object)
	switch kind {
	case "bool":
		return matchesBool(clause, id, document)
	case "match_none":
		return false
	case "ids":
		return slices.Contains(texts(clause["values"]), id)
	case "term", "terms":
		return everyField(clause, func(field string, want any) bool {
			if inner, ok := want.(object); ok {
				want = inner["value"]
			}
			have := texts(valueOf(field, id, document))
			return slices.ContainsFunc(texts(want), func(w string) bool { return slices.Contains(have, w) })
		})
	case "range":
		return everyField(clause, func(field string, want any) bool {
			bounds, _ := want.(object)
			return slices.ContainsFunc(texts(valueOf(field, id, document)), func(have string) bool { return within(have, bounds) })
		})
	case "match", "match_phrase", "match_phrase_prefix", "wildcard", "prefix":
		return everyField(clause, func(field string, want any) bool {
			if inner, ok := want.(object); ok {
				want = firstOf(inner, "query", "value")
			}
			return holdsWords(textOf(valueOf(field, id, document)), fmt.Sprint(want))
		})
	case "multi_match", "query_string", "simple_query_string":
		return holdsWords(textOf(document), fmt.Sprint(clause["query"]))
	case "nested", "constant_score", "function_score":
		return matches(firstOf(clause, "query", "filter"), id, document)
	}
	return true
}

// matchesBool is a bool query. Of its should clauses one has to match if there is
// nothing else, or if minimum_should_match says so.
func matchesBool(clause object, id string, document object) bool {
	is := func(q any) bool { return matches(q, id, document) }
	all := slices.Concat(list(clause["must"]), list(clause["filter"]))
	if slices.ContainsFunc(all, func(q any) bool { return !is(q) }) || slices.ContainsFunc(list(clause["must_not"]), is) {
		return false
	}
	should := list(clause["should"])
	optional := len(should) == 0 || len(all) > 0 && whole(clause["minimum_should_match"], 0) == 0
	return optional || slices.ContainsFunc(should, is)
}

func everyField(clause object, is func(field string, want any) bool) bool {
	for field, want := range clause {
		if field == "boost" || field == "minimum_should_match" {
			continue // about the score
		}
		if !is(field, want) {
			return false
		}
	}
	return true
}

func firstOf(clause object, keys ...string) any {
	for _, key := range keys {
		if value, ok := clause[key]; ok {
			return value
		}
	}
	return nil
}

// valueOf is a field of a document: _id, _all for all of it, or by its path.
func valueOf(field, id string, document object) any {
	switch field {
	case "_id":
		return id
	case "_all", "*", "_search":
		return document
	}
	var value any = document
	for _, part := range strings.Split(field, ".") {
		inner, ok := value.(object)
		if !ok {
			break // name.keyword and the like are the same field
		}
		value = inner[part]
	}
	return value
}

// list makes one of a single value.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

func texts(value any) []string {
	var all []string
	for _, v := range list(value) {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// textOf is all text within a value, in lower case.
func textOf(value any) string {
	switch v := value.(type) {
	case object:
		return textOf(slices.Collect(maps.Values(v)))
	case []any:
		parts := make([]string, len(v))
		for i, inner := range v {
			parts[i] = textOf(inner)
		}
		return strings.Join(parts, " ")
	case nil:
		return ""
	}
	return strings.ToLower(fmt.Sprint(value))
}

// holdsWords reports whether a text holds one of the words asked for.
func holdsWords(text, asked string) bool {
	words := strings.Fields(strings.ToLower(strings.Trim(asked, `*"`)))
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// within reports whether a number is between the bounds gte, gt, lte and lt.
func within(text string, bounds object) bool {
	have, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	for name, bound := range bounds {
		limit, err := strconv.ParseFloat(fmt.Sprint(bound), 64)
		if err != nil {
			continue
		}
		holds := map[string]bool{"gte": have >= limit, "from": have >= limit, "gt": have > limit, "lte": have <= limit, "to": have <= limit, "lt": have < limit}
		if ok, known := holds[name]; known && !ok {
			return false
		}
	}
	return true
}
