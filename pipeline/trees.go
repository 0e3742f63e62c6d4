package pipeline

import "reflect"

var treeType = reflect.TypeFor[Tree]()

// Trees finds every Tree within an artefact, each digest once and in the order
// in which they stand there. A Tree without a digest names nothing.
func Trees(artefact any) []Tree {
	var trees []Tree
	seen := map[Digest]bool{}
	walkTrees(reflect.ValueOf(artefact), func(t Tree) {
		if t.Digest != "" && !seen[t.Digest] {
			seen[t.Digest] = true
			trees = append(trees, t)
		}
	})
	return trees
}

// walkTrees looks into unexported fields too: a type that writes its own JSON
// may keep trees there. Results come from JSON, so that none holds itself.
func walkTrees(v reflect.Value, found func(Tree)) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == treeType {
			// By field, because Interface panics on what is unexported.
			digest, files, size := v.FieldByName("Digest"), v.FieldByName("Files"), v.FieldByName("Size")
			found(Tree{Digest: Digest(digest.String()), Files: int(files.Int()), Size: size.Int()})
			return
		}
		for i := range v.NumField() {
			walkTrees(v.Field(i), found)
		}
	case reflect.Slice, reflect.Array:
		if leaf(v.Type().Elem()) {
			return
		}
		for i := range v.Len() {
			walkTrees(v.Index(i), found)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			walkTrees(iter.Key(), found)
			walkTrees(iter.Value(), found)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walkTrees(v.Elem(), found)
		}
	}
}

// leaf says whether no value of the type can hold a Tree, which spares the walk
// over bytes and strings.
func leaf(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer, reflect.Interface:
		return false
	}
	return true
}
