package scan

import (
	"bytes"
	"fmt"
)

// text shows files for people.
func text(files []File) []byte {
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%s\n", f.Path)
		for _, d := range f.Declares {
			fmt.Fprintf(&b, "    declares %s\n", d)
		}
		for _, r := range f.References {
			fmt.Fprintf(&b, "    %d: %s %s\n", r.Line, r.Kind, r.Name)
		}
		if f.Problem != "" {
			fmt.Fprintf(&b, "    problem: %s\n", f.Problem)
		}
	}
	return b.Bytes()
}
