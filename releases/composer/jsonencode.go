package composer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// appendJSON writes a value as Composer's JsonFile does: PHP's json_encode with JSON_PRETTY_PRINT,
// JSON_UNESCAPED_SLASHES and JSON_UNESCAPED_UNICODE. indent is the current depth, -1 for compact text. Numbers stay
// as they were written.
func appendJSON(out []byte, value any, indent int) []byte {
	switch value := value.(type) {
	case *object:
		return appendObject(out, value, indent)
	case []any:
		return appendArray(out, value, indent)
	case string:
		return appendString(out, value)
	case json.Number:
		return append(out, value...)
	case bool:
		return strconv.AppendBool(out, value)
	case nil:
		return append(out, "null"...)
	}
	panic(fmt.Sprintf("composer: %T is no JSON value", value)) // decodeObject and encodable make no other
}

func appendObject(out []byte, o *object, indent int) []byte {
	if len(o.members) == 0 {
		return append(out, "{}"...)
	}
	out = append(out, '{')
	for i, member := range o.members {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendBreak(out, indent, 1)
		out = append(appendString(out, member.key), ':')
		if indent >= 0 {
			out = append(out, ' ')
		}
		out = appendJSON(out, member.value, deeper(indent))
	}
	return append(appendBreak(out, indent, 0), '}')
}

func appendArray(out []byte, list []any, indent int) []byte {
	if len(list) == 0 {
		return append(out, "[]"...)
	}
	out = append(out, '[')
	for i, value := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendBreak(out, indent, 1)
		out = appendJSON(out, value, deeper(indent))
	}
	return append(appendBreak(out, indent, 0), ']')
}

func deeper(indent int) int {
	if indent < 0 {
		return indent
	}
	return indent + 1
}

// appendBreak starts a new line, more levels deeper than indent; nothing in compact text.
func appendBreak(out []byte, indent, more int) []byte {
	if indent < 0 {
		return out
	}
	return append(append(out, '\n'), strings.Repeat("    ", indent+more)...)
}

// appendString quotes s. U+2028 and U+2029 are escaped, as PHP does without JSON_UNESCAPED_LINE_TERMINATORS.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r < ' ' || r == '\u2028' || r == '\u2029':
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = append(out, string(r)...)
		}
	}
	return append(out, '"')
}
