package scan

import "bytes"

// readGraphQL reads a schema for the classes of its directives, such as
// @resolver(class: "Magento\\Catalog\\Model\\Resolver\\Products"): strings that
// look like a class with its namespace. Comments and block strings, which are
// descriptions, are passed over.
func readGraphQL(src []byte) result {
	c := newCollector()
	line := 1
	for i := 0; i < len(src); {
		switch rest := src[i:]; {
		case rest[0] == '\n':
			line++
			i++
		case rest[0] == '#':
			i += until(rest, "\n")
		case bytes.HasPrefix(rest, []byte(`"""`)):
			end := 3 + until(rest[3:], `"""`)
			line += bytes.Count(rest[:end], []byte("\n"))
			i += min(end+3, len(rest))
		case rest[0] == '"':
			end := 1 + stringEnd(rest[1:])
			value := bytes.ReplaceAll(rest[1:end], []byte(`\\`), []byte(`\`))
			if name, ok := className(value); ok {
				c.add(GraphQL, name, line)
			}
			i += end
			if i < len(src) && src[i] == '"' {
				i++
			}
		default:
			i++
		}
	}
	return c.result
}

// until is where mark begins, or the end.
func until(src []byte, mark string) int {
	if i := bytes.Index(src, []byte(mark)); i >= 0 {
		return i
	}
	return len(src)
}

// stringEnd is where a string's closing quotation mark stands, or the line's end.
func stringEnd(src []byte) int {
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '"', '\n':
			return i
		case '\\':
			// What is escaped does not end the string; a line's end always does.
			if i+1 < len(src) && src[i+1] != '\n' {
				i++
			}
		}
	}
	return len(src)
}
