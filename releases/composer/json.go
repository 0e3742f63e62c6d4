package composer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
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
	if err := syntax(data); err != nil {
		return nil, err
	}
	d := &decoder{data: data, check: check, tokens: json.NewDecoder(bytes.NewReader(data))}
	d.tokens.UseNumber()
	value, err := d.value(0)
	if err != nil {
		return nil, err
	}
	o, ok := value.(*object)
	if !ok {
		return nil, positioned(data, 0, fmt.Errorf("it is %s, want an object", kindOf(value)))
	}
	return o, nil
}

// syntax says where data is no JSON. It comes before the tokens because only here encoding/json gives the exact place.
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

type decoder struct {
	data   []byte
	check  func(member) error
	tokens *json.Decoder
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, d.here(fmt.Errorf("nested deeper than %d", maxDepth))
	}
	token, err := d.token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return d.object(depth)
	case json.Delim('['):
		return d.array(depth)
	}
	return token, nil
}

func (d *decoder) object(depth int) (*object, error) {
	o := &object{}
	seen := map[string]bool{}
	for d.tokens.More() {
		token, err := d.token()
		if err != nil {
			return nil, err
		}
		key := token.(string) // syntax saw to it
		if seen[key] {
			return nil, d.here(fmt.Errorf("key %q appears twice", key))
		}
		seen[key] = true
		value, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		m := member{key: key, value: value}
		if depth == 0 && d.check != nil {
			if err := d.check(m); err != nil {
				return nil, d.here(err)
			}
		}
		o.members = append(o.members, m)
	}
	_, err := d.token()
	return o, err
}

func (d *decoder) array(depth int) ([]any, error) {
	list := []any{}
	for d.tokens.More() {
		value, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.token()
	return list, err
}

// token reads the next token. A lone half of a surrogate pair is refused: encoding/json would replace it silently,
// PHP refuses it.
func (d *decoder) token() (json.Token, error) {
	before := d.tokens.InputOffset()
	token, err := d.tokens.Token()
	if err != nil {
		return nil, err
	}
	if text, ok := token.(string); ok && strings.ContainsRune(text, utf8.RuneError) {
		raw := d.data[before:d.tokens.InputOffset()]
		if loneSurrogate(raw) {
			return nil, d.here(errors.New(`half of a surrogate pair (\ud800 to \udfff) in text`))
		}
	}
	return token, nil
}

func (d *decoder) here(err error) error {
	return positioned(d.data, d.tokens.InputOffset()-1, err)
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

// loneSurrogate looks for a \u escape of half a pair in the raw text of a JSON string.
func loneSurrogate(raw []byte) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' || i+5 > len(raw) {
			continue
		}
		half := strings.ToLower(string(raw[i+1 : i+5]))
		if half < "d800" || half > "dfff" {
			continue
		}
		if half > "dbff" || i+11 > len(raw) || raw[i+5] != '\\' || raw[i+6] != 'u' {
			return true
		}
		if low := strings.ToLower(string(raw[i+7 : i+11])); low < "dc00" || low > "dfff" {
			return true
		}
		i += 10
	}
	return false
}
