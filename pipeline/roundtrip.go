package pipeline

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/go-cmp/cmp"
)

// roundTrip gives v as JSON, and as it comes back from there. Both must be the
// same: what is lost would be missing from the key, or from a reused result.
// Values are compared and not the JSON of both, which a dropped unexported
// field leaves the same.
func roundTrip[T any](v T) ([]byte, T, error) {
	var back, zero T
	data, err := json.Marshal(v)
	if err != nil {
		return nil, zero, fmt.Errorf("write %T as JSON: %w", v, err)
	}
	if err := json.Unmarshal(data, &back); err != nil {
		return nil, zero, fmt.Errorf("read %T back from JSON: %w", v, err)
	}
	if !reflect.DeepEqual(v, back) {
		all := cmp.Exporter(func(reflect.Type) bool { return true })
		return nil, zero, fmt.Errorf("%T does not survive JSON: give it an exported field, no \"omitempty\" and no value that JSON changes (-before +after):\n%s", v, cmp.Diff(v, back, all))
	}
	return data, back, nil
}
