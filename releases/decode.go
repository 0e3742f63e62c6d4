package releases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/mage-os/nightly/releases/composer"
)

// A decoder reads YAML into a Line. The keys are the names in the struct tags
// for JSON; a field with the tag yaml:"-" has none. It goes on after a problem,
// and remembers where each value stood.
type decoder struct {
	places   map[string]place // by path: "repositories[3].ref"
	broken   map[string]bool  // paths that have a problem already
	anchors  map[string]ast.Node
	values   int
	problems []problem
}

func newDecoder() *decoder {
	return &decoder{places: map[string]place{}, broken: map[string]bool{}, anchors: map[string]ast.Node{}}
}

// present says whether the file has a value there.
func (d *decoder) present(path string) bool {
	_, ok := d.places[path]
	return ok
}

// place is where the value stands, or the closest one around it.
func (d *decoder) place(path string) place {
	for path != "" {
		if at, ok := d.places[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return place{1, 1}
}

// isBroken says whether a problem of that value is known, of one around it or of
// one within: what else is wrong with it may only follow from that.
func (d *decoder) isBroken(path string) bool {
	for broken := range d.broken {
		if broken == path || within(broken, path) || within(path, broken) {
			return true
		}
	}
	return false
}

// within says whether path is that of a value inside outer.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && rest != "" && (outer == "" || rest[0] == '.' || rest[0] == '[')
}

func (d *decoder) add(path string, node ast.Node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	d.broken[path] = true
	d.problems = append(d.problems, problem{at: placeOfNode(node), path: path, text: text})
}

// wants adds the problem that a value is of another kind.
func (d *decoder) wants(path string, node ast.Node, kind string) {
	switch found := kindOf(node); {
	case found == "nothing" && strings.HasSuffix(path, "]"):
		d.add(path, node, "is empty, want %s", kind)
	case found == "nothing":
		d.add(path, node, "is empty, want %s; leave the key out for its default", kind)
	case kind == "text" && (found == "a number" || found == "true or false"):
		d.add(path, node, "%s is %s, want text; put it in quotes", node.GetToken().Value, found)
	default:
		d.add(path, node, "is %s, want %s", found, kind)
	}
}

// follow hands a value to decode, anchors and aliases followed. An anchor is
// known only behind its value, so that no value can hold itself.
func (d *decoder) follow(path string, node ast.Node, decode func(ast.Node)) {
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.add(path, node, "more than %d values, aliases followed", maxValues)
		}
		return
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		d.follow(path, n.Value, decode)
		d.anchors[n.Name.GetToken().Value] = n.Value
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		value, ok := d.anchors[name]
		if !ok {
			d.add(path, n, "*%s: no anchor &%s stands before it", name, name)
			return
		}
		d.follow(path, value, decode)
	case *ast.TagNode:
		d.add(path, n, "tags such as %s have no place in a release line", n.GetToken().Value)
	default:
		decode(node)
	}
}

// value reads a value into a field, an element or the line itself.
func (d *decoder) value(path string, node ast.Node, into reflect.Value) {
	d.follow(path, node, func(node ast.Node) {
		d.places[path] = placeOfNode(node)
		switch into.Interface().(type) {
		case *composer.Manifest:
			d.manifest(path, node, into)
			return
		}
		switch into.Kind() {
		case reflect.String:
			d.text(path, node, into)
		case reflect.Bool:
			if b, ok := node.(*ast.BoolNode); ok {
				into.SetBool(b.Value)
				return
			}
			d.wants(path, node, "true or false")
		case reflect.Int:
			d.integer(path, node, into)
		case reflect.Slice:
			d.list(path, node, into)
		case reflect.Map:
			d.textMap(path, node, into)
		case reflect.Pointer:
			if _, none := node.(*ast.NullNode); !none {
				into.Set(reflect.New(into.Type().Elem()))
				d.mapping(path, node, into.Elem())
			}
		default:
			d.mapping(path, node, into)
		}
	})
}

func (d *decoder) text(path string, node ast.Node, into reflect.Value) {
	switch node := node.(type) {
	case *ast.StringNode:
		into.SetString(node.Value)
	case *ast.LiteralNode:
		into.SetString(node.Value.Value)
	default:
		d.wants(path, node, "text")
	}
}

func (d *decoder) integer(path string, node ast.Node, into reflect.Value) {
	number, ok := node.(*ast.IntegerNode)
	if !ok {
		d.wants(path, node, "a whole number")
		return
	}
	value, err := strconv.ParseInt(number.GetToken().Value, 10, 32)
	if err != nil {
		d.add(path, node, "%s is no whole number in decimal digits, or too large", number.GetToken().Value)
		return
	}
	into.SetInt(value)
}

