// Package diff is the one differ of files, of zips and of sets of them. Whoever
// compares packages or a repository with others does it by this package.
package diff

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// What says how the two sides differ in one thing.
type What string

// The ways to differ.
const (
	OnlyTheirs What = "only theirs"
	OnlyOurs   What = "only ours"
	Content    What = "content"
)

// A Difference is one file in which two sets of files differ.
type Difference struct {
	Path string `json:"path"`
	What What   `json:"what"`
	// Detail says how the contents differ, in several lines: down to the file in a
	// zip and the line in a text. It is empty where only digests were compared.
	Detail string `json:"detail,omitempty"`
}

// A Pair is what both sides have under one key. The side that lacks the key has the
// zero value.
type Pair[T any] struct {
	Key          string
	What         What // Content: both sides have the key; the values may be the same
	Theirs, Ours T
}

// Pairs returns the keys of both sides in byte order.
func Pairs[T any](theirs, ours map[string]T) []Pair[T] {
	pairs := make([]Pair[T], 0, max(len(theirs), len(ours)))
	for key, value := range theirs {
		p := Pair[T]{Key: key, What: OnlyTheirs, Theirs: value}
		if other, ok := ours[key]; ok {
			p.What, p.Ours = Content, other
		}
		pairs = append(pairs, p)
	}
	for key, value := range ours {
		if _, ok := theirs[key]; !ok {
			pairs = append(pairs, Pair[T]{Key: key, What: OnlyOurs, Ours: value})
		}
	}
	slices.SortFunc(pairs, func(a, b Pair[T]) int { return cmp.Compare(a.Key, b.Key) })
	return pairs
}

// Sets returns the pairs in which both sides differ, in byte order of their keys.
func Sets[T comparable](theirs, ours map[string]T) []Pair[T] {
	return slices.DeleteFunc(Pairs(theirs, ours), func(p Pair[T]) bool { return p.What == Content && p.Theirs == p.Ours })
}

const (
	maxLines = 60      // shown of one file
	maxText  = 8 << 20 // bytes of both texts whose lines are compared
)

// File says how two contents of a file differ: a zip by its files, JSON and other
// text by lines. It returns nothing where they are the same.
func File(name string, theirs, ours []byte) string {
	if bytes.Equal(theirs, ours) {
		return ""
	}
	if path.Ext(name) == ".zip" {
		if detail, err := zips(theirs, ours); err == nil {
			return detail
		}
	}
	return text(name, theirs, ours)
}

// text compares by lines. JSON on a single line is indented first.
func text(name string, theirs, ours []byte) string {
	if !utf8.Valid(theirs) || !utf8.Valid(ours) || len(theirs)+len(ours) > maxText {
		return fmt.Sprintf("theirs: %d bytes; ours: %d bytes; they differ from byte %d on", len(theirs), len(ours), firstDifference(theirs, ours))
	}
	if a, b := indented(name, theirs), indented(name, ours); !bytes.Equal(a, b) {
		theirs, ours = a, b
	}
	_, lines, _ := strings.Cut(string(diff.Diff("theirs", theirs, "ours", ours)), "\n") // "diff theirs ours"
	shown := strings.Split(strings.TrimRight(lines, "\n"), "\n")
	if len(shown) > maxLines {
		shown = append(shown[:maxLines], fmt.Sprintf("… and %d more lines", len(shown)-maxLines))
	}
	return strings.Join(shown, "\n")
}

func indented(name string, data []byte) []byte {
	var b bytes.Buffer
	if path.Ext(name) != ".json" || bytes.Count(data, []byte("\n")) > 1 || json.Indent(&b, data, "", "  ") != nil {
		return data
	}
	return b.Bytes()
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
