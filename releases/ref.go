package releases

import "strings"

// A Ref is one ref of a git repository. For an annotated tag, Commit is the commit that it
// stands for, not the tag object.
type Ref struct {
	Name   string // full: refs/heads/main
	Commit string // 40 hexadecimal digits
}

// Short is the name without refs/heads/ or refs/tags/.
func (r Ref) Short() string {
	return strings.TrimPrefix(strings.TrimPrefix(r.Name, "refs/heads/"), "refs/tags/")
}
