package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a file. The YAML parser needs time and memory that grow with the
// square of the nesting, which is therefore bounded before it runs.
const (
	MaxFile    = 256 << 10 // bytes; the largest of ours has some 40 KiB
	maxTokens  = 40_000
	maxNesting = 16     // of lists, mappings, anchors and tags opened in one text line, or within [ and {
	maxIndent  = 200    // characters
	maxValues  = 50_000 // once all aliases are followed
)

// Parse reads the one YAML document of a file. It is nil if nothing can be read;
// otherwise what is wrong is left out, and said.
func Parse(file string, data []byte) (*Node, []Problem) {
	r := &reader{file: file, anchors: map[string]*Node{}}
	root := r.document(data)
	return root, r.problems
}

// A reader makes nodes of the YAML of one file.
type reader struct {
	file     string
	anchors  map[string]*Node // known only behind their values, so that none can hold itself
	problems []Problem
}

func (r *reader) add(at Place, format string, args ...any) {
	r.problems = append(r.problems, Problem{Place: at, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) document(data []byte) *Node {
	if len(data) > MaxFile {
		r.add(Place{File: r.file}, "has more than the %d bytes that such a file may have", MaxFile)
		return nil
	}
	unreadable := func(c rune) bool {
		return c == utf8.RuneError || c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f
	}
	if i := bytes.IndexFunc(data, unreadable); i >= 0 {
		line := data[bytes.LastIndexByte(data[:i], '\n')+1 : i]
		r.add(Place{r.file, bytes.Count(data[:i], []byte("\n")) + 1, utf8.RuneCount(line) + 1}, "is no text in UTF-8, or holds a control character")
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if t := tooMuch(tokens); t != nil {
		r.add(r.at(t), "is longer, nested deeper or indented further than such a file may be")
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // they are told with the rest
	if err != nil {
		r.syntax(err)
		return nil
	}
	root := &Node{Place: Place{r.file, 1, 1}}
	for _, document := range file.Docs {
		switch body := document.Body.(type) {
		case nil, *ast.CommentGroupNode:
			continue
		case *ast.DirectiveNode:
			r.add(r.at(body.GetToken()), "directives such as %%YAML have no place here")
			return nil
		default:
			if root.size > 0 {
				r.add(r.place(body), "a second document; a file holds one")
				break
			}
			root = r.node(body)
		}
	}
	if root.size > maxValues {
		r.add(root.Place, "has more than %d values, aliases followed", maxValues)
		return nil
	}
	return root
}

// tooMuch is the first token of what would take the parser very long.
func tooMuch(tokens token.Tokens) *token.Token {
	flow, opened, line := 0, 0, 0
	for i, t := range tokens {
		indent := 0
		if t.Position.Line != line {
			line, opened, indent = t.Position.Line, 0, t.Position.Column
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
		if i >= maxTokens || max(flow, opened) > maxNesting || indent > maxIndent {
			return t
		}
	}
	return nil
}

func (r *reader) syntax(err error) {
	var broken yaml.Error
	if !errors.As(err, &broken) {
		r.add(Place{File: r.file}, "is no YAML: %v", err)
		return
	}
	hint := "look at the indentation and the quotes here and in the line before"
	if strings.Contains(broken.GetMessage(), "'\t'") {
		hint = "indent with blanks: YAML takes no tabs"
	}
	r.add(r.at(broken.GetToken()), "is no YAML: %s; %s", broken.GetMessage(), hint)
}

func (r *reader) at(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{File: r.file}
	}
	return Place{r.file, t.Position.Line, max(t.Position.Column, 1)}
}

// place is where a value begins. A mapping's own token is its first ':'.
func (r *reader) place(node ast.Node) Place {
	switch node := node.(type) {
	case *ast.MappingNode:
		if len(node.Values) > 0 {
			return r.place(node.Values[0])
		}
	case *ast.MappingValueNode:
		return r.at(node.Key.GetToken())
	}
	return r.at(node.GetToken())
}

func (r *reader) node(node ast.Node) *Node {
	n := &Node{Place: r.place(node), size: 1}
	switch node := node.(type) {
	case *ast.AnchorNode:
		value := r.node(node.Value)
		r.anchors[node.Name.GetToken().Value] = value
		return value
	case *ast.AliasNode:
		name := node.Value.GetToken().Value
		if value, ok := r.anchors[name]; ok {
			return value
		}
		r.add(n.Place, "*%s: no anchor &%s stands before it", name, name)
		n.bad = true
	case *ast.MappingNode:
		r.mapping(n, node.Values)
	case *ast.MappingValueNode:
		r.mapping(n, []*ast.MappingValueNode{node})
	case *ast.SequenceNode:
		n.Items = make([]*Node, len(node.Values))
		for i, item := range node.Values {
			n.Items[i] = r.node(item)
			n.size = min(n.size+n.Items[i].size, maxValues+1)
		}
	case *ast.StringNode:
		n.Value = node.Value
	case *ast.LiteralNode:
		n.Value = node.Value.Value
	case *ast.BoolNode:
		n.Value = node.Value
	case *ast.NullNode:
	case *ast.IntegerNode, *ast.FloatNode:
		// YAML's other ways to write numbers (0755, 0x1f, 1_000) would change in silence.
		text := node.GetToken().Value
		n.Value = json.Number(text)
		if n.bad = !json.Valid([]byte(text)); n.bad {
			r.add(n.Place, "%s is no number in decimal digits; put it in quotes if it is text", text)
			n.Value = nil
		}
	default:
		r.add(n.Place, "%.60s has no place here: want text, a number, true, false, a list or a mapping", node.GetToken().Value)
		n.bad = true
	}
	return n
}

// mapping reads pairs whose keys are text and come once.
func (r *reader) mapping(n *Node, pairs []*ast.MappingValueNode) {
	n.Fields = []Field{}
	for _, pair := range pairs {
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			r.add(r.place(pair), "%s: this key is not plain text", pair.Key.GetToken().Value)
			continue
		}
		if first := n.Field(key.Value); first.Value != nil {
			r.add(r.place(pair), "%s: stands here twice, first in line %d", key.Value, first.Line)
			continue
		}
		value := r.node(pair.Value)
		n.Fields = append(n.Fields, Field{r.place(pair), key.Value, value})
		n.size = min(n.size+value.size, maxValues+1)
	}
}
