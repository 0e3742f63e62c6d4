package releases

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a release line. The largest line of ours has some 20 KiB; the
// YAML parser needs time and memory that grow with the square of the nesting,
// which is therefore bounded before it runs.
const (
	maxLine    = 256 << 10 // bytes
	maxTokens  = 40_000
	maxNesting = 16     // of lists, mappings, anchors and tags opened in one text line, or within [ and {
	maxIndent  = 200    // characters
	maxValues  = 50_000 // once all aliases are followed
)

// A place is a line and a column in a file, both counted from 1, the column in
// characters. The zero place is not known.
type place struct{ line, column int }

// A problem is something wrong at a place.
type problem struct {
	at   place
	path string // "repositories[3].ref"
	text string
}

// joinProblems makes one error of all problems, in the order of the file. It is nil
// when there are none.
func joinProblems(file string, problems []problem) error {
	slices.SortStableFunc(problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.column, b.at.column))
	})
	problems = slices.Compact(problems) // an alias brings the same problem again
	var errs []error
	for _, p := range problems {
		switch {
		case file == "":
			errs = append(errs, errors.New(p.text))
		case p.at.line == 0:
			errs = append(errs, fmt.Errorf("%s: %s", file, p.text))
		default:
			errs = append(errs, fmt.Errorf("%s:%d:%d: %s", file, p.at.line, p.at.column, p.text))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &ConfigError{Err: errors.Join(errs...)}
}

// parseYAML reads one YAML document, which has to be a mapping.
func parseYAML(data []byte) (ast.Node, *problem) {
	if len(data) > maxLine {
		return nil, &problem{text: fmt.Sprintf("has %d bytes, more than the %d that a release line may have", len(data), maxLine)}
	}
	if at := invalidText(data); at >= 0 {
		return nil, &problem{at: placeOf(data, at), text: "is no text in UTF-8, or holds a control character"}
	}
	tokens := lexer.Tokenize(string(data))
	if p := checkNesting(tokens); p != nil {
		return nil, p
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // the decoder reports those with the rest
	if err != nil {
		return nil, syntaxProblem(err)
	}
	return theDocument(file)
}

// invalidText is the offset of the first byte that is not UTF-8 or begins a
// control character, or -1.
func invalidText(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return i
		}
		i += size
	}
	return -1
}

func placeOf(data []byte, offset int) place {
	before := data[:offset]
	return place{
		line:   bytes.Count(before, []byte("\n")) + 1,
		column: utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1,
	}
}

// checkNesting refuses what would take the parser very long.
func checkNesting(tokens token.Tokens) *problem {
	if len(tokens) > maxTokens {
		return &problem{text: fmt.Sprintf("has %d words and signs, more than the %d that a release line may have", len(tokens), maxTokens)}
	}
	flow, opened, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, opened = t.Position.Line, 0
			if t.Position.Column > maxIndent {
				return nestingProblem(t)
			}
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(flow-1, 0)
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			opened++
		case token.CollectEntryType:
			opened = 0
		}
		if flow > maxNesting || opened > maxNesting {
			return nestingProblem(t)
		}
	}
	return nil
}

func nestingProblem(t *token.Token) *problem {
	return &problem{at: placeOfToken(t), text: "is nested or indented deeper than a release line may be"}
}

func placeOfToken(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{line: t.Position.Line, column: max(t.Position.Column, 1)}
}

func syntaxProblem(err error) *problem {
	var broken yaml.Error
	if errors.As(err, &broken) {
		return &problem{at: placeOfToken(broken.GetToken()), text: "is no YAML: " + broken.GetMessage()}
	}
	return &problem{text: "is no YAML: " + err.Error()}
}

// theDocument is the content of a file's only document.
func theDocument(file *ast.File) (ast.Node, *problem) {
	var root ast.Node
	for _, document := range file.Docs {
		switch body := document.Body.(type) {
		case nil, *ast.CommentGroupNode:
		case *ast.DirectiveNode:
			return nil, &problem{at: placeOfToken(body.GetToken()), text: "directives such as %YAML have no place in a release line"}
		default:
			if root != nil {
				return nil, &problem{at: placeOfNode(body), text: "a second document; a file holds one release line"}
			}
			root = body
		}
	}
	if root == nil {
		return nil, &problem{at: place{1, 1}, text: "is empty; a release line needs at least name, vendor, url and repositories"}
	}
	return root, nil
}

// placeOfNode is where a value begins. A mapping's own token is the first ':'.
func placeOfNode(node ast.Node) place {
	switch node := node.(type) {
	case *ast.MappingNode:
		if len(node.Values) > 0 {
			return placeOfNode(node.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return placeOfNode(node.Key)
	}
	return placeOfToken(node.GetToken())
}

// kindOf says what a value is, for messages.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	}
	return strings.ToLower(node.Type().String())
}
