package releases

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Notes that say the same are one; what an older snapshot left out and a newer one did not,
// and a require that is met since, are told no more.
func TestIndexNotes(t *testing.T) {
	bad := func(tags ...string) Note {
		return Note{Repository: "tool", Tags: tags, What: "broken", LeftOut: true}
	}
	needs := func(name string) Note {
		return Note{Packages: []string{"acme/a 1.0"}, What: name + " is required", Requires: name}
	}
	first := Note{Repository: "tool", Tags: []string{"v1"}, Packages: []string{"acme/tool v1"}, What: "the first one stays"}
	i := &Index{
		Files: []IndexedFile{{Name: "acme/there"}},
		Snapshots: []IndexedSnapshot{
			{Line: "mirror", Notes: []Note{bad("1.0"), bad("1.1", "1.0")}},
			{Line: "other", Notes: []Note{bad("2.0")}},
			{Line: "mirror", Notes: []Note{bad("0.9"), needs("acme/there"), needs("acme/gone"), first}},
		},
	}
	if diff := cmp.Diff([]Note{bad("1.0", "1.1", "2.0"), needs("acme/gone"), first}, i.Notes("")); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	now := bad("1.2")
	if diff := cmp.Diff([]Note{bad("1.2", "2.0"), needs("acme/gone"), first}, i.Notes("mirror", now)); diff != "" {
		t.Errorf("with newer notes of a line (-want +got):\n%s", diff)
	}
	for want, n := range map[string]Note{
		`left out: tags ["1.0", "1.1"] of tool: broken`:           bad("1.0", "1.1"),
		`acme/tool v1 (tags ["v1"] of tool): the first one stays`: first,
		"a, b, c and 1 more: acme/gone is required":               {Packages: []string{"a", "b", "c", "d"}, What: "acme/gone is required"},
	} {
		if got := n.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
