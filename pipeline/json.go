package pipeline

import (
	"bytes"
	"encoding/json"
)

// EncodeJSON writes a value with a newline at its end, and slashes, <, > and & as they
// are. Each level is indented by indent; without one all is on one line. Maps are in
// byte order, so that the same value gives the same bytes.
func EncodeJSON(value any, indent string) ([]byte, error) {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(value)
	return data.Bytes(), err
}
