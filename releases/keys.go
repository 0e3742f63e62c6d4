package releases

import (
	"reflect"
	"strings"
)

// keysOf are the keys that a mapping of that type has in a file, each with the
// index of its field.
func keysOf(t reflect.Type) map[string][]int {
	keys := map[string][]int{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && field.Tag.Get("yaml") != "-" {
			keys[name] = field.Index
		}
	}
	return keys
}

// fill gives every list and map that the file leaves out an empty one, so that
// the line reads the same when it was written as JSON in between.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	case reflect.Struct:
		for field := range v.Type().Fields() {
			if field.IsExported() {
				fill(v.FieldByIndex(field.Index))
				leaveOut(field, v.FieldByIndex(field.Index))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	}
}

// leaveOut makes an empty list or map nil that is left out when it is written.
func leaveOut(field reflect.StructField, v reflect.Value) {
	_, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	if isList := v.Kind() == reflect.Slice || v.Kind() == reflect.Map; isList && options == "omitempty" && v.Len() == 0 {
		v.SetZero()
	}
}

// nearest is the key that a wrong one was probably meant to be: at most a third
// of its characters, and one at least, would have to be changed.
func nearest(wrong string, keys []string) (string, bool) {
	if len(wrong) > 100 {
		return "", false
	}
	best, distance := "", max(1, len(wrong)/3)+1
	for _, key := range keys {
		if d := editDistance(strings.ToLower(wrong), key); d < distance {
			best, distance = key, d
		}
	}
	return best, best != ""
}

// editDistance is how many bytes have to be put in, left out or changed to make
// b of a (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// valueOf is the line as fill takes it.
func valueOf(l *Line) reflect.Value { return reflect.ValueOf(l).Elem() }
