package composer

import "encoding/json"

// License reads a value of "license": one text or several, of which the user may choose; anything else is no licence.
// Source: https://getcomposer.org/doc/04-schema.md#license.
func License(value json.RawMessage) []string {
	var one string
	if json.Unmarshal(value, &one) == nil {
		if one == "" {
			return nil
		}
		return []string{one}
	}
	var several []string
	if json.Unmarshal(value, &several) != nil {
		return nil
	}
	return several
}
