package composer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The bounds of what is read. The largest real composer.json has some 40 KiB; a repository's include file lists every
// version of every package.
const (
	maxManifest   = 8 << 20  // bytes of one composer.json or composer.lock
	maxRepository = 64 << 20 // bytes of one file of a repository
	maxDepth      = 128      // of arrays and objects
)

// An object is a JSON object that keeps the order of its keys. Its values are written as Composer writes them, compactly,
// and never changed in place.
type object []Field

func (o object) index(key string) int {
	return slices.IndexFunc(o, func(f Field) bool { return f.Key == key })
}

// get is the value of a key; nil when there is none.
func (o object) get(key string) jsontext.Value {
	if i := o.index(key); i >= 0 {
		return o[i].Value
	}
	return nil
}

func (o *object) set(key string, value jsontext.Value) {
	if i := o.index(key); i >= 0 {
		(*o)[i].Value = value
		return
	}
	*o = append(*o, Field{key, value})
}

// delete removes keys. An object without members is the same in memory however it came to be, so that
// reflect.DeepEqual holds for a manifest that was saved and read again.
func (o *object) delete(keys ...string) {
	*o = slices.DeleteFunc(*o, func(f Field) bool { return slices.Contains(keys, f.Key) })
	if len(*o) == 0 {
		*o = nil
	}
}

// text writes the object compactly.
func (o object) text() jsontext.Value {
	size := 2
	for _, f := range o {
		size += len(f.Key) + len(f.Value) + len(`"":,`)
	}
	out := append(make([]byte, 0, size), '{')
	for i, f := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(appendQuote(out, f.Key), ':'), f.Value...)
	}
	return append(out, '}')
}

// asComposer are the options for what Composer's JsonFile writes: PHP's json_encode with JSON_UNESCAPED_SLASHES and
// JSON_UNESCAPED_UNICODE, which escapes U+2028 and U+2029 all the same. Numbers stay as they were written.
var asComposer = []jsontext.Options{jsontext.EscapeForJS(true), jsontext.AllowDuplicateNames(true)}