func (d *decoder) list(path string, node ast.Node, into reflect.Value) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		d.wants(path, node, "a list")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(list.Values), len(list.Values)))
	for i, element := range list.Values {
		d.value(fmt.Sprintf("%s[%d]", path, i), element, into.Index(i))
	}
}

// textMap reads a mapping of text to text.
func (d *decoder) textMap(path string, node ast.Node, into reflect.Value) {
	into.Set(reflect.MakeMap(into.Type()))
	d.pairs(path, node, func(key string, pair *ast.MappingValueNode) {
		value := reflect.New(into.Type().Elem()).Elem()
		d.value(joinPath(path, key), pair.Value, value)
		into.SetMapIndex(reflect.ValueOf(key), value)
	})
}

// mapping reads a mapping into a struct.
func (d *decoder) mapping(path string, node ast.Node, into reflect.Value) {
	fields := keysOf(into.Type())
	d.pairs(path, node, func(key string, pair *ast.MappingValueNode) {
		if field, ok := fields[key]; ok {
			d.value(joinPath(path, key), pair.Value, into.FieldByIndex(field))
			return
		}
		keys := slices.Sorted(maps.Keys(fields))
		near, ok := nearest(key, keys)
		if !ok {
			d.add(joinPath(path, key), pair.Key, "unknown key; the keys here are %s", strings.Join(keys, ", "))
			return
		}
		d.add(joinPath(path, key), pair.Key, "unknown key, did you mean %s?", near)
		d.broken[joinPath(path, near)] = true // "near is missing" would say the same again
	})
}

// pairs gives the pairs of a mapping whose keys are text and come once.
func (d *decoder) pairs(path string, node ast.Node, pair func(key string, pair *ast.MappingValueNode)) {
	var values []*ast.MappingValueNode
	switch node := node.(type) {
	case *ast.MappingNode:
		values = node.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{node}
	default:
		d.wants(path, node, "a mapping")
		return
	}
	lines := map[string]int{}
	for _, value := range values {
		key, ok := value.Key.(*ast.StringNode)
		if !ok {
			d.add(joinPath(path, value.Key.GetToken().Value), value.Key, "this key is not plain text")
			continue
		}
		if line, twice := lines[key.Value]; twice {
			d.add(joinPath(path, key.Value), key, "stands here twice, first in line %d", line)
			continue
		}
		lines[key.Value] = placeOfNode(key).line
		pair(key.Value, value)
	}
}

// manifest reads a mapping into a composer.json, its keys in their order.
func (d *decoder) manifest(path string, node ast.Node, into reflect.Value) {
	if _, ok := node.(*ast.MappingNode); !ok {
		d.wants(path, node, "a mapping")
		return
	}
	before := len(d.problems)
	var out bytes.Buffer
	d.json(path, node, &out)
	if len(d.problems) > before {
		return
	}
	m, err := composer.ParseManifest(out.Bytes())
	if err != nil {
		d.add(path, node, "%v", err)
		return
	}
	into.Set(reflect.ValueOf(m))
}

// json writes any value as JSON.
func (d *decoder) json(path string, node ast.Node, out *bytes.Buffer) {
	d.follow(path, node, func(node ast.Node) {
		d.places[path] = placeOfNode(node)
		switch node := node.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			before := byte('{')
			d.pairs(path, node, func(key string, pair *ast.MappingValueNode) {
				out.WriteByte(before)
				before = ','
				writeJSON(out, key)
				out.WriteByte(':')
				d.json(joinPath(path, key), pair.Value, out)
			})
			if before == '{' {
				out.WriteByte('{')
			}
			out.WriteByte('}')
		case *ast.SequenceNode:
			out.WriteByte('[')
			for i, element := range node.Values {
				if i > 0 {
					out.WriteByte(',')
				}
				d.json(fmt.Sprintf("%s[%d]", path, i), element, out)
			}
			out.WriteByte(']')
		default:
			d.scalar(path, node, out)
		}
	})
}

// scalar writes a value that is no list and no mapping. A number has to be
// written as JSON writes it: YAML's other ways (0755, 0x1f, 1_000) would change
// in silence.
func (d *decoder) scalar(path string, node ast.Node, out *bytes.Buffer) {
	switch node := node.(type) {
	case *ast.StringNode:
		writeJSON(out, node.Value)
	case *ast.LiteralNode:
		writeJSON(out, node.Value.Value)
	case *ast.BoolNode:
		writeJSON(out, node.Value)
	case *ast.NullNode:
		out.WriteString("null")
	default:
		text := node.GetToken().Value
		if !json.Valid([]byte(text)) {
			d.add(path, node, "%s is no number of JSON; put it in quotes if it is text", text)
			return
		}
		out.WriteString(text)
	}
}

// writeJSON writes text or a bool, which cannot fail.
func writeJSON(out *bytes.Buffer, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	out.Write(data)
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
