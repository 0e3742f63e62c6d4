package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
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
		name := fmt.Sprintf("%T", v)
		field := cmp.Or(difference(name, reflect.ValueOf(&v).Elem(), reflect.ValueOf(&back).Elem(), 0), name)
		return nil, zero, fmt.Errorf("%s does not survive JSON: give it an exported field, no \"omitempty\" and no value that JSON changes", field)
	}
	return data, back, nil
}

// maxDepth ends the search for a difference in values that hold themselves.
const maxDepth = 100

// difference names the first part of a that is not the same in b, below the
// name path: "stages.Sources.Repositories[3].Head.Files". It is empty when there is none.
// Unlike reflect.DeepEqual it says where, also within unexported fields.
func difference(path string, a, b reflect.Value, depth int) string {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() || depth > maxDepth {
		return path
	}
	switch a.Kind() {
	case reflect.Invalid:
		return ""
	case reflect.Struct:
		for i := range a.NumField() {
			if d := difference(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i), depth+1); d != "" {
				return d
			}
		}
		return ""
	case reflect.Slice, reflect.Array:
		return differenceOfLists(path, a, b, depth)
	case reflect.Map:
		return differenceOfMaps(path, a, b, depth)
	case reflect.Pointer, reflect.Interface:
		return difference(path, a.Elem(), b.Elem(), depth+1)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if a.IsNil() && b.IsNil() {
			return ""
		}
		return path
	}
	if a.Equal(b) {
		return ""
	}
	return path
}

func differenceOfLists(path string, a, b reflect.Value, depth int) string {
	if a.Len() != b.Len() || a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
		return path
	}
	for i := range a.Len() {
		if d := difference(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i), depth+1); d != "" {
			return d
		}
	}
	return ""
}

func differenceOfMaps(path string, a, b reflect.Value, depth int) string {
	if a.Len() != b.Len() || a.IsNil() != b.IsNil() {
		return path
	}
	for _, key := range a.MapKeys() {
		if d := difference(fmt.Sprintf("%s[%v]", path, key), a.MapIndex(key), b.MapIndex(key), depth+1); d != "" {
			return d
		}
	}
	return ""
}