var lineEnds = strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`)

func quote(text string) jsontext.Value { return appendQuote(nil, text) }

func appendQuote(out []byte, text string) []byte {
	at := len(out)
	out, _ = jsontext.AppendQuote(out, text) // what is not UTF-8 is replaced
	if strings.Contains(text, "\u2028") || strings.Contains(text, "\u2029") {
		return append(out[:at:at], lineEnds.Replace(string(out[at:]))...)
	}
	return out
}

// decodeObject reads a JSON object strictly: UTF-8, no key twice, nothing behind it. Its errors begin with line and
// column, both counted from 1, the column in characters. check, if there is one, sees each member of the outermost
// object, so that its errors get their place too.
func decodeObject(data []byte, limit int, check func(Field) error) (object, error) {
	if len(data) > limit {
		return nil, fmt.Errorf("more than the %d bytes that are read", limit)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var o object
	err := eachMember(data, func(f Field) (err error) {
		if depth(f.Value) > maxDepth {
			return fmt.Errorf("nested deeper than %d", maxDepth)
		}
		if f.Value, err = jsontext.AppendFormat(nil, f.Value, asComposer...); err == nil && check != nil {
			err = check(f)
		}
		o = append(o, f)
		return err
	})
	return o, err
}

// eachMember reads an object member by member. Values share the bytes of data. Its errors have their places.
func eachMember(data []byte, do func(Field) error) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(data)) // a Buffer is read in place
	if d.PeekKind() != jsontext.KindBeginObject {
		value, err := d.ReadValue()
		if err != nil {
			return explain(data, err)
		}
		return positioned(data, 0, fmt.Errorf("it is %s, want an object", kindOf(value)))
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != jsontext.KindEndObject {
		var key jsontext.Token
		if key, err = d.ReadToken(); err != nil {
			break
		}
		f := Field{Key: key.String()}
		if f.Value, err = d.ReadValue(); err != nil {
			break
		}
		end := d.InputOffset()
		f.Value = data[int(end)-len(f.Value) : end : end]
		if err := do(f); err != nil {
			return positioned(data, end-1, err)
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err != nil {
		return explain(data, err)
	}
	if behind := bytes.TrimLeft(data[d.InputOffset():], " \t\r\n"); len(behind) > 0 {
		return positioned(data, int64(len(data)-len(behind)), errors.New("text behind the JSON value"))
	}
	return nil
}

// explain says where and why a text is refused.
func explain(data []byte, err error) error {
	var broken *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return positioned(data, int64(len(data)), errors.New("the text ends inside the JSON value"))
	case !errors.As(err, &broken):
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return positioned(data, broken.ByteOffset, fmt.Errorf("key %q appears twice", broken.JSONPointer.LastToken()))
	}
	return positioned(data, broken.ByteOffset, broken.Err)
}

// structure are the places of the brackets, commas and colons of a value that stand in no text.
func structure(value jsontext.Value) iter.Seq2[int, byte] {
	return func(yield func(int, byte) bool) {
		for i := 0; i < len(value); i++ {
			switch c := value[i]; c {
			case '"':
				for i++; value[i] != '"'; i++ {
					if value[i] == '\\' {
						i++
					}
				}
			case '{', '[', '}', ']', ',', ':':
				if !yield(i, c) {
					return
				}
			}
		}
	}
}

// depth is how deep the arrays and objects of a value are nested.
func depth(value jsontext.Value) (deepest int) {
	level := 0
	for _, c := range structure(value) {
		switch c {
		case '{', '[':
			level++
			deepest = max(deepest, level)
		case '}', ']':
			level--
		}
	}
	return deepest
}

// objectOf is a value that decodeObject gave as an object, if it is one.
func objectOf(value jsontext.Value) (object, bool) {
	if value.Kind() != jsontext.KindBeginObject {
		return nil, false
	}
	return membersOf(value), true
}

// membersOf cuts a compact object into its members, or a list into its entries, which have no keys.
func membersOf(value jsontext.Value) (o object) {
	level, from := 0, 1
	var key jsontext.Value
	for i, c := range structure(value) {
		switch c {
		case '{', '[':
			level++
			continue
		case ':':
			if level == 1 {
				key, from = value[from:i], i+1
			}
			continue
		}
		if level == 1 && i > from {
			text, _ := textOf(key)
			o = append(o, Field{text, value[from:i:i]})
			from = i + 1
		}
		if c != ',' {
			level--
		}
	}
	return o
}

// listOf is a value that decodeObject gave as a list, if it is one.
func listOf(value jsontext.Value) ([]jsontext.Value, bool) {
	if value.Kind() != jsontext.KindBeginArray {
		return nil, false
	}
	return valuesOf(value)
}

// valuesOf are the values of a list or, since PHP writes some lists so, of an object.
func valuesOf(value jsontext.Value) (values []jsontext.Value, ok bool) {
	if kind := value.Kind(); kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
		return nil, false
	}
	for _, f := range membersOf(value) {
		values = append(values, f.Value)
	}
	return values, true
}

// textOf is a value as a text, if it is one.
func textOf(value jsontext.Value) (string, bool) {
	if value.Kind() != jsontext.KindString {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 { // as most are
		return string(value[1 : len(value)-1]), true
	}
	text, err := jsontext.AppendUnquote(nil, value)
	return string(text), err == nil
}

// isNull says whether a value is null, or not there.
func isNull(value jsontext.Value) bool { return value == nil || value.Kind() == jsontext.KindNull }

// isNone says whether a value stands for an object without members: null, or PHP's empty list where it forgot that it
// was an object.
func isNone(value jsontext.Value) bool { return isNull(value) || string(value) == "[]" }

func kindOf(value jsontext.Value) string {
	switch value.Kind() {
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "a list"
	case jsontext.KindString:
		return "text"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "true or false"
	}
	return "null"
}

// positioned puts "line:column: " before err, for the character at the offset in bytes.
func positioned(data []byte, offset int64, err error) error {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("%d:%d: %w", line, column, err)
}
