package composer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
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

// An object is a JSON object that keeps the order of its keys. Values are *object, []any, string, json.Number, bool
// and nil. Shared values are never changed in place: who changes a list makes a new one.
type object struct {
	members []member
}

type member struct {
	key   string
	value any
}

func (o *object) index(key string) int {
	for i := range o.members {
		if o.members[i].key == key {
			return i
		}
	}
	return -1
}

func (o *object) get(key string) (any, bool) {
	if i := o.index(key); i >= 0 {
		return o.members[i].value, true
	}
	return nil, false
}

func (o *object) set(key string, value any) {
	if i := o.index(key); i >= 0 {
		o.members[i].value = value
		return
	}
	o.members = append(o.members, member{key: key, value: value})
}

// delete removes keys. An object without members is the same in memory however it came to be, so that
// reflect.DeepEqual holds for a manifest that was saved and read again.
func (o *object) delete(keys ...string) {
	o.members = slices.DeleteFunc(o.members, func(m member) bool { return slices.Contains(keys, m.key) })
	if len(o.members) == 0 {
		o.members = nil
	}
}

// clone copies the object; the values are shared, since nobody changes them in place.
func (o *object) clone() *object {
	return &object{members: append([]member(nil), o.members...)}
}

// decodeObject reads a JSON object strictly: UTF-8, no key twice, nothing behind it. Its errors begin with line and
// column, both counted from 1, the column in characters. check, if there is one, sees each member of the outermost
// object, so that its errors get their place too.
func decodeObject(data []byte, limit int, check func(member) error) (*object, error) {
	if len(data) > limit {
		return nil, fmt.Errorf("more than the %d bytes that are read", limit)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at := invalidUTF8(data); at >= 0 {
		return nil, positioned(data, int64(at), errors.New("not UTF-8"))
	}
	d := &decoder{data: data, check: check, tokens: jsontext.NewDecoder(bytes.NewBuffer(data))}
	o, err := d.text()
	var broken *jsontext.SyntacticError
	if errors.As(err, &broken) {
		return nil, d.explain(broken)
	}
	return o, err
}

type decoder struct {
	data   []byte
	check  func(member) error
	tokens *jsontext.Decoder
}

// text reads the object and looks that nothing is behind it.
func (d *decoder) text() (*object, error) {
	value, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := d.tokens.ReadToken(); err != io.EOF {
		return nil, cmp.Or(err, error(&jsontext.SyntacticError{ByteOffset: d.tokens.InputOffset(), Err: errors.New("text behind the JSON value")}))
	}
	o, ok := value.(*object)
	if !ok {
		return nil, positioned(d.data, 0, fmt.Errorf("it is %s, want an object", kindOf(value)))
	}
	return o, nil
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, d.here(fmt.Errorf("nested deeper than %d", maxDepth))
	}
	token, err := d.tokens.ReadToken()
	if err != nil {
		if err == io.EOF {
			err = &jsontext.SyntacticError{ByteOffset: int64(len(d.data)), Err: io.ErrUnexpectedEOF}
		}
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindBeginObject:
		return d.object(depth)
	case jsontext.KindBeginArray:
		return d.array(depth)
	case jsontext.KindString:
		return token.String(), nil
	case jsontext.KindNumber:
		return json.Number(token.String()), nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return token.Bool(), nil
	}
	return nil, nil //nolint:nilnil // null
}

func (d *decoder) object(depth int) (*object, error) {
	o := &object{}
	for d.tokens.PeekKind() != jsontext.KindEndObject {
		token, err := d.tokens.ReadToken()
		if err != nil {
			return nil, err
		}
		m := member{key: token.String()}
		if m.value, err = d.value(depth + 1); err != nil {
			return nil, err
		}
		if depth == 0 && d.check != nil {
			if err := d.check(m); err != nil {
				return nil, d.here(err)
			}
		}
		o.members = append(o.members, m)
	}
	_, err := d.tokens.ReadToken()
	return o, err
}

func (d *decoder) array(depth int) ([]any, error) {
	list := []any{}
	for d.tokens.PeekKind() != jsontext.KindEndArray {
		value, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.tokens.ReadToken()
	return list, err
}

func (d *decoder) here(err error) error {
	return positioned(d.data, d.tokens.InputOffset()-1, err)
}

// explain says where and why a text is refused. For what is no JSON at all
// encoding/json has the clearer words and the exact place; it takes a key twice
// and half of a surrogate pair, which PHP refuses.
func (d *decoder) explain(broken *jsontext.SyntacticError) error {
	if err := syntax(d.data); err != nil {
		return err
	}
	if errors.Is(broken, jsontext.ErrDuplicateName) {
		return positioned(d.data, broken.ByteOffset, fmt.Errorf("key %q appears twice", broken.JSONPointer.LastToken()))
	}
	return positioned(d.data, broken.ByteOffset, broken.Err)
}

// syntax says where data is no JSON.
func syntax(data []byte) error {
	offset, err := syntaxError(data)
	if err == nil {
		return nil
	}
	// One blank more moves the place of an error only when it is the end of the text that is wrong.
	if offset == int64(len(data)) {
		if grown, _ := syntaxError(slices.Concat(data, []byte(" "))); grown > offset {
			return positioned(data, offset, errors.New("the text ends inside the JSON value"))
		}
	}
	return positioned(data, offset-1, err)
}

// syntaxError is encoding/json's error, and behind how many bytes it appeared.
func syntaxError(data []byte) (int64, error) {
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	var broken *json.SyntaxError
	if errors.As(err, &broken) {
		return broken.Offset, err
	}
	return 0, err
}

// positioned puts "line:column: " before err, for the character at the offset in bytes.
func positioned(data []byte, offset int64, err error) error {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("%d:%d: %w", line, column, err)
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
